"""Ten thousand hostile configurations: one clear error each, no traceback, no hang."""

from __future__ import annotations

import os
import random
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gctune
from gctune.errors import ConfigError
from gctune.settings.environments import PRESETS
from gctune.settings.sources import load, load_each
from gctune.settings.toml import MAX_BYTES

LONGEST_SECONDS = 5.0  # of CPU for any one of them: more is a hang, less is a busy machine

VALID = b"""
#:schema ./gctune.schema.json
gc = { threshold0 = 5_000, freeze = "fork" }  # [not a table]
[memory]
limit = "80%"
headroom = '128MiB'
[pools.buffer]
max_size = 0x10
[alerts.heap]
threshold = "500MB"
hold = 30.0
[environments."prod"]
extends = 'staging'
monitor.level = \"\"\"detailed\"\"\"
[environments.canary]
extends = "production"
alerts.leak.threshold = "1MiB/h"
"""

PIECES = [
    b"[", b"]", b"{", b"}", b'"', b"'", b'"""', b"'''", b"=", b".", b",", b"#", b"\\", b"\n", b"\0",
    b"\xff", b"\xef\xbb\xbf", b"\x1b[31m", b"[[gc]]", b"[gc]", b"gc = 3", b"nan", b"-inf", b"1e999",
    b"9" * 5000, b"0x" + b"f" * 5000, b"1979-05-27", b"extends", b"environments", b"token", b"\r",
]  # fmt: skip


def survives(attempt: Callable[[], object]) -> None:
    """Loading either works or tells all in a ConfigError that is safe to print, within the time."""
    begun = time.process_time()
    problems: tuple[str, ...] = ("none",)
    try:
        attempt()
    except ConfigError as error:
        problems = error.problems
    assert time.process_time() - begun < LONGEST_SECONDS
    assert problems
    assert all(problem.isprintable() and len(problem) < 400 for problem in problems)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def fuzz(examples: int) -> Callable[[Any], Any]:
    suppressed = list(HealthCheck)
    return settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=suppressed
    )


@fuzz(300)
@given(content=st.binary(max_size=400))
def test_random_bytes(directory: Path, content: bytes) -> None:
    (directory / "gctune.toml").write_bytes(content)
    survives(lambda: load(environ={}, directory=directory))


def _mutated(chance: random.Random) -> bytes:
    content = bytearray(VALID)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(content) + 1)
        end = min(at + chance.choice((0, 0, 1, 7, 40)), len(content))
        content[at:end] = chance.choice(
            (chance.choice(PIECES), chance.randbytes(2), VALID[at : at + 30])
        )
    return bytes(content)


@pytest.mark.parametrize("seed", range(3))
def test_mutations_of_a_valid_file(directory: Path, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(1000):
        (directory / "gctune.toml").write_bytes(_mutated(chance))
        environ = {"ENVIRONMENT": chance.choice([*PRESETS, "canary"])}
        survives(lambda: load(environ=environ, directory=directory))  # noqa: B023 - called at once
        if number % 20 == 0:
            survives(lambda: load_each(environ={}, directory=directory))


NAMES = st.sampled_from(
    ["gc", "memory", "pools", "monitor", "alerts", "heap", "buffer", "limit", "freeze", "token",
     "threshold0", "max_size", "http", "interval", "hold", "threshold", "environments", "extends"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.dates(),
    st.binary(max_size=9), st.sampled_from(["512M", "80%", "auto", "10ms", "5000", "1" * 5000]),
    st.just(5000).map(lambda digits: 10**digits),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(NAMES, st.text(max_size=9)), inner, max_size=4),
    ),
    max_leaves=12,
)


@fuzz(200)
@given(overrides=st.dictionaries(st.one_of(NAMES, st.text(max_size=9)), VALUES, max_size=4))
def test_random_nested_arguments(directory: Path, overrides: dict[str, Any]) -> None:
    survives(lambda: load(overrides, environ={}, directory=directory / "empty"))


VARIABLES = st.one_of(
    st.builds(lambda *parts: "GCTUNE_" + "__".join(parts).upper(), NAMES, NAMES),
    st.sampled_from(["GCTUNE_CONFIG", "GCTUNE_ENVIRONMENT", "ENVIRONMENT", "APP_ENV", "GCTUNE_"]),
    st.text(max_size=12).map("GCTUNE_".__add__),
)
HOSTILE = st.one_of(st.text(max_size=30), st.binary(max_size=20).map(os.fsdecode))


@fuzz(400)
@given(environ=st.dictionaries(VARIABLES, HOSTILE, max_size=5))
def test_hostile_variables(directory: Path, environ: dict[str, str]) -> None:
    survives(lambda: load(environ=environ, directory=directory / "empty"))


BIG = {
    "brackets": b"x = " + b"[" * 100_000,
    "braces": b"x = " + b"{a = " * 100_000,
    "headers": b"[" * 100_000 + b"gc" + b"]" * 100_000,
    "dotted key": b"a." * 100_000 + b"b = 1",
    "quoted dotted key": b'"a" . ' * 100_000 + b"b = 1",
    "brackets after an escape": b'x = "\\"" # "\ny = ' + b"[" * 100_000,
    "one long word": b"a" * (MAX_BYTES - 1),
    "quotes": b'"' * MAX_BYTES,
    "escaped quotes": b'x = """' + b'\\"""' * 250_000,
    "backslashes": b'x = "' + b"\\" * 1_000_000,
    "many keys": b"".join(b"k%d = 1\n" % n for n in range(80_000)),
    "many environments": b"".join(b"[environments.e%d]\n" % n for n in range(2_000)),
    "huge number": b"gc.threshold0 = 0x" + b"f" * 1_000_000,
    "too large": b"#" * (MAX_BYTES + 1),
}


@pytest.mark.parametrize("name", BIG)
def test_what_is_big_or_deep_takes_no_time(directory: Path, name: str) -> None:
    (directory / "gctune.toml").write_bytes(BIG[name])
    survives(lambda: load(environ={}, directory=directory))


def _directory(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _forbidden(path: Path) -> None:
    path.write_text("")
    path.chmod(0)


def _containing(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


NASTY: dict[str, tuple[Callable[[Path], object], str]] = {
    "not utf-8": (_containing(b"x = 1\ny = '\xff'\n"), "gctune.toml:2: not UTF-8"),
    "brackets": (_containing(BIG["brackets"]), "nested more than 32 deep"),
    "directory": (_directory, "not a regular file"),
    "fifo": (os.mkfifo, "not a regular file"),
    "no permission": (_forbidden, "cannot be read: permission denied"),
    "loop": (_loop, "cannot be read: too many levels of symbolic links"),
    "nul": (_containing(b"[gc]\nfreeze = '\0'\n"), "gctune.toml:2: not TOML: "),
    "huge number": (_containing(b"gc.threshold0 = 1" + b"0" * 9000), "gctune.toml"),
    "duplicate keys": (_containing(b"[gc]\n[gc]\n"), "gctune.toml:2: not TOML: cannot declare"),
    "byte order mark": (_containing(b"\xef\xbb\xbf[gc]\n"), "starts with a byte order mark"),
    "terminal escapes": (_containing(b'[gc]\n"\\u001b[2J" = 1\n'), "unknown setting"),
}


PACKAGE = Path(gctune.__file__)
AS_IS = "from gctune.cli import main; main()"
AS_NOBODY = f"""
import os, gctune.cli.show, gctune.cli.validate
if os.geteuid() == 0:  # who may read everything
    os.chmod(".", 0o755)
    os.seteuid(65534)
{AS_IS}
"""


@pytest.mark.parametrize("command", ["show", "validate"])
@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_file_gives_one_clear_error(tmp_path: Path, name: str, command: str) -> None:
    make, words = NASTY[name]
    make(tmp_path / "gctune.toml")
    if name == "no permission" and os.geteuid() == 0 and not _all_may_reach(PACKAGE):
        pytest.skip("this checkout lies where nobody but root may read it")
    before = _cpu_seconds_of_children()
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY if name == "no permission" else AS_IS, command],
        cwd=tmp_path, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    took = _cpu_seconds_of_children() - before
    (line,) = done.stderr.decode("ascii").splitlines()
    assert (done.returncode, done.stdout) == (1, b"")
    assert words in line
    assert line.isprintable()
    assert took < LONGEST_SECONDS


def _all_may_reach(path: Path) -> bool:
    return all(above.stat().st_mode & stat.S_IXOTH for above in path.parents)


def _cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
