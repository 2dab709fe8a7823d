"""What the workers of a preloaded application share, with gctune and without.

    python tests/benchmarks/prefork.py [REQUESTS]

gunicorn with four workers serves the Django project of `shop.py`: the
proportional set size of the workers, after requests and a full collection in
each, as the kernel has it.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers import RUN, ask, listening

HERE = Path(__file__).parent
REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
WORKERS, PRODUCTS = 4, 100_000
GUNICORN = ["gunicorn", "--preload", "-w", str(WORKERS), "--log-level", "error"]
TUNED = [*RUN, "--", *GUNICORN, "-c", "python:gctune.integrations.gunicorn"]
SETTINGS = {"GCTUNE_ENVIRONMENT": "production", "GCTUNE_GC__FREEZE": "fork"}
DEADLINE = 120.0  # seconds


def pss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    (kib,) = [line.split()[1] for line in lines if line.startswith("Pss:")]
    return int(kib) / 1024


def collected(path: Path) -> set[int]:
    """Have every worker collect; their process ids."""
    workers: set[int] = set()
    deadline = time.monotonic() + DEADLINE
    while len(workers) < WORKERS:
        assert time.monotonic() < deadline
        workers.add(int(ask(path, "/collect")))
    return workers


def measure(command: list[str]) -> list[float]:
    """The proportional set size of each worker in MiB."""
    choice = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        command = [*command, "--bind", f"unix:{path}", "shop:application"]
        with listening(*command, directory=HERE, path=path, **SETTINGS):
            for _ in range(REQUESTS):
                ask(path, f"/products/{choice.randrange(PRODUCTS)}")
            return [pss_mib(worker) for worker in sorted(collected(path))]


def described(sizes: list[float]) -> str:
    each = ", ".join(f"{size:.1f}" for size in sizes)
    return f"{sum(sizes):.1f} MiB in {len(sizes)} workers ({each})"


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {REQUESTS} requests, a full collection in each")
    stock, tuned = measure(GUNICORN), measure(TUNED)
    print(f"  as it is: {described(stock)}")
    print(f"  with gctune: {described(tuned)}")
    print(f"  less by {1 - sum(tuned) / sum(stock):.1%}")


if __name__ == "__main__":
    main()
