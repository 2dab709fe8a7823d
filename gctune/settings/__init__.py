"""What is wanted: settings, where each value came from, and the plan for a host."""
