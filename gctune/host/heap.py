"""What the C library's allocator holds free: the program can have it without the system's help.

Raises AttributeError as it is imported where the C library cannot tell: before
glibc 2.33, or another one.
"""

from __future__ import annotations

import ctypes


class _Mallinfo2(ctypes.Structure):
    """glibc's `struct mallinfo2`; `fordblks` is the bytes that are free in all arenas."""

    _fields_ = [
        ("arena", ctypes.c_size_t),
        ("ordblks", ctypes.c_size_t),
        ("smblks", ctypes.c_size_t),
        ("hblks", ctypes.c_size_t),
        ("hblkhd", ctypes.c_size_t),
        ("usmblks", ctypes.c_size_t),
        ("fsmblks", ctypes.c_size_t),
        ("uordblks", ctypes.c_size_t),
        ("fordblks", ctypes.c_size_t),
        ("keepcost", ctypes.c_size_t),
    ]


_mallinfo2 = ctypes.PyDLL(None).mallinfo2
_mallinfo2.restype = _Mallinfo2


def free_bytes() -> int:
    """Bytes that glibc holds free, those that are not in RAM any more included.

    Takes 10 us, and longer the more pieces are free: 60 ms for 200,000. Keeps
    the interpreter's lock.
    """
    return int(_mallinfo2().fordblks)
