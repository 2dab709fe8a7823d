"""The pprof of Go, which Debian's golang packages bring."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

_TOOLS = sorted(Path("/usr/lib").glob("go-*/pkg/tool/*/pprof"))
_GO = shutil.which("go")
needs_pprof = pytest.mark.skipif(
    not (_TOOLS or _GO), reason="neither go nor its pprof is here (Debian's golang-go)"
)
needs_dot = pytest.mark.skipif(
    not shutil.which("dot"), reason="dot of the package graphviz is not here"
)


def go_pprof(*arguments: str | Path) -> str:
    """What `go tool pprof` prints."""
    tool = [str(_TOOLS[-1])] if _TOOLS else [str(_GO), "tool", "pprof"]
    with TemporaryDirectory() as kept:  # pprof keeps what it has fetched
        done = subprocess.run(
            [*tool, *arguments],
            env={**os.environ, "PPROF_TMPDIR": kept},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout
