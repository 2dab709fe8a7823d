"""Whether `gctune verify` tells the right verdict, time and again, on a busy machine.

    python tests/benchmarks/verify_verdicts.py --python .venv/bin/python --times 20

Short programs that do real work: one that gains by the settings that are tried, one to which
they make no difference, and two that are harmed, by collecting too often and
by collecting next to never, which takes memory. Beside them a process keeps a
processor busy in bursts of random length. Prints a row a program: how often
which verdict was told, the CPU ratios (median, least and greatest), how many
pairs of runs it took, and how long. Exits with 1 where a verdict was wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PROGRAMS = Path(__file__).parent / "short"


class Case(NamedTuple):
    """A program, the settings to try on it, and the verdict that is right."""

    program: str
    thresholds: tuple[int, int, int]
    verdict: str


CASES = (
    Case("parse_code", (20_000, 10, 100), "keep"),
    Case("compare_texts", (20_000, 10, 100), "revert"),
    Case("parse_code", (200, 2, 2), "revert"),
    Case("read_documents", (1_000_000, 10, 10), "revert"),
)


def keep_busy(seed: int) -> None:
    """Use a processor in bursts, until killed."""
    draw = random.Random(seed)
    while True:
        until = time.monotonic() + draw.expovariate(1)
        while time.monotonic() < until:
            sum(range(10_000))
        time.sleep(draw.expovariate(2))


@contextmanager
def busy(processes: int) -> Iterator[None]:
    started = [
        subprocess.Popen([sys.executable, __file__, "--keep-busy", str(number)])
        for number in range(processes)
    ]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def verify(python: str, case: Case, folder: Path) -> dict:
    """One verification: its finding, and the seconds it took."""
    config = folder / f"{case.program}.toml"
    lines = (f"gc.threshold{number} = {each}\n" for number, each in enumerate(case.thresholds))
    config.write_text("".join(lines))
    command = [python, str(PROGRAMS / f"{case.program}.py")]
    start = time.monotonic()
    done = subprocess.run(
        [python, "-m", "gctune", "verify", "--json", "--config", str(config), "--", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return {**json.loads(done.stdout), "seconds": time.monotonic() - start}


def row(case: Case, findings: list[dict]) -> str:
    verdicts = Counter(finding["verdict"] for finding in findings)
    told = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items())
    ratios = [finding["figures"][0]["ratio"]["value"] for finding in findings]
    pairs = [int(finding["measured"].split()[0]) for finding in findings]
    seconds = [finding["seconds"] for finding in findings]
    cells = (
        case.program,
        ", ".join(map(str, case.thresholds)),
        case.verdict,
        told,
        f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})",
        f"{statistics.median(pairs):.0f} ({min(pairs)} to {max(pairs)})",
        f"{statistics.median(seconds):.0f} s",
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--load", type=int, default=1, help="busy processes beside the programs")
    parser.add_argument("--out", type=Path, help="add each finding to this file as a line of JSON")
    parser.add_argument("--keep-busy", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.keep_busy is not None:
        keep_busy(asked.keep_busy)
    columns = ("program", "tried", "right", "told", "CPU", "pairs", "took")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, busy(asked.load):
        for case in CASES:
            findings = [verify(asked.python, case, Path(folder)) for _ in range(asked.times)]
            print(row(case, findings), flush=True)
            wrong += sum(finding["verdict"] != case.verdict for finding in findings)
            if asked.out:
                with asked.out.open("a") as out:
                    for finding in findings:
                        print(json.dumps({**case._asdict(), **finding}), file=out)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
