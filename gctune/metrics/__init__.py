"""What a process tells of itself in numbers, for itself and for all workers of its service."""
