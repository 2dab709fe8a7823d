"""A comparison of texts: lists of lines that die as soon as they were compared."""

from __future__ import annotations

from difflib import SequenceMatcher
from random import Random

draw = Random(1)
words = [f"word{number}" for number in range(300)]
texts = [" ".join(draw.choices(words, k=240)) for _ in range(60)]
print(max(SequenceMatcher(None, one, other).ratio() for one in texts[:6] for other in texts[6:]))
