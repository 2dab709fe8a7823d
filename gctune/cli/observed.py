"""A process as it is seen from outside."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from gctune.errors import ApplyError, ProfileError, problem
from gctune.host.sockets import listening
from gctune.report.top import Row
from gctune.runtime.plan import Plan
from gctune.server.address import UNIX


class Process:
    """One process of this machine. Raises ProfileError where it cannot be seen, or has ended."""

    def __init__(self, pid: int) -> None:
        import psutil  # type: ignore[import-untyped, unused-ignore]

        self._pid = pid
        with self._problems_told():
            self._process = psutil.Process(pid)
            self._before = self._reading()

    def row(self) -> Row:
        """What there is of it now, and how that has changed since the last time."""
        with self._problems_told():
            now_seconds, cpu, rss = now = self._reading()
        (then_seconds, then_cpu, then_rss), self._before = self._before, now
        seconds = max(now_seconds - then_seconds, 1e-9)
        return Row(
            pid=str(self._pid),
            rss_bytes=rss,
            growth=(rss - then_rss) / seconds,
            cpu_share=(cpu - then_cpu) / seconds,
        )

    def endpoints(self) -> str | None:
        """Where it serves its endpoints, as far as its environment says."""
        address = None
        with suppress(ProfileError), self._problems_told():
            address = _address(self._process.environ())
        if address is None or address.endswith(":0"):
            return None  # a port that the system has given it
        return _url(address.replace("{pid}", str(self._pid)))

    def listening(self) -> list[str]:
        """Where they may be served besides: wherever it listens, or others of its service do."""
        pids = (self._pid, *_service_of(self._pid))
        return list(dict.fromkeys(_url(each) for pid in pids for each in listening(pid)))

    def _reading(self) -> tuple[float, float, int]:
        used = self._process.cpu_times()
        return time.monotonic(), used.user + used.system, self._process.memory_info().rss

    @contextmanager
    def _problems_told(self) -> Iterator[None]:
        import psutil

        try:
            yield
        except psutil.AccessDenied as error:
            wrong, remedy = "belongs to another user", "ask as that user"
            raise ProfileError(problem("--pid", self._pid, wrong, remedy)) from error
        except psutil.Error as error:
            wrong, remedy = "no such process", "it may have ended"
            raise ProfileError(problem("--pid", self._pid, wrong, remedy)) from error


def _service_of(pid: int) -> Iterator[int]:
    """The processes of its group that run the same interpreter, of which one may tell of all."""
    import psutil

    service = _service(pid)
    return (each for each in psutil.pids() if service and _service(each) == service)


def _service(pid: int) -> tuple[int, Path] | None:
    try:
        return os.getpgid(pid), Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return None


def _url(address: str) -> str:
    return address if address.startswith(UNIX) else f"http://{address}"


def _address(environ: Mapping[str, str]) -> str | None:
    try:
        planned = Plan.from_text(environ["GCTUNE_PLAN"]).value("monitor.http")
    except (KeyError, ApplyError):
        planned = None
    return str(planned) if planned else environ.get("GCTUNE_MONITOR__HTTP")
