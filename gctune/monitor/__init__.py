"""What is seen: collections as they happen, with no Python frame in the callback."""
