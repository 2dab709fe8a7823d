"""Adaptive collection: a pure policy from readings to settings, and the duty that follows it."""
