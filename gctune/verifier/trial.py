"""Running a program to its end under a plan, and measuring what that cost."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from operator import mul
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

from gctune.errors import GctuneError, problem
from gctune.host.container import ContainerFiles, find_container
from gctune.host.signals import signal_name
from gctune.profile.file import Profile
from gctune.profile.siblings import read_all
from gctune.recommender.crowds import peak_rss_bytes
from gctune.runtime.launch import bootstrap_environment, find, refused
from gctune.runtime.plan import Plan
from gctune.simulator.columns import Columns
from gctune.verifier.faults import KILLED
from gctune.verifier.verify import LOOKS, Pair, Run, in_turn

_PATIENCE = 5.0  # seconds that what is left of a program may take to end when asked to
_GLANCE = 0.01  # seconds between two looks whether it has
_CUT = "the time was up before the program came to its end"
_SEED = 2  # of the order of runs
_SAID = 400  # characters of what a program that failed said last


class TimeUpError(GctuneError):
    """The time for all runs was over, or cannot be enough."""


class Trial:
    """Runs `command` under one plan or another, each time with a capture of its own.

    The program reads nothing, and what it writes is thrown away. Nothing of it
    is left running: what it leaves in its process group is ended. All runs are
    over by `deadline`, on the clock of time.monotonic. Raises LaunchError where
    the program is not there.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        deadline: float,
        container: ContainerFiles | None = None,
    ) -> None:
        self._command = list(command)
        self._environ = environ
        self._deadline = deadline
        self._container = container or find_container()
        find(command[0], environ)

    def run(self, plan: Plan) -> Run:
        """Run the program once.

        Raises TimeUpError, and GctuneError where no Python was seen in it.
        """
        with TemporaryDirectory(prefix="gctune-") as folder, TemporaryFile() as said:
            profile = Path(folder) / "profile"
            kills, cpu = self._container.oom_kills(), _children_cpu()
            status, wall = self._wait(self._environ_of(plan, profile), said)
            cpu = _children_cpu() - cpu
            profiles = read_all(profile) if profile.exists() else []
            starved = self._container.oom_kills() > kills and _is_cut_off(status, profiles)
            fault = _fault(status, starved, said)
        if not (fault or any(profile.readings for profile in profiles)):
            raise GctuneError(self._unseen())
        return _measured(profiles, max(cpu, _recorded_cpu(profiles)), wall, fault)

    def pairs(self, default: Plan, candidate: Plan) -> Iterator[Pair]:
        """Run pairs while there is time for one more, after a run that warms the caches.

        Raises TimeUpError where there is not time for the least number of pairs,
        and GctuneError where the program fails under `default`.
        """
        first = self.run(default)
        if first.fault:
            raise GctuneError(self._failing(first.fault))
        longest = 2 * first.wall_seconds
        if longest * LOOKS[0] > self._left:
            raise TimeUpError(f"a run takes {first.wall_seconds:.3g} s")
        for pair in in_turn(lambda other: self.run(candidate if other else default), _SEED):
            yield pair
            longest = max(longest, pair.default.wall_seconds + pair.candidate.wall_seconds)
            if longest > self._left:
                raise TimeUpError("the time is up")

    @property
    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _failing(self, fault: str) -> str:
        remedy = "if that is no failure, hide it: sh -c 'COMMAND || true'"
        return problem("command", self._command[0], f"{fault}, at its own settings", remedy)

    def _environ_of(self, plan: Plan, profile: Path) -> Mapping[str, str]:
        return bootstrap_environment(
            self._environ,
            GCTUNE_PLAN=plan.to_text(),
            GCTUNE_CAPTURE=json.dumps({"path": str(profile)}),
        )

    def _wait(self, environ: Mapping[str, str], said: IO[bytes]) -> tuple[int, float]:
        """Run the program; return its exit status, negative for a signal, and the seconds."""
        start = time.monotonic()
        child = self._started(environ, said)
        try:
            _wait_for(child, self._left)
            wall = time.monotonic() - start
        finally:
            _end(child)
        return child.returncode, wall

    def _started(self, environ: Mapping[str, str], said: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - the very command that was asked for
                self._command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        except OSError as error:
            raise refused(self._command[0], find(self._command[0], environ), error) from error

    def _unseen(self) -> str:
        wrong = "no Python process that can be recorded was seen in it"
        remedy = "give a program that runs Python, without -E, -I or -S, and not to an os._exit"
        return problem("command", self._command[0], wrong, remedy)


def _wait_for(child: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait until the process has ended. Raises TimeUpError.

    By a descriptor of it where the system has them: Popen.wait looks again
    every 50 ms. By select, as poll takes no more than 24 days.
    """
    try:
        descriptor = os.pidfd_open(child.pid)
    except (AttributeError, OSError):  # no such call in this build or kernel, or not allowed here
        _look_for_the_end_of(child, seconds)
        return
    try:
        ended, _, _ = select.select([descriptor], [], [], seconds)
        if not ended:
            raise TimeUpError(_CUT)
    finally:
        os.close(descriptor)


def _look_for_the_end_of(child: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired as error:
        raise TimeUpError(_CUT) from error


def _end(child: subprocess.Popen[bytes]) -> None:
    """End what is left of the program: asked to first, then by force."""
    try:
        child.poll()
        deadline = time.monotonic() + _PATIENCE
        alive = _signalled(child.pid, signal.SIGTERM)
        while alive and time.monotonic() < deadline:
            time.sleep(_GLANCE)
            child.poll()
            alive = _signalled(child.pid, 0)
    finally:
        _signalled(child.pid, signal.SIGKILL)
        child.wait()


def _signalled(group: int, number: int) -> bool:
    """Send a signal to a process group; False where there is nobody in it any more."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _recorded_cpu(profiles: Sequence[Profile]) -> float:
    """CPU time of the processes that were recorded, some of which nobody may have waited for.

    The system forgets what those took. A process that became another program,
    with a profile of its own, has one clock for both.
    """
    clocks: dict[int, int] = {}
    for profile in profiles:
        clocks[profile.header.pid] = max(clocks.get(profile.header.pid, 0), _clock_ns(profile))
    return sum(clocks.values()) / 1e9


def _clock_ns(profile: Profile) -> int:
    """CPU time of the process when it was last read."""
    last = (profile.closing.last,) if profile.closing else profile.readings[-1:]
    return max((reading.cpu_ns for reading in last), default=profile.header.start_cpu_ns)


def _is_cut_off(status: int, profiles: Sequence[Profile]) -> bool:
    """Whether a process of the program may be one that the system killed.

    The container counts those of other programs, too. One that was recorded ends without
    a closing where it is killed.
    """
    return bool(status) or any(profile.closing is None for profile in profiles)


def _fault(status: int, out_of_memory: bool, said: IO[bytes]) -> str:
    """How the run failed, as what the program did; empty where it went well."""
    if out_of_memory:
        return f"{KILLED} the system for want of memory"
    if status < 0:
        return f"{KILLED} {signal_name(-status)}"
    return f"exits with {status}{_last_words(said)}" if status else ""


def _last_words(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _SAID))
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return f" ({lines[-1]})" if lines else ""


def _measured(profiles: Sequence[Profile], cpu: float, wall: float, fault: str) -> Run:
    collections = [Columns.of(profile.columns()) for profile in profiles]
    return Run(
        gc_seconds=sum(sum(map(mul, each.cpu_ns, each.weights)) for each in collections) / 1e9,
        cpu_seconds=cpu,
        wall_seconds=wall,
        peak_rss_bytes=peak_rss_bytes(profiles),
        pause_seconds=max((max(each.cpu_ns, default=0) for each in collections), default=0) / 1e9,
        operations=_operations(profiles),
        fault=fault,
    )


def _operations(profiles: Sequence[Profile]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for profile in profiles:
        last = {count.name: count.total for count in profile.counts}
        totals = {name: totals.get(name, 0) + last.get(name, 0) for name in {*totals, *last}}
    return totals
