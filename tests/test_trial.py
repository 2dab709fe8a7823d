"""A program is run to its end on any kernel, however long it may take."""

from __future__ import annotations

import errno
import os
import sys
import time

import pytest
from children import BARE, plan

from gctune.verifier.trial import TimeUpError, Trial

MONTH = 30 * 86400.0


def trial(code: str, seconds: float) -> Trial:
    return Trial([sys.executable, "-c", code], BARE, time.monotonic() + seconds)


def refuse(number: int) -> object:
    raise OSError(number, os.strerror(number))


@pytest.fixture(params=[errno.ENOSYS, errno.EPERM], ids=["old_kernel", "sandbox"])
def without_descriptors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that knows no descriptors of processes, or gives none."""
    monkeypatch.setattr(os, "pidfd_open", lambda _: refuse(request.param), raising=False)


@pytest.mark.usefixtures("without_descriptors")
def test_a_kernel_without_descriptors_of_processes_will_do() -> None:
    assert trial("exit(3)", MONTH).run(plan()).fault == "exits with 3"


@pytest.mark.usefixtures("without_descriptors")
def test_the_time_is_kept_without_descriptors_of_processes() -> None:
    with pytest.raises(TimeUpError):
        trial("import time; time.sleep(60)", 0.2).run(plan())


def test_a_build_without_descriptors_of_processes_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert trial("exit(3)", MONTH).run(plan()).fault == "exits with 3"


def test_a_month_is_not_too_long() -> None:
    assert trial("exit(3)", MONTH).run(plan()).fault == "exits with 3"


def test_the_time_is_kept() -> None:
    with pytest.raises(TimeUpError):
        trial("import time; time.sleep(60)", 0.2).run(plan())
