"""What was measured, kept: a run of a program is a line of JSON, and is not run twice.

A row holds what was run (`Run`), and what `measured.py` says that it cost.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

HERE = Path(__file__).parent
FOLDER = HERE / "programs"
ROWS = "rows.jsonl"  # in the folder of what is kept
VERSION = "import platform; print(platform.python_version())"

Row: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True)
class Run:
    """A program on an interpreter at one setting, and how much of what it was given to do."""

    program: str
    python: str
    setting: str
    scale: float
    seed: int


class Rows:
    """The rows of a file, and of the runs that it lacks once they are asked for.

    `pythons` are the paths of interpreters by their versions, `folder` is where
    the programs are.
    """

    def __init__(self, file: Path, pythons: dict[str, str], folder: Path = FOLDER) -> None:
        self._file, self._pythons, self._folder = file, pythons, folder
        self._kept: dict[Run, list[Row]] = defaultdict(list)
        for row in read_rows(file):
            self._kept[run_of(row)].append(row)

    def kept(self, run: Run) -> list[Row]:
        return list(self._kept[run])

    def measured(self, run: Run, repeats: int = 1) -> list[Row]:
        """At least so many rows of a run, the missing ones measured now."""
        while len(self._kept[run]) < repeats:
            self.measure(run)
        return self.kept(run)

    def measure(self, run: Run) -> Row:
        """Run it, however often it was run before, and keep the row."""
        row = {**asdict(run), **cost(self._pythons[run.python], run, self._folder)}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as file:
            print(json.dumps(row), file=file)
        self._kept[run].append(row)
        return row


def cost(
    python: str,
    run: Run,
    folder: Path = FOLDER,
    through: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Row:
    """Run a program in a process of its own, and say what that cost.

    `through` is a command to put before the program's, such as `gctune run --`.
    """
    script = folder / f"{run.program}.py"
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "cost.json")
        what = [out, run.setting, script, str(run.scale), str(run.seed)]
        command = [*through, python, HERE / "measured.py", *what]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
        row: Row = json.loads(out.read_text())
    return row


def read_rows(file: Path) -> Iterator[Row]:
    if file.exists():
        yield from map(json.loads, file.read_text().splitlines())


def run_of(row: Row) -> Run:
    return Run(**{name: row[name] for name in Run.__dataclass_fields__})


def programs(folder: Path = FOLDER) -> list[str]:
    """The names of the programs in a folder."""
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "command")


@cache
def version(python: str) -> str:
    """The version of an interpreter, as `3.13.0`."""
    return subprocess.check_output([python, "-c", VERSION], text=True).strip()


def capture_name(program: str, python: str, scale: float, seed: int) -> str:
    """Where the profile of a program at its own settings is, below what is kept."""
    return f"captures/{program}-{python}-scale{scale:g}-seed{seed}.profile"


def capture(
    python: str, program: str, scale: float, seed: int, kept: Path, folder: Path = FOLDER
) -> Path:
    """The profile of a program at its own settings, captured unless there is one."""
    profile = kept / capture_name(program, version(python), scale, seed)
    profile.parent.mkdir(parents=True, exist_ok=True)
    if not profile.exists():
        gctune, script = [python, "-m", "gctune"], folder / f"{program}.py"
        what = [python, script, "--scale", str(scale), "--seed", str(seed)]
        command = [*gctune, "capture", "-o", profile, "--", *what]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return profile
