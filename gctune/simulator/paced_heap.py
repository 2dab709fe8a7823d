"""The generations of a program in adaptive mode, whose objects are frozen again and again."""

from __future__ import annotations

from gctune.simulator.generations import MIDDLE, OLD
from gctune.simulator.heap import Heap
from gctune.simulator.lives import Life


class PacedHeap(Heap):
    """A heap of which all that exists can be frozen, again and again, and thawed."""

    frozen_garbage = 0.0

    def bury(self, life: Life, blocks: float) -> None:
        """Objects die, which no collection finds where they are frozen."""
        if life.birth < self._frozen_at:
            self.frozen_garbage += life.objects
        super().bury(life, blocks)

    def freeze(self, live: float, position: float) -> None:
        """Put everything out of reach of later collections, garbage with it."""
        self.frozen_garbage += sum(self.garbage)
        super().freeze(live, position)

    def thaw(self) -> int:
        """Have full collections look at all of it again; how many objects that is."""
        thawed = self.frozen + self.frozen_garbage
        self.discard(OLD, self.frozen_garbage, self.frozen_blocks)
        self.frozen = self.frozen_blocks = self.frozen_garbage = 0.0
        self._frozen_at = -1.0
        return round(thawed)

    def older(self, live: float, young: float) -> float:
        """What is neither frozen nor young, of so many that live."""
        return max(0.0, live - self.frozen - young + self.garbage[MIDDLE] + self.garbage[OLD])

    def forget(self) -> None:
        """Look at nothing, and take it that the last full collection left nothing."""
        self.settled = self.pending = 0.0
