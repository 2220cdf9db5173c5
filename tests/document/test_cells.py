from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jupyter_mlops.document import Bytes, Cell, Code, Delta, Number, Table, Time
from jupyter_mlops.document.cells import (
    amount_columns,
    cell_tone,
    format_cell,
    shorten,
    text_width,
    wrap,
)
from jupyter_mlops.text import visible


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "–"),
        ("words", "words"),
        ("two\nlines", "two\\nlines"),
        (Code("data/a\tb"), "data/a\\tb"),
        (1234567, "1,234,567"),
        (Bytes(1536), "1.5 KiB"),
        (Number(0.123456789), "0.123457"),
        (Number(float("nan")), "NaN"),
        (Delta(0.25, True), "▲ +0.25 better"),
        (Delta(0.25, False), "▲ +0.25 worse"),
        (Delta(-3, None), "▼ -3"),
        (Delta(0, None), "0"),
    ],
)
def test_cells_are_one_line_of_text(cell: Cell, text: str) -> None:
    assert format_cell(cell) == text


def test_times_are_told_in_the_readers_zone() -> None:
    at = datetime(2026, 11, 23, 20, 44, tzinfo=UTC)
    assert format_cell(Time(at)) == at.astimezone().strftime("%Y-%m-%d %H:%M")


def test_amounts_and_tones() -> None:
    now = Time(datetime.now(UTC))
    rows: tuple[tuple[Cell, ...], ...] = (
        (0, Bytes(1), Number(1), Delta(1, None), "1", Code("1"), now, None, 1),
        (1, None, 1, 1, None, None, None, None, "text"),
    )
    columns = tuple("abcdefghi")
    assert amount_columns(Table(columns, rows)) == [True] * 4 + [False] * 5
    assert amount_columns(Table(columns, ())) == [False] * 9
    assert cell_tone(Delta(1, True)) == "good"
    assert cell_tone(Delta(1, False)) == "bad"
    assert cell_tone(Delta(1, None)) == "plain"
    assert cell_tone(None) == "quiet"


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J", "\x07", "\x9b31m", "\u202egnp.exe", "\u2066", "\u2028", "\udcff"]
)
def test_nothing_steers_a_terminal(hostile: str) -> None:
    shown = visible(f"a{hostile}b")
    assert shown.startswith("a\\")
    assert hostile[0] not in shown
    shown.encode("utf-8")


def test_lines_are_kept_on_request() -> None:
    assert visible("a\n\tb\r", keep_lines=True) == "a\n\tb\\r"


def test_width_is_in_columns() -> None:
    assert [text_width(t) for t in ("abc", "äb", "e\u0301", "漢字", "a\u200db")] == [3, 2, 1, 4, 2]
    assert shorten("漢字漢字", 5) == "漢字…"
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two", ["one two"]),
        ("one two three", ["one two", "three"]),
        ("a-very-long-word b", ["a-very-long-word", "b"]),
        ("  one two three", ["  one", "  two", "  three"]),
        ("漢字漢 字", ["漢字漢", "字"]),
    ],
)
def test_words_wrap(text: str, lines: list[str]) -> None:
    assert wrap(text, 7) == lines
