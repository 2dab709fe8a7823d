"""Text of plans, settings and recommendations."""
