"""Staying below a memory limit, relief and recycling; pools of objects and of blocks."""
