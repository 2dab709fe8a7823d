"""Whether a request or a task is lost when workers leave for the sake of their memory.

    python tests/benchmarks/recycles.py [RECYCLES [SERVER...]]

Each server has eight workers and a ceiling that all of them are above, so that
each leaves ten to twenty seconds after it began, while two clients ask one
request after the other, each on a connection of its own, and none twice. The
processes of a worker of celery's leave after each task, while as many tasks as
there are processes wait in its queue.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers import listening
from services import APPS, SERVERS, TUNED, Load, command_of, told, working

RECYCLES = int(sys.argv[1]) if len(sys.argv) > 1 else 50
NAMES = sys.argv[2:] or [*SERVERS, "celery"]
WORKERS = 8
CLIENTS = {"celery": 2 * WORKERS}
CEILING = {"GCTUNE_MEMORY__RECYCLE": "1MiB"}
TERMS = {**TUNED, **CEILING, "PYTHONPATH": str(APPS)}
DEADLINE = 600.0  # seconds


@contextlib.contextmanager
def asking(name: str, folder: Path) -> Iterator[Callable[[], int]]:
    """A server, or a worker of celery's; gives what asks once which process answers."""
    if name == "celery":
        with working(folder, WORKERS, **CEILING) as environ:
            os.environ["TASKS"] = environ["TASKS"]
            sys.path.insert(0, str(APPS))
            import tasks

            yield lambda: tasks.told.delay().get(timeout=60)["pid"]
    else:
        path = folder / "socket"
        with listening(*command_of(name, path, WORKERS), directory=APPS, path=path, **TERMS):
            yield lambda: told(path)["pid"]


def measure(name: str, folder: Path) -> str:
    begun = time.monotonic()
    with asking(name, folder) as ask, Load(ask, CLIENTS.get(name, 2)) as load:
        while len(load.workers) < WORKERS + RECYCLES and time.monotonic() - begun < DEADLINE:
            time.sleep(0.5)
    recycles = len(load.workers) - WORKERS
    seconds = time.monotonic() - begun
    how = sorted({repr(error) for error in load.lost})
    lost = f"{len(load.lost)} lost {', '.join(how)}".rstrip()
    return f"{recycles} recycles in {seconds:.0f} s, {load.answered} answered, {lost}"


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {WORKERS} workers")
    for name in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            print(f"  {name}: {measure(name, Path(folder))}", flush=True)


if __name__ == "__main__":
    main()
