"""The host: the interpreter, its container, and the processors it may use."""

from __future__ import annotations

from gctune.host.container import Container, host_memory_bytes, read_container
from gctune.host.cpus import usable_cpus
from gctune.host.interpreter import Interpreter, this_interpreter
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.host.files import StrPath


class Host(Record):
    """Facts about where this process runs.

    `cpus` is how many processors the process may keep busy, at least 1.
    `memory_bytes` is the memory of the whole machine, whatever the container
    may use of it; None where it is unknown.
    """

    interpreter: Interpreter
    container: Container
    cpus: int
    memory_bytes: int | None = None


def this_host(proc: StrPath = "/proc", sys: StrPath = "/sys") -> Host:
    """Describe where this process runs. Never raises."""
    return Host(
        interpreter=this_interpreter(),
        container=read_container(proc, sys),
        cpus=usable_cpus(proc, sys),
        memory_bytes=host_memory_bytes(proc),
    )
