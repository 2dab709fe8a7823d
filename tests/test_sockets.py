"""Where a process listens is told by the kernel's tables."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from gctune.host.sockets import listening

linux = pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="reads /proc")

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:17AC 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0
   2: 0100007F:17AC 0100007F:AC99 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0
   3: 0100007F:17AD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 99 1 0
garbage
   4: 0100007F 00000000:0000 0A
"""
TCP6 = """\
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000001000000:17AC 0:0000 0A 0:0 00:0 0 0 0 14 1 0
   1: 00000000000000000000000000000000:0051 0:0000 0A 0:0 00:0 0 0 0 15 1 0
"""
UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000046d8efa7: 00000002 00000000 00010000 0001 01 16 /run/my app.sock
0000000046d8efa8: 00000003 00000000 00000000 0001 03 17 /run/client.sock
0000000046d8efa9: 00000002 00000000 00010000 0001 01 18 @abstract
0000000046d8efaa: 00000002 00000000 00010000 0001 01 19
"""


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A process that has every socket of the tables but number 99."""
    (tmp_path / "7/net").mkdir(parents=True)
    for name, content in (("tcp", TCP), ("tcp6", TCP6), ("unix", UNIX)):
        (tmp_path / "7/net" / name).write_text(content)
    (tmp_path / "7/fd").mkdir()
    for inode in range(11, 20):
        (tmp_path / f"7/fd/{inode}").symlink_to(f"socket:[{inode}]")
    (tmp_path / "7/fd/0").symlink_to("/dev/null")
    return tmp_path


@pytest.mark.skipif(sys.byteorder == "big", reason="the tables are of another machine")
def test_its_own_listening_sockets_are_told_and_no_others(proc: Path) -> None:
    assert listening(7, proc) == [
        "127.0.0.1:6060",
        "127.0.0.1:80",
        "[::1]:6060",
        "[::1]:81",
        "unix:/run/my app.sock",
    ]


def test_of_no_such_process_nothing_is_told(proc: Path) -> None:
    assert listening(8, proc) == []
    (proc / "7/net/tcp").unlink()
    assert "127.0.0.1:80" not in listening(7, proc)


@linux
def test_the_kernel_writes_them_so(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        unix.bind(f"{tmp_path}/sock")
        unix.listen()
        found = listening(os.getpid())
        assert {f"127.0.0.1:{tcp.getsockname()[1]}", f"unix:{tmp_path}/sock"} <= set(found)
    assert not set(found) & set(listening(os.getpid()))


@linux
def test_ipv6_too() -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with server:
        assert f"[::1]:{server.getsockname()[1]}" in listening(os.getpid())
