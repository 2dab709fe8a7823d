"""What gctune has for servers and other packages, each imported where that package is there."""
