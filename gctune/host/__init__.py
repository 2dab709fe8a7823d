"""Facts about where we run. Reads, never writes."""
