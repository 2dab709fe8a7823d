"""Where a process listens, as Linux tells it: by TCP, and at socket files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

_LISTENS = "0A"  # the state of a TCP socket, in net/tcp
_ACCEPTS = 0x10000  # __SO_ACCEPTCON, among the flags in net/unix
_WORD = 8  # hexadecimal digits of four bytes, written as a number of this machine's
_LOOPBACK = {4: "127.0.0.1", 6: "::1"}


def listening(pid: int, proc: Path = Path("/proc")) -> list[str]:
    """Where a process listens: `127.0.0.1:6060`, `[::1]:6060` or `unix:/run/app.sock`.

    One that listens everywhere is named by the loopback address. Empty where
    the process has ended or is another user's, and on other systems.
    """
    process = proc / str(pid)
    own = set(_sockets(process))
    return [
        address
        for table, parse in _TABLES.items()
        for inode, address in _parsed(process / "net" / table, parse)
        if inode in own
    ]


def _sockets(process: Path) -> Iterator[str]:
    """The inodes of a process's sockets."""
    try:
        for descriptor in (process / "fd").iterdir():
            kind, _, number = _target(descriptor).partition(":")
            if kind == "socket":
                yield number.strip("[]")
    except OSError:
        return


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # closed meanwhile
        return ""


def _parsed(
    table: Path, parse: Callable[[str], tuple[str, str] | None]
) -> Iterator[tuple[str, str]]:
    try:
        lines = os.fsdecode(table.read_bytes()).splitlines()[1:]  # below the heading
    except OSError:
        return
    for line in lines:
        try:
            found = parse(line)
        except (ValueError, IndexError):  # not as the kernel writes it
            continue
        if found:
            yield found


def _tcp(line: str) -> tuple[str, str] | None:
    """The inode and the address of a socket of net/tcp or net/tcp6, if it listens."""
    words = line.split()
    host, _, port = words[1].partition(":")
    return (words[9], f"{_host(host)}:{int(port, 16)}") if words[3] == _LISTENS else None


def _host(digits: str) -> str:
    words = (int(digits[at : at + _WORD], 16) for at in range(0, len(digits), _WORD))
    host = ip_address(b"".join(word.to_bytes(_WORD // 2, sys.byteorder) for word in words))
    named = _LOOPBACK[host.version] if host.is_unspecified else str(host)
    return named if host.version == 4 else f"[{named}]"  # noqa: PLR2004 - of the protocol


def _unix(line: str) -> tuple[str, str] | None:
    """The inode and the path of a socket of net/unix, if it listens and has a file."""
    *words, path = line.split(None, 7)
    listens = len(words) == 7 and int(words[3], 16) & _ACCEPTS and path.startswith("/")  # noqa: PLR2004
    return (words[6], f"unix:{path}") if listens else None


_TABLES = {"tcp": _tcp, "tcp6": _tcp, "unix": _unix}
