"""Reading rss from a file that stays open: it is this process's own, and no other's is closed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import script
from held import descriptors

from gctune.host.process import rss_bytes
from gctune.host.statm import Statm

MIB = 1 << 20


@pytest.fixture
def statm() -> Iterator[Statm]:
    opened = Statm()
    yield opened
    opened.close()


def number_of(statm: Statm) -> int:
    statm.rss_bytes()
    return statm._descriptor


def test_it_says_what_a_fresh_reading_says(statm: Statm) -> None:
    statm.rss_bytes()
    block = b"x" * (64 * MIB)
    assert statm.rss_bytes() == pytest.approx(rss_bytes(), rel=0.02)
    before = statm.rss_bytes()
    del block
    assert before - statm.rss_bytes() > 60 * MIB


def test_one_file_is_open_until_it_is_closed(statm: Statm) -> None:
    before = descriptors()
    for _ in range(3):
        statm.rss_bytes()
    assert len(descriptors() - before) == 1
    statm.close()
    statm.close()
    assert descriptors() <= before


def test_no_program_that_it_starts_inherits_the_file(statm: Statm) -> None:
    assert not os.get_inheritable(number_of(statm))


def test_a_forked_child_reads_its_own() -> None:
    script(
        "import os\n"
        "from gctune.host.process import rss_bytes\n"
        "from gctune.host.statm import Statm\n"
        "statm = Statm(); held = b'x' * (100 << 20); before = statm.rss_bytes()\n"
        "if pid := os.fork():\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
        "else:\n"
        "    del held\n"
        "    fell = before - statm.rss_bytes() > 90 << 20\n"
        "    os._exit(0 if fell and len(os.listdir('/proc/self/fd')) == 5 else 1)\n"
    )


def test_it_goes_on_where_the_program_closes_all_descriptors(statm: Statm) -> None:
    os.close(number_of(statm))
    assert statm.rss_bytes() == pytest.approx(rss_bytes(), rel=0.02)
    number_of(statm)
    assert statm.rss_bytes() == pytest.approx(rss_bytes(), rel=0.02)


@pytest.mark.parametrize("content", [b"", b"1 2\n", b"1 2 3 4 5 6 7\n", b"\xff" * 1000])
def test_a_file_of_the_programs_own_is_neither_believed_nor_closed(
    content: bytes, statm: Statm, tmp_path: Path
) -> None:
    number = number_of(statm)
    (tmp_path / "own").write_bytes(content)
    own = os.open(tmp_path / "own", os.O_RDONLY)
    os.dup2(own, number)
    os.close(own)
    for _ in range(2):
        assert statm.rss_bytes() == pytest.approx(rss_bytes(), rel=0.02)
    statm.close()
    assert os.read(number, 2000) == content  # from its beginning
    os.close(number)


def test_a_pipe_of_the_programs_own_loses_nothing(statm: Statm) -> None:
    number = number_of(statm)
    reader, writer = os.pipe()
    os.write(writer, b"1 2 3 4 5 6 7\n")
    os.dup2(reader, number)
    assert statm.rss_bytes() == pytest.approx(rss_bytes(), rel=0.02)
    assert os.read(number, 100) == b"1 2 3 4 5 6 7\n"
    for each in (number, reader, writer):
        os.close(each)


def test_without_proc_it_says_what_psutil_says(tmp_path: Path) -> None:
    elsewhere = Statm(tmp_path)
    assert elsewhere.rss_bytes() == pytest.approx(rss_bytes(), rel=0.05)
    elsewhere.close()
