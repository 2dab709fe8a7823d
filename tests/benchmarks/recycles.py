"""Whether a request is lost when workers leave for the sake of their memory.

    python tests/benchmarks/recycles.py [RECYCLES [SERVER...]]

Each server has eight workers and a ceiling that all of them are above, so that
each leaves ten to twenty seconds after it began, while two clients ask one
request after the other, each on a connection of its own, and none twice.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers import listening
from services import APPS, SERVERS, TUNED, Load, command_of

RECYCLES = int(sys.argv[1]) if len(sys.argv) > 1 else 50
NAMES = sys.argv[2:] or list(SERVERS)
WORKERS = 8
TERMS = {**TUNED, "GCTUNE_MEMORY__RECYCLE": "1MiB", "PYTHONPATH": str(APPS)}
DEADLINE = 600.0  # seconds


def measure(name: str, path: Path) -> str:
    begun = time.monotonic()
    command = command_of(name, path, WORKERS)
    with listening(*command, directory=APPS, path=path, **TERMS), Load(path) as load:
        while len(load.workers) < WORKERS + RECYCLES and time.monotonic() - begun < DEADLINE:
            time.sleep(0.5)
    recycles = len(load.workers) - WORKERS
    seconds = time.monotonic() - begun
    how = sorted({repr(error) for error in load.lost})
    lost = f"{len(load.lost)} lost {', '.join(how)}".rstrip()
    return f"{recycles} recycles in {seconds:.0f} s, {load.answered} requests answered, {lost}"


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {WORKERS} workers")
    for name in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            print(f"  {name}: {measure(name, Path(folder) / 'socket')}", flush=True)


if __name__ == "__main__":
    main()
