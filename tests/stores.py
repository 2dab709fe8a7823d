"""Where the programs allocate whose heaps are profiled: a megabyte a store, and a secret."""

from __future__ import annotations

STORE = """\
SECRET = "pass" + "word"
make = lambda: bytearray(1000)

class Store:
    def __init__(self):
        self.rows = [bytearray(300) for _ in range(1000)]

    def load(self):
        self.more = [make() for _ in range(500)]

def filled():
    store = Store()
    store.load()
    store.secrets = {SECRET * 2: SECRET * 3}
    return store
"""


def lines_of_store(program: str) -> range:
    """The lines of a program, counted from 1, that are those of STORE in it."""
    first = program[: program.index(STORE)].count("\n") + 1
    return range(first, first + STORE.count("\n"))
