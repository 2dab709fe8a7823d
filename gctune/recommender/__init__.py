"""What to change: a captured run, replayed under other settings."""
