"""Programs whose endpoints are served, and that do as they are told meanwhile."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from children import BARE
from stores import STORE, lines_of_store

# Each line that it is sent is run as Python, and what that left in `_` goes back as JSON.
PROGRAM = f"""\
import gc, json, sys, time, tracemalloc
import gctune

{STORE}
def grow():
    kept.append(filled())

def own_sites():
    found = tracemalloc.take_snapshot().statistics("traceback")
    return [[[f.lineno for f in s.traceback if f.filename == __file__], s.count, s.size]
            for s in found if s.traceback[-1].filename == __file__]

kept = []
applied = gctune.apply()
while not gctune.served_at() or gctune.sample().level == "off":  # both begin a second later
    time.sleep(0.05)
print(json.dumps(gctune.served_at()), flush=True)
for line in sys.stdin:
    _ = None
    exec(line)
    print(json.dumps(_), flush=True)
"""


STORES = lines_of_store(PROGRAM)


class Program:
    """A program under way: where it serves, and a way to have it do something."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child
        self.name: str = self._answer()

    @property
    def url(self) -> str:
        return self.name if self.name.startswith("unix:") else f"http://{self.name}"

    def run(self, line: str) -> Any:
        """What a line of Python leaves in `_`."""
        assert self.child.stdin is not None
        self.child.stdin.write(f"{line}\n")
        self.child.stdin.flush()
        return self._answer()

    def end(self) -> str:
        """Have the program end by itself; what it wrote to standard error."""
        _, told = self.child.communicate(timeout=60)
        assert self.child.returncode == 0, told
        return told

    def _answer(self) -> Any:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise AssertionError(self.child.communicate(timeout=60)[1])
        return json.loads(line)


def start(folder: Path, *, prefix: tuple[str, ...] = (), **variables: str) -> subprocess.Popen[str]:
    """Begin a program in a folder, below `prefix`."""
    path = folder / "program.py"
    path.write_text(PROGRAM)
    return subprocess.Popen(
        [*prefix, sys.executable, str(path)],
        env={**BARE, **variables},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def served(folder: Path, **variables: str) -> Iterator[Program]:
    """A program that serves its endpoints, killed at the end if it has not ended."""
    with start(folder, **variables) as child:
        try:
            yield Program(child)
        finally:
            if child.poll() is None:
                child.kill()
