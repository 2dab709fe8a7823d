"""The rss of this process, read again and again from a file that is kept open.

Each system call gives the interpreter's lock away, and next to a busy program
opening, reading and closing the file takes 130 us of CPU time, this 55.
"""

from __future__ import annotations

import os

from gctune.host.files import FLAGS, above_streams, close_own, identity, within
from gctune.host.process import resident_bytes, rss_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.host.files import StrPath

_NONE = -1
_LONGER = 256  # bytes than the file ever is


class Statm:
    """`rss_bytes()` as `gctune.host.process` has it, until `close`.

    A forked child reads its own file. Where the program has closed the
    descriptor, which by then may be of a file of its own, another is opened.
    """

    def __init__(self, proc: StrPath = "/proc") -> None:
        self._proc = proc
        self._pid = 0
        self._descriptor = _NONE
        self._file: tuple[int, int] | None = None

    def rss_bytes(self) -> int:
        """Memory of this process that is in RAM, shared pages included."""
        try:
            if self._pid != os.getpid():
                self._open()
            return resident_bytes(os.pread(self._descriptor, _LONGER, 0))
        except (OSError, ValueError):
            self._pid = 0
            return rss_bytes(self._proc)

    def close(self) -> None:
        """Close the file, unless its number is another's by now."""
        close_own(self._descriptor, self._file)
        self._pid, self._file = 0, None

    def _open(self) -> None:
        self.close()
        self._descriptor = above_streams(os.open(within(self._proc, "self/statm"), FLAGS))
        self._file = identity(self._descriptor)
        self._pid = os.getpid()
