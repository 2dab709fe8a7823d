"""What each program costs at each setting of the collector, one JSON line a run.

    python tests/benchmarks/sweep.py --python .venv/bin/python --out sweep.jsonl

The runs go in turn, every setting once before any a second time. Compare them by
`share` (thread CPU time in collections over the same run's other CPU time): it
repeats within a few percent where plain CPU time on a shared machine does not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROGRAMS = sorted(path.stem for path in (HERE / "programs").glob("*.py") if path.stem != "command")
SETTINGS = [
    "default",
    *(f"{threshold0},10,1000" for threshold0 in (700, 2000, 5000, 10000, 20000, 50000)),
    *(f"{threshold0},10,10" for threshold0 in (700, 5000, 10000, 20000, 50000)),
    "5000,10,100",
    "50000,10,100",
    "50000,20,50",
    "disabled",
]
VERSION = "import platform; print(platform.python_version())"


def run_once(
    python: str,
    program: str,
    setting: str,
    scale: float,
    through: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run one program at one setting in a process of its own, and say what it cost.

    `through` is a command to put before the program's, such as `gctune run --`.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "cost.json")
        script = HERE / "programs" / f"{program}.py"
        command = [*through, python, HERE / "measured.py", out, setting, script, str(scale)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
        cost: dict[str, Any] = json.loads(out.read_text())
    return cost


def version(python: str) -> str:
    """The version of an interpreter, as `3.13.0`."""
    return subprocess.check_output([python, "-c", VERSION], text=True).strip()


def sweep(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    interpreter = version(asked.python)
    for repeat in range(asked.repeats):
        for program in asked.program or PROGRAMS:
            for setting in asked.setting or SETTINGS:
                about = {"program": program, "python": interpreter, "setting": setting}
                cost = run_once(asked.python, program, setting, asked.scale)
                yield {**about, "scale": asked.scale, "repeat": repeat, **cost}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="the interpreter to run them on")
    parser.add_argument("--out", type=Path, required=True, help="file that lines are added to")
    parser.add_argument("--program", action="append", choices=PROGRAMS, help="only this one")
    parser.add_argument("--setting", action="append", help="only this one, as 5000,10,1000+freeze")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=1)
    asked = parser.parse_args()
    with asked.out.open("a") as out:
        for line in sweep(asked):
            print(json.dumps(line), file=out, flush=True)


if __name__ == "__main__":
    main()
