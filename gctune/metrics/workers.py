"""The folder in which the workers of a service keep their numbers, so that one scrape tells of all.

A service is a process group: a server and the workers that it forks or spawns.
Each process writes a file of its own, named after the namespace in which pids
are counted, the group, its pid and the instant it was started, which together
name it for ever. A reader takes those of its own group. What a process that has
ended had counted is added up in a file called past when the next one joins, so
that totals never go down and files do not pile up; what groups that are gone
have left behind is removed. A process that executes another program, or is
given another plan, finds its own file, and goes on from there.

Containers can share a folder. Who lives in another namespace cannot be seen from
here, and groups have the same numbers there: its files are let be, and not read.
If it ends without taking them away, they stay until the system, which gives out
low numbers first, gives its number to another that joins.
"""

# pathlib costs 4 ms.
# ruff: noqa: PTH105, PTH106, PTH108, PTH116, PTH118, PTH208

from __future__ import annotations

import os
from contextlib import suppress

from gctune.host.process import started
from gctune.metrics import numbers
from gctune.metrics.folder import alone, check, prepare
from gctune.metrics.snapshot import NOTHING_TOLD, Told, decode, encode, lasting, merge, of_process
from gctune.record import Record
from gctune.runtime.fork import inherited_stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gctune.metrics.metric import Snapshot

_NUMBERS, _PAST, _NEW, _LOCK = ".numbers", ".past", ".new", "lock"
_TRIES = 10  # at reading everything between two changes of the past


class _Service(Record):
    """A process group, and the namespace in which that is its number; 0 where there are none."""

    namespace: int
    group: int

    @classmethod
    def own(cls) -> _Service:
        """The one that this process is of."""
        try:
            return cls(os.stat("/proc/self/ns/pid").st_ino, os.getpgrp())
        except OSError:
            return cls(0, os.getpgrp())

    @property
    def past(self) -> str:
        """The name of the file of what those of it had counted that have ended."""
        return f"{self.namespace}-{self.group}{_PAST}"


class _Worker(Record):
    """One process, as its file is named."""

    namespace: int
    group: int
    pid: int
    start: int

    @classmethod
    def own(cls) -> _Worker:
        """The one that this process is."""
        return cls(*_Service.own(), os.getpid(), started(os.getpid()) or 0)

    @property
    def file(self) -> str:
        """The name of its file in the folder."""
        return "-".join(map(str, self)) + _NUMBERS

    @property
    def service(self) -> _Service:
        """What it is of."""
        return _Service(self.namespace, self.group)

    @property
    def alive(self) -> bool:
        """Whether it runs yet; another process that has got its number since is not it."""
        return started(self.pid) == self.start


class _Past(Record):
    """What the processes that have ended had counted, and whose files that was read from."""

    files: tuple[str, ...]
    snapshot: Snapshot


class Workers:
    """The numbers of this process and of the others of its service, in one folder.

    Nothing is open or locked between two calls, so a fork divides nothing: a
    forked child goes on under its own name. Only one thread may publish.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._own: _Worker | None = None
        self._turn, self._told = 0, NOTHING_TOLD

    def publish(self, snapshot: Snapshot) -> None:
        """Write this process's numbers. Raises OSError, NumbersError and FolderError."""
        try:
            self._write(snapshot)
        except FileNotFoundError:  # the folder is gone: by another service that ended, or somebody
            self._own = None
            self._write(snapshot)

    def merged(self, own: Snapshot | None = None) -> Snapshot:
        """Read the numbers of every process of this service as one snapshot.

        `own` is what stands for this process until it has published. A file
        that is broken, or that something else put there, is left out. Raises
        OSError where the folder cannot be read, and FolderError.
        """
        check(self._folder)
        service = _Service.own()
        for _ in range(_TRIES):
            past = self._past(service)
            snapshots = [past.snapshot, *self._present(service, past, own or {})]
            if self._past(service) == past:  # else a file may have become past in between
                break
        return merge(snapshots)

    def leave(self) -> None:
        """Take away what the service has left, if it ends with this process.

        That is so where nobody else of it is alive, and no server is behind
        this process that may fork another. Does nothing in a forked child that
        has not published.
        """
        own = self._own
        if own is None or own.pid != os.getpid() or (inherited_stats() and own.pid != own.group):
            return
        with suppress(OSError):
            service = own.service
            if not any(worker.alive for worker in self._workers(service) if worker != own):
                self._remove(name for name in os.listdir(self._folder) if _service(name) == service)
                self._remove([_LOCK])
                os.rmdir(self._folder)  # fails where others use it

    def _write(self, snapshot: Snapshot) -> None:
        own = self._own
        if own is None or (own.group, own.pid) != (os.getpgrp(), os.getpid()):
            self._own = own = self._join()
        told = self._told.then(snapshot)
        numbers.write(self._path(own.file), self._turn, told.encode())
        self._turn, self._told = self._turn + 1, told

    def _join(self) -> _Worker:
        prepare(self._folder)
        own = _Worker.own()
        self._turn, self._told = self._last(own)
        with alone(self._path(_LOCK)) as is_alone:
            if is_alone:
                self._tidy(own.service)
        return own

    def _last(self, worker: _Worker) -> tuple[int, Told]:
        """The turn in which a worker is to write next, and what it has told."""
        try:
            turn, content = numbers.last(self._path(worker.file))
            return turn + 1, Told.decode(content)
        except (OSError, ValueError):
            return 0, NOTHING_TOLD

    def _tidy(self, service: _Service) -> None:
        """Make past what has ended of `service`, and remove what groups that are gone left."""
        past = self._past(service)
        self._remove(past.files)  # what did so before may have been killed before it did this
        ended = [worker for worker in self._workers(service) if not worker.alive]
        if ended:
            counted = merge([past.snapshot, *map(self._told_by, ended)])
            self._make_past(service, _Past(tuple(worker.file for worker in ended), counted))
            self._remove(worker.file for worker in ended)
        services = {name: _service(name) for name in os.listdir(self._folder)}
        self._remove(name for name, each in services.items() if each and _gone(each, service))

    def _present(self, service: _Service, past: _Past, own: Snapshot) -> Iterator[Snapshot]:
        this = _Worker.own()
        for worker in {*self._workers(service), this}:
            if worker.file not in past.files:
                told = self._told_by(worker)
                yield of_process(own, this.pid) if worker == this and not told else told

    def _workers(self, service: _Service) -> Iterator[_Worker]:
        found = map(_worker, os.listdir(self._folder))
        return (worker for worker in found if worker is not None and worker.service == service)

    def _told_by(self, worker: _Worker) -> Snapshot:
        snapshot = merge(self._last(worker)[1])
        return of_process(snapshot, worker.pid) if worker.alive else lasting(snapshot)

    def _past(self, service: _Service) -> _Past:
        try:
            files, _, snapshot = numbers.read(self._path(service.past)).partition(b"\n")
            return _Past(tuple(files.decode().split()), lasting(decode(snapshot)))
        except (OSError, ValueError):
            return _Past((), {})

    def _make_past(self, service: _Service, past: _Past) -> None:
        """Put `past` in the place of the one before, at once."""
        name = service.past
        self._remove([name + _NEW])  # which a kill may have left
        content = " ".join(past.files).encode() + b"\n" + encode(past.snapshot)
        numbers.write(self._path(name + _NEW), 0, content)
        os.replace(self._path(name + _NEW), self._path(name))

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            with suppress(OSError):
                os.unlink(self._path(name))

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)


def _worker(name: str) -> _Worker | None:
    """Read the name of a worker's file; None for any other."""
    parts = name.removesuffix(_NUMBERS).split("-")
    plain = name.endswith(_NUMBERS) and len(parts) == len(_Worker._fields)
    return _Worker(*map(int, parts)) if plain and all(map(str.isdecimal, parts)) else None


def _service(name: str) -> _Service | None:
    """The service that a file is of; None for one that gctune did not make."""
    ours = name.endswith((_NUMBERS, _PAST, _PAST + _NEW))
    parts = name.replace(".", "-").split("-")[:2]
    return _Service(*map(int, parts)) if ours and all(map(str.isdecimal, parts)) else None


def _gone(service: _Service, own: _Service) -> bool:
    """Whether it is over; of one in another namespace that is not to be known."""
    return service.namespace == own.namespace and not _exists(service.group)


def _exists(group: int) -> bool:
    if group == 1:  # init's, which outlives all others; killpg would ask -1, which is no group
        return True
    try:
        os.killpg(group, 0)  # asks only
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
