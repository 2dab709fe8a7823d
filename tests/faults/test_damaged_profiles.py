"""Whatever a profile has become, reading it gives what is left of it, or one clear error."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profile_samples import records, write

from gctune.errors import ProfileError
from gctune.profile.file import Profile, read

DAMAGED = 800
IN_FORM = re.compile(r"PROFILE = '.*(\.\.\.)?: .+; .+")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(scope="module")
def whole(folder: Path) -> bytes:
    return write(folder / "whole").read_bytes()


def framed(plain: object) -> bytes:
    text = json.dumps(plain).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def outcome(folder: Path, content: bytes) -> Profile | None:
    """The profile that is left, or None for an error in the right form."""
    path = folder / "damaged"
    path.write_bytes(content)
    try:
        profile = read(path)
    except ProfileError as error:
        wording = str(error)
    else:
        list(profile.collections())
        return profile
    assert IN_FORM.fullmatch(wording)
    return None


def found(profile: Profile | None) -> int:
    """How many records could be read."""
    if profile is None:
        return 0
    several = (profile.batches, profile.readings, profile.counts, profile.switches, profile.paced)
    return 1 + sum(map(len, several)) + (profile.closing is not None)


def test_a_profile_cut_at_any_byte_keeps_its_complete_records(folder: Path, whole: bytes) -> None:
    for cut in range(len(whole)):
        assert found(outcome(folder, whole[:cut])) == whole[:cut].count(b"\n")


def test_a_flipped_bit_costs_no_more_than_the_lines_it_touches(folder: Path, whole: bytes) -> None:
    after_header = whole.index(b"\n") + 1
    for position in range(after_header, len(whole), 3):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        assert found(outcome(folder, bytes(flipped))) >= len(records()) - 2


Change = Callable[[bytes], bytes]


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """One way to damage a file."""
    place, other = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    noise = draw(st.binary(max_size=40))

    def at(content: bytes, share: float) -> int:
        return int(share * len(content))

    def cut(content: bytes) -> bytes:
        return content[: at(content, place)]

    def flip(content: bytes) -> bytes:
        changed = bytearray(content or b"\0")
        changed[min(at(content, place), len(changed) - 1)] ^= 1 << int(other * 7)
        return bytes(changed)

    def swap(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True) or [b""]
        one, two = (min(int(share * len(lines)), len(lines) - 1) for share in (place, other))
        lines[one], lines[two] = lines[two], lines[one]
        return b"".join(lines)

    def insert(content: bytes) -> bytes:
        return content[: at(content, place)] + noise + content[at(content, place) :]

    def double(content: bytes) -> bytes:
        return content + content[at(content, place) :]

    def squeeze(content: bytes) -> bytes:
        return gzip.compress(content)

    chosen: Change = draw(st.sampled_from([cut, flip, swap, insert, double, squeeze]))
    return chosen


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**60, 2**70)
    | st.floats()
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["kind", "schema", "packed", "pid"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def replaced_fields(draw: st.DrawFn) -> Change:
    """Put another value into one field of one record, with the checksum set right."""
    number, name, value = draw(st.integers(0, 5)), draw(st.integers(0, 30)), draw(json_values)

    def replace(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        if number >= len(lines):
            return content
        try:
            plain = json.loads(lines[number][9:])
            plain[sorted(plain)[name % len(plain)]] = value
        except (ValueError, TypeError, AttributeError, IndexError):
            return content
        lines[number] = framed(plain)
        return b"".join(lines)

    return replace


@settings(
    max_examples=DAMAGED,
    deadline=2000,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(damage=st.lists(changes() | replaced_fields(), min_size=1, max_size=4))
def test_damage_of_any_kind(folder: Path, whole: bytes, damage: list[Change]) -> None:
    content = whole
    for change in damage:
        content = change(content)
    outcome(folder, content)


CORPUS = {
    "empty": b"",
    "a newline": b"\n",
    "text": b"import gc\n" * 50,
    "zeros": bytes(100_000),
    "not UTF-8": b"\xff\xfe\x00" * 100,
    "a checksum alone": b"00000000 \n",
    "no newline": b"x" * 5_000_000,
    "nested lists": framed(None)[:9] + b"[" * 500_000 + b"\n",
    "an empty compressed file": gzip.compress(b""),
    "half a compressed file": gzip.compress(bytes(range(256)) * 40)[:100],
    "a bomb": gzip.compress(bytes(200_000_000), 9),
    "a bomb of newlines": gzip.compress(b"\n" * 20_000_000, 9),
    "a bomb in a bomb": gzip.compress(gzip.compress(bytes(50_000_000), 9), 9),
}


@pytest.mark.parametrize("content", CORPUS.values(), ids=CORPUS)
def test_what_never_was_a_profile_is_refused(folder: Path, content: bytes) -> None:
    assert outcome(folder, content) is None


def _raw(text: bytes) -> bytes:
    return b"%08x %b\n" % (zlib.crc32(text), text)


LINES = {
    "nested lists": _raw(b"[" * 100_000 + b"]" * 100_000),
    "nested objects": _raw(b'{"kind":' * 100_000 + b"1" + b"}" * 100_000),
    "a million digits": _raw(b'{"kind":"reading","time_ns":' + b"9" * 1_000_000 + b"}"),
    "a float of a million digits": _raw(b'{"kind":"reading","time_ns":1.' + b"9" * 999_000 + b"}"),
    "not a number": _raw(b'{"kind":"reading","time_ns":NaN}'),
    "an unknown kind": framed({"kind": "thing"}),
    "a kind that is a list": framed({"kind": []}),
    "a number": framed(1),
    "not base64": framed({"kind": "batch", "packed": "é"}),
    "half a collection": framed({"kind": "batch", "packed": "AAAA"}),
    "a collection of generation 127": framed({"kind": "batch", "packed": "f39/" * 26}),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_line_that_is_no_record_is_dropped(folder: Path, whole: bytes, line: bytes) -> None:
    profile = outcome(folder, whole + line)
    assert found(profile) == len(records())
    assert profile is not None
    assert profile.dropped_records == 1
    assert profile.dropped_bytes == len(line)


def test_a_second_header_is_dropped(folder: Path, whole: bytes) -> None:
    header = whole[: whole.index(b"\n") + 1]
    assert found(outcome(folder, whole + header)) == len(records())


def test_a_bomb_behind_a_profile_is_left_out(folder: Path, whole: bytes) -> None:
    profile = outcome(folder, gzip.compress(whole + bytes(200_000_000), 9))
    assert found(profile) == len(records())


def test_a_header_of_a_later_schema_asks_for_a_newer_gctune(folder: Path, whole: bytes) -> None:
    header = {**json.loads(whole.splitlines()[0][9:]), "schema": 2, "colour": "blue"}
    path = folder / "later"
    path.write_bytes(framed(header))
    with pytest.raises(ProfileError, match=r"schema 2.*upgrade gctune"):
        read(path)
