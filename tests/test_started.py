"""A command that is forked for a test does what one does that is started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import started
from children import BARE, start


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("no-such-command",),
        ("recommend", "absent"),
        ("show",),
        ("schema",),
        ("run", "--", sys.executable, "-c", "import gc, os; print(os.environ, gc.get_threshold())"),
    ],
    ids=lambda words: words[0],
)
def test_it_says_and_returns_the_same(words: tuple[str, ...], tmp_path: Path) -> None:
    environ = {**BARE, "ENVIRONMENT": "production"}
    forked = started.run(words, environ, tmp_path)
    usual = start(("-m", "gctune", *words), environ, tmp_path)
    assert forked.stdout == usual.stdout
    assert (forked.returncode, forked.stderr) == (usual.returncode, usual.stderr)
