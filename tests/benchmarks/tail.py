"""How long the slowest requests take: as it is, as folk have it, and as gctune has it.

    python tests/benchmarks/tail.py [ROUNDS [RATE [SECONDS]]]

The service of `tail_service.py` is asked at a fixed rate by a second process. A
run at CPython's own settings is captured first, and what `gctune recommend
--goal latency` makes of it is what gctune is measured with; out of band, full
collections wait for a quiet besides. Adaptive mode is measured without what was
recommended. CPU time is the service's while it is asked. Rounds take turns; of
several the median is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers import ENVIRON, RUN, listening

HERE = Path(__file__).parent
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
RATE, SECONDS = sys.argv[2:4] if len(sys.argv) > 3 else ("100", "90")

GCTUNE = [sys.executable, "-m", "gctune"]
SERVICE = [sys.executable, str(HERE / "tail_service.py")]
CLIENT = [sys.executable, str(HERE / "tail_client.py")]
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
TUNED = {"GCTUNE_ENVIRONMENT": "test"}  # no monitor: it is the collector that is measured
ADAPTIVE = {**TUNED, "GCTUNE_GC__MODE": "adaptive"}
IDLE = {"GCTUNE_GC__WHEN": "idle"}


class Kind(NamedTuple):
    """A way to run the service: through what, as which of its own, where, with what variables."""

    prefix: list[str]
    service: str
    place: str
    variables: dict[str, str]


KINDS = {
    "stock": Kind([], "stock", "", {}),
    "folk": Kind([], "folk", "", {}),
    "gctune": Kind([*RUN, "--"], "gctune", "", TUNED),
    "out of band": Kind([*RUN, "--"], "gctune", "", {**TUNED, **IDLE}),
    "adaptive": Kind([*RUN, "--"], "gctune", "adaptive", ADAPTIVE),
    "adaptive, out of band": Kind([*RUN, "--"], "gctune", "adaptive", {**ADAPTIVE, **IDLE}),
}


def asked(kind: Kind, folder: Path) -> dict[str, float]:
    """Milliseconds until answers came, by their share, and the service's seconds of CPU time."""
    directory, path = folder / kind.place, folder / "socket"
    path.unlink(missing_ok=True)
    command = [*kind.prefix, *SERVICE, str(path), kind.service]
    with listening(*command, directory=directory, path=path, **kind.variables) as master:
        before = cpu_seconds(master.pid)
        done = subprocess.run(
            [*CLIENT, str(path), RATE, SECONDS], stdout=subprocess.PIPE, text=True, check=True
        )
        cpu = cpu_seconds(master.pid) - before
    times = sorted(seconds * 1000 for seconds in json.loads(done.stdout))
    last = len(times) - 1
    return {name: times[round(share * last)] for name, share in SHARES.items()} | {"CPU s": cpu}


def cpu_seconds(pid: int) -> float:
    return sum(psutil.Process(pid).cpu_times()[:2])


def recommend(folder: Path) -> None:
    """Have the settings in the folder be what gctune recommends for latency."""
    profile = folder / "service.profile"
    asked(Kind([*GCTUNE, "capture", "-o", str(profile), "--"], "stock", "", {}), folder)
    written = ["--write", "gctune.toml", "--environment", "test"]
    command = [*GCTUNE, "recommend", "--goal", "latency", *written, str(profile)]
    subprocess.run(command, cwd=folder, env=ENVIRON, stdout=subprocess.DEVNULL, check=True)
    print("  " + (folder / "gctune.toml").read_text(encoding="utf-8").replace("\n", "\n  "))


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {RATE} requests a second, {SECONDS} s, {ROUNDS} times")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in KINDS}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "adaptive").mkdir()
        recommend(folder)
        for _ in range(ROUNDS):
            for name, kind in KINDS.items():
                found[name].append(asked(kind, folder))
                print(f"  {name}: {told(found[name][-1:])}", flush=True)
    print("  milliseconds, median of the rounds:")
    for name, rounds in found.items():
        print(f"  {name:21} {told(rounds)}")


def told(rounds: list[dict[str, float]]) -> str:
    medians = {name: median(each[name] for each in rounds) for name in rounds[0]}
    return "  ".join(f"{name} {ms:.1f}" for name, ms in medians.items())


if __name__ == "__main__":
    main()
