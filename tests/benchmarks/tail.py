"""How long the slowest requests take: as it is, as folk have it, and as gctune has it.

    python tests/benchmarks/tail.py [ROUNDS [RATE [SECONDS]]]

The service of `tail_service.py` is asked at a fixed rate by a second process. A
run at CPython's own settings is captured first, and what `gctune recommend
--goal latency` makes of it is what gctune is measured with; out of band, full
collections wait for a quiet besides. Rounds take turns; of several the median
is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

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
KINDS = {
    "stock": ([], "stock", {}),
    "folk": ([], "folk", {}),
    "gctune": ([*RUN, "--"], "gctune", TUNED),
    "out of band": ([*RUN, "--"], "gctune", {**TUNED, "GCTUNE_GC__WHEN": "idle"}),
}


def asked(prefix: list[str], kind: str, folder: Path, **variables: str) -> list[float]:
    """Milliseconds until each answer, sorted."""
    path = folder / "socket"
    path.unlink(missing_ok=True)
    command = [*prefix, *SERVICE, str(path), kind]
    with listening(*command, directory=folder, path=path, **variables):
        done = subprocess.run(
            [*CLIENT, str(path), RATE, SECONDS], stdout=subprocess.PIPE, text=True, check=True
        )
    return sorted(seconds * 1000 for seconds in json.loads(done.stdout))


def percentiles(times: list[float]) -> dict[str, float]:
    last = len(times) - 1
    return {name: times[round(share * last)] for name, share in SHARES.items()}


def recommend(folder: Path) -> None:
    """Have the settings in the folder be what gctune recommends for latency."""
    profile = folder / "service.profile"
    asked([*GCTUNE, "capture", "-o", str(profile), "--"], "stock", folder)
    written = ["--write", "gctune.toml", "--environment", "test"]
    command = [*GCTUNE, "recommend", "--goal", "latency", *written, str(profile)]
    subprocess.run(command, cwd=folder, env=ENVIRON, stdout=subprocess.DEVNULL, check=True)
    print("  " + (folder / "gctune.toml").read_text(encoding="utf-8").replace("\n", "\n  "))


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {RATE} requests a second, {SECONDS} s, {ROUNDS} times")
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recommend(folder)
        for _ in range(ROUNDS):
            for kind, (prefix, service, variables) in KINDS.items():
                found[kind].append(percentiles(asked(prefix, service, folder, **variables)))
                print(f"  {kind}: {told(found[kind][-1:])}", flush=True)
    print("  milliseconds, median of the rounds:")
    for kind, rounds in found.items():
        print(f"  {kind:12} {told(rounds)}")


def told(rounds: list[dict[str, float]]) -> str:
    medians = {name: median(each[name] for each in rounds) for name in SHARES}
    return "  ".join(f"{name} {ms:.1f}" for name, ms in medians.items())


if __name__ == "__main__":
    main()
