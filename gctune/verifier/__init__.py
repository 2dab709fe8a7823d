"""Whether settings keep what was promised: runs at both in turn, and the verdict on them."""
