from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.units import (
    format_bytes,
    format_duration,
    format_number,
    parse_bytes,
    plural,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_260_000, "1.2 MiB"),
        (102_350, "100 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (2**63, "8.0 EiB"),
        (2**80, "1048576 EiB"),
        (-2048, "-2.0 KiB"),
    ],
)
def test_bytes_are_shown_in_their_unit(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("amount", "count"),
    [
        (0, 0),
        (1024, 1024),
        ("0 B", 0),
        ("10 MiB", 10 * 1024**2),
        ("10MiB", 10 * 1024**2),
        (" 1 GiB ", 1024**3),
        ("1.5 GiB", 3 * 1024**3 // 2),
        ("1 kB", 1000),
        ("2.5 GB", 2_500_000_000),
        ("0.0001 kB", 0),
        ("7 EiB", 7 * 1024**6),
    ],
)
def test_sizes_are_read(amount: str | int, count: int) -> None:
    assert parse_bytes(amount) == count


@pytest.mark.parametrize(
    "amount",
    [
        "1 000 B",
        "٣ B",
        -1,
        2**63,
        "",
        "10",
        "MiB",
        "10 mib",
        "10 kiB",
        "10 KB",
        "-1 B",
        "1e3 B",
        "1,5 GiB",
        "9 EB B",
        "8 EiB",
    ],
)
def test_other_sizes_are_refused(amount: str | int) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_bytes(amount)


def test_a_truth_value_is_no_size() -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_bytes(True)


@given(st.integers(0, 2**60))
def test_what_is_shown_is_near_what_is_meant(count: int) -> None:
    assert math.isclose(parse_bytes(format_bytes(count)), count, rel_tol=0.06)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (3.0, "3"),
        (0.9123456789, "0.912346"),
        (1e20, "1e+20"),
        (-2, "-2"),
        (0.0, "0"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (1.5e-7, "1.5e-07"),
    ],
)
def test_numbers_are_shown_short(number: float, text: str) -> None:
    assert format_number(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (-1, "0 ms"),
        (0.24, "240 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (3.21, "3.2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (11_400, "3 h 10 min"),
        (200_000, "2 d 8 h"),
    ],
)
def test_durations_are_shown_in_two_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_counts_agree_with_their_nouns() -> None:
    assert plural(0, "file") == "0 files"
    assert plural(1, "file") == "1 file"
    assert plural(1200, "file") == "1,200 files"
    assert plural(2, "entry", "entries") == "2 entries"
