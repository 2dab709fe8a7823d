"""What is kept of a run: captures, while it is recorded and as a file, and heaps."""
