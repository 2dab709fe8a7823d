"""Sizes, durations, ratios and rates as people write them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from gctune.settings.quantities import (
    MOST,
    Duration,
    Rate,
    Ratio,
    Size,
    about,
    duration,
    flag,
    limit,
    number,
    plain,
    rate,
    ratio,
    share,
    size,
    size_or_ratio,
    small_size,
    whole,
)


@pytest.mark.parametrize(
    ("text", "size_in_bytes"),
    [
        (1, 1),
        ("1024", 1024),
        ("512MiB", 512 * 2**20),
        ("512 MiB", 512 * 2**20),
        ("512Mi", 512 * 2**20),
        ("2GiB", 2**31),
        ("1.5GiB", 3 * 2**29),
        ("500MB", 500_000_000),
        ("500mb", 500_000_000),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("7B", 7),
        (MOST, MOST),
    ],
)
def test_sizes_read_as_written(text: object, size_in_bytes: int) -> None:
    assert size(text) == size_in_bytes


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "lots", "80%", "512 MB ; rm", "\u0665MiB", "512MiB\n", " 512MiB", "-1", "1e9",
        "0x10", "1_000", "512Xi", "1.5", "nan", "inf", 0, -1, MOST + 1, "9" * 20, "9" * 21,
        "8388608TiB", 1.5, math.nan, True, None, b"1", [1],
    ],
)  # fmt: skip
def test_no_size_is_guessed(text: object) -> None:
    with pytest.raises(ValueError, match=";"):
        size(text)


@pytest.mark.parametrize("text", ["512M", "512m", "1.5G", "2T", "3k", "3K"])
def test_a_bare_unit_is_refused_with_both_readings(text: str) -> None:
    with pytest.raises(ValueError, match="could be") as caught:
        size(text)
    first, second = str(caught.value).split(" or ")
    read = [part.split()[-3] for part in (first, second.split(";")[0])]
    named = [f"({int(size(each))} bytes)" for each in read]
    assert all(each in str(caught.value) for each in named)
    assert size(read[0]) > size(read[1])


@pytest.mark.parametrize(
    ("value", "short"),
    [
        (Size(2**31), "2GiB"),
        (Size(500_000_000), "500MB"),
        (Size(1536 * 2**20), "1536MiB"),
        (Size(1234), "1234B"),
        (Duration(0), "0s"),
        (Duration(0.01), "10ms"),
        (Duration(90), "90s"),
        (Duration(120), "2m"),
        (Duration(1e-6), "1us"),
        (Duration(86400), "1d"),
        (Ratio(0.1), "10%"),
        (Ratio(0.125), "12.5%"),
        (Ratio(1), "100%"),
        (Rate(50_000_000), "50MB/s"),
        (Rate(2**20 / 3600), "1MiB/h"),
    ],
)
def test_a_quantity_is_written_as_people_write_it_and_reads_back(value: object, short: str) -> None:
    readers = {Size: size, Duration: duration, Ratio: ratio, Rate: rate}
    assert str(value) == short
    assert f"{value}" == short
    assert readers[type(value)](short) == value


@pytest.mark.parametrize(
    ("text", "seconds"), [("10ms", 0.01), ("5s", 5), ("2m", 120), ("1.5h", 5400), (3, 3), ("3", 3)]
)
def test_durations_read_as_written(text: object, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5 sec", "-1s", -1, math.nan, math.inf, "nan", "366d", True, 10**400, "\u0665s", "1s\n"],
)
def test_no_duration_is_guessed(text: object) -> None:
    with pytest.raises(ValueError, match=";"):
        duration(text)


@pytest.mark.parametrize(("text", "share"), [("10%", 0.1), (0.1, 0.1), ("0.1", 0.1), (1, 1)])
def test_ratios_read_as_written(text: object, share: float) -> None:
    assert ratio(text) == share


@pytest.mark.parametrize(
    "text", [0, "0%", "101%", 1.1, -0.1, math.nan, math.inf, "", "x", "\u0668%", False]
)
def test_a_ratio_is_above_zero_and_at_most_one(text: object) -> None:
    with pytest.raises(ValueError, match=";"):
        ratio(text)


def test_an_integer_is_bytes_and_a_fraction_a_ratio_where_both_may_be() -> None:
    assert type(size_or_ratio(1)) is Size
    assert type(size_or_ratio("1GiB")) is Size
    assert type(size_or_ratio(1.0)) is Ratio
    assert type(size_or_ratio("0.8")) is Ratio
    assert type(size_or_ratio("80%")) is Ratio
    assert limit("auto") == "auto"
    assert limit("80%") == 0.8


@pytest.mark.parametrize("read", [share, limit])
def test_less_memory_than_any_python_takes_was_meant_otherwise(
    read: Callable[[object], object],
) -> None:
    assert read("1MiB") == read(2**20) == 2**20
    for written, meant in ((80, "'80%' or '80MiB'"), ("512", "'512MiB'")):
        with pytest.raises(ValueError, match=f"a number of bytes, below 1MiB; write {meant}"):
            read(written)
    for written in ("80kB", 2**20 - 1):
        with pytest.raises(ValueError, match="below 1MiB; give 1MiB or more"):
            read(written)


@pytest.mark.parametrize("written", [1e9, "1.5", "101%"])
def test_what_is_no_ratio_may_have_been_meant_as_a_size(written: object) -> None:
    with pytest.raises(ValueError, match=r"a ratio is above 0 .*, a size an integer of bytes"):
        share(written)


@pytest.mark.parametrize("text", ["50MB", "50MB/d", "50 per s", "", 0, -1, True, 1.5, "0MB/s"])
def test_a_rate_says_per_what(text: object) -> None:
    with pytest.raises(ValueError, match=";"):
        rate(text)


def test_a_bare_integer_is_a_rate_in_bytes_per_second() -> None:
    assert rate(1000) == rate("1kB/s") == 1000


def test_a_small_size_fits_a_c_int() -> None:
    assert small_size("1MiB") == 2**20
    with pytest.raises(ValueError, match="less than 2GiB"):
        small_size("2GiB")


@pytest.mark.parametrize("text", ["lots", 1.0, True, None, "1.0", "\u0661", "1\n"])
def test_what_is_no_integer_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="not an integer; give 1 or more, or else"):
        whole(text, least=1, otherwise=", or else")


def test_a_whole_number_stays_in_its_bounds() -> None:
    assert whole("5000", least=1) == 5000
    assert whole(2**31 - 1, least=1) == 2**31 - 1
    for outside in (0, 2**31, 10**400):
        with pytest.raises(ValueError, match="give"):
            whole(outside, least=1)


@pytest.mark.parametrize(
    ("text", "read"), [("true", True), ("0", False), (True, True), ("Off", False)]
)
def test_flags_read_as_variables_have_them(text: object, read: bool) -> None:
    assert flag(text) is read


@pytest.mark.parametrize("text", [1, 0, "maybe", "", None])
def test_no_flag_is_guessed(text: object) -> None:
    with pytest.raises(ValueError, match="not true or false"):
        flag(text)


def test_a_number_is_above_zero_and_finite() -> None:
    assert number("2.5") == 2.5
    for wrong in (0, -1, math.nan, math.inf, "x", True):
        with pytest.raises(ValueError, match="give"):
            number(wrong)


@pytest.mark.parametrize(
    ("size_in_bytes", "words"),
    [
        (5, "5B"),
        (2**31, "2GiB"),
        (3_865_470_566, "3.6GiB"),
        (1000 * 2**20, "1000MiB"),
        (-5 * 2**20, "-5MiB"),
        (-3, "-3B"),
    ],
)
def test_bytes_are_told_to_three_digits(size_in_bytes: int, words: str) -> None:
    assert about(size_in_bytes) == words


def test_a_plan_carries_bytes_as_integers_and_the_rest_in_short() -> None:
    assert [plain(each) for each in (Size(5), Duration(5), None, True, "auto", Ratio(0.5))] == [
        5, "5s", None, True, "auto", "50%",
    ]  # fmt: skip
    assert type(plain(Size(5))) is int
