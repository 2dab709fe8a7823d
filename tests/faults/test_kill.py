"""A capture that is killed at any instant leaves every complete record readable."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gctune.profile.file import Profile, read

KILLS = 100

# Forks one captured child after another and kills each at a random instant.
# The child's capture flushes all the time, and tells through a pipe of each
# record once it has been written.
SCRIPT = """
import gc, os, random, signal, sys, time
from pathlib import Path
from gctune.profile import capture, writer as writing

def tell_of_each_record(pipe):
    append = writing.Writer.append
    def append_and_tell(writer, record):
        append(writer, record)
        os.write(pipe, b".")
    writing.Writer.append = append_and_tell

def be_captured(path, pipe):
    tell_of_each_record(pipe)
    capture._BUSY = 0.0005
    sys.setswitchinterval(1e-4)
    gc.set_threshold(100, 5, 5)
    capture.capture(path)
    while True:
        [[[]] for _ in range(500)]

for number in range(int(sys.argv[2])):
    told, pipe = os.pipe()
    child = os.fork()
    if not child:
        be_captured(Path(sys.argv[1], str(number)), pipe)
    os.close(pipe)
    os.read(told, 1)  # the header stands
    time.sleep(random.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(1 + len(os.read(told, 1 << 20)))
    os.close(told)
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, Profile]]:
    """How many records each child had told of, and what can be read of its profile."""
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder, str(KILLS)],
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    told = map(int, done.stdout.split())
    return [(records, read(folder / str(number))) for number, records in enumerate(told)]


def test_every_record_that_was_written_can_be_read(killed: list[tuple[int, Profile]]) -> None:
    assert len(killed) == KILLS
    for told, profile in killed:
        found = 1 + len(profile.batches) + len(profile.readings)
        assert found - told in (0, 1)  # the last may have been written and not told of


def test_at_most_the_last_record_is_cut(killed: list[tuple[int, Profile]]) -> None:
    assert all(profile.dropped_records <= 1 for _, profile in killed)


def test_a_killed_capture_is_said_to_be_cut_off(killed: list[tuple[int, Profile]]) -> None:
    assert all("cut off" in profile.problems[-1] for _, profile in killed)


def test_the_kills_came_at_many_places(killed: list[tuple[int, Profile]]) -> None:
    assert len({told for told, _ in killed}) > KILLS // 20
    assert sum(len(list(profile.collections())) for _, profile in killed) > KILLS
