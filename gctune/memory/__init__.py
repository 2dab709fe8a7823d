"""What memory is spent on: pools of reused objects and of fixed-size blocks."""
