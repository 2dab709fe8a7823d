"""What is kept of a run: records, the file they stand in, and the recording itself."""
