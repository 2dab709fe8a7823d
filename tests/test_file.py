"""A profile on disk: what is written can be read, and what cannot be is refused in one line."""

from __future__ import annotations

import gzip
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from children import script
from profile_samples import batch, closing, header, reading, records, write

from gctune.errors import ProfileError
from gctune.profile.file import looks_like_profile, read
from gctune.profile.writer import Writer


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "profile")
    profile = read(path)
    assert (profile.path, profile.header, profile.closing) == (path, header(), closing())
    assert profile.batches == (batch(3), batch(2, 6_000))
    assert profile.readings == (reading(5_000), reading(9_000))
    assert len(list(profile.collections())) == 5
    assert (profile.dropped_records, profile.dropped_bytes, profile.problems) == (0, 0, ())


def test_a_compressed_profile_is_read_as_it_is(tmp_path: Path) -> None:
    plain = write(tmp_path / "profile")
    packed = tmp_path / "profile.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(packed).batches == read(plain).batches
    assert read(packed).problems == ()


def test_what_is_damaged_is_counted_and_told(tmp_path: Path) -> None:
    path = write(tmp_path / "profile")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"x" + lines[1], *lines[2:-1], lines[-1][:50]]))
    profile = read(path)
    assert profile.dropped_records == 2
    assert profile.dropped_bytes == len(lines[1]) + 1 + 50
    assert profile.closing is None
    damaged, cut = profile.problems
    assert "2 damaged records" in damaged
    assert "cut off" in cut


def test_a_line_too_long_to_be_one_is_one_dropped_record(tmp_path: Path) -> None:
    path = write(tmp_path / "profile")
    long = b"x" * 3_000_000 + b"\n"
    path.write_bytes(path.read_bytes() + long)
    assert (read(path).dropped_records, read(path).dropped_bytes) == (1, len(long))


def test_the_file_is_this_users_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "profile")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "profile"
    path.write_text("precious")
    with pytest.raises(ProfileError, match="exists already"):
        Writer(path)
    assert path.read_text() == "precious"


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "profile").symlink_to(tmp_path / "target")
    with pytest.raises(ProfileError, match="exists already"):
        Writer(tmp_path / "profile")
    assert not (tmp_path / "target").exists()


def test_a_program_that_is_started_does_not_inherit_the_descriptor(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "profile")
    listing = "import os; print(os.listdir('/proc/self/fd'))"
    command = [sys.executable, "-c", listing]
    before = subprocess.run(command, capture_output=True, check=True, close_fds=False).stdout
    writer.close()
    after = subprocess.run(command, capture_output=True, check=True, close_fds=False).stdout
    assert before == after


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("missing", "no such file or directory"),
        ("folder", "is a directory"),
        ("fifo", "not a regular file"),
        ("empty", "empty"),
        ("text", "not a profile"),
        ("headless", "its header is damaged"),
        ("nul\0", "embedded null"),
        ("n" * 300, "file name too long"),
        ("text/profile", "not a directory"),
    ],
)
def test_what_is_no_profile_is_refused(name: str, wrong: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("import gc\n")
    write(tmp_path / "headless", *records()[1:])
    with pytest.raises(ProfileError) as raised:
        read(tmp_path / name)
    assert str(raised.value).startswith("PROFILE = '/")
    assert wrong in str(raised.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_one_without_permission_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "profile")
    path.chmod(0)
    with pytest.raises(ProfileError, match="permission denied"):
        read(path)


def test_a_full_disk_is_a_profile_error(tmp_path: Path) -> None:
    limited = f"""
import resource
from dataclasses import replace
from pathlib import Path
from profile_samples import records
from gctune.errors import ProfileError
from gctune.profile.writer import Writer
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
writer = Writer(Path({str(tmp_path / "profile")!r}))
for _ in range(2):
    try:
        [writer.append(record) for record in records()]
    except ProfileError as error:
        print(error)
"""
    first, second = script(limited).splitlines()
    assert "no room for all of a record" in first
    assert "file too large" in second
    assert read(tmp_path / "profile").dropped_records == 1


def test_one_damaged_record_is_told_in_the_singular(tmp_path: Path) -> None:
    path = write(tmp_path / "profile")
    path.write_bytes(path.read_bytes()[:-10])
    (told, _) = read(path).problems
    assert told.startswith("1 damaged record (")
    assert told.endswith(" bytes) is left out")


def test_only_what_a_capture_wrote_looks_like_a_profile(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.touch()
    text.write_text("0123456789 precious")
    assert looks_like_profile(write(tmp_path / "profile"))
    assert looks_like_profile(empty)
    assert not any(map(looks_like_profile, (text, tmp_path, tmp_path / "missing")))


def test_a_writer_knows_when_a_reader_takes_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path / "profile")
    writer.append(header())
    assert not writer.full
    monkeypatch.setattr("gctune.profile.writer.MOST_LINES", 100)
    assert writer.full
    writer.close()


BIG = """
from dataclasses import replace
from pathlib import Path
from gctune.host.process import peak_rss_bytes
from gctune.profile.file import read
from gctune.profile.writer import Writer
from profile_samples import batch, header
path = Path({path!r})
writer = Writer(path)
writer.append(header())
for number in range(250):
    writer.append(batch(4000, number * 4_000_000))
writer.close()
assert sum(1 for _ in read(path).collections()) == 1_000_000
print(path.stat().st_size // 2**20, peak_rss_bytes() // 2**20)
"""


def test_a_million_collections_are_read_in_300_mib(tmp_path: Path) -> None:
    size_mib, peak_mib = map(int, script(BIG.format(path=str(tmp_path / "profile"))).split())
    assert size_mib > 90
    assert peak_mib < 300
