"""gctune's thread, and what is seen: collections, samples, requests, operations and alerts."""
