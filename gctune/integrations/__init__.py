"""What gctune has for other packages, each imported where that package is there."""
