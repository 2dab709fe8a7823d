"""What is done to the interpreter: a plan, the knobs it turns, and the way back."""
