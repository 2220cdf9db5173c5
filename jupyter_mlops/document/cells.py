"""Cells and words as one line of text."""

from __future__ import annotations

import unicodedata

from jupyter_mlops.document.model import Bytes, Cell, Code, Delta, Number, Table, Time, Tone
from jupyter_mlops.text import visible
from jupyter_mlops.units import format_bytes, format_number

NOTHING = "–"
"""What an empty cell shows."""


def format_cell(cell: Cell) -> str:
    """Return one line of text for ``cell``; times are told in the reader's zone."""
    match cell:
        case None:
            return NOTHING
        case str():
            return visible(cell)
        case Code(text):
            return visible(text)
        case int():
            return f"{cell:,}"
        case Bytes(count):
            return format_bytes(count)
        case Number(value):
            return format_number(value)
        case Delta(value, better):
            return _format_delta(value, better)
        case Time(at):
            return at.astimezone().strftime("%Y-%m-%d %H:%M")


def amount_columns(table: Table) -> list[bool]:
    """Return which columns hold amounts and nothing else; amounts stand to the right."""
    columns = ([row[i] for row in table.rows] for i in range(len(table.columns)))
    filled = ([cell for cell in column if cell is not None] for column in columns)
    return [
        bool(cells) and all(isinstance(cell, int | Bytes | Number | Delta) for cell in cells)
        for cells in filled
    ]


def cell_tone(cell: Cell) -> Tone:
    """Return the tone in which ``cell`` is shown."""
    if isinstance(cell, Delta) and cell.better is not None:
        return "good" if cell.better else "bad"
    return "quiet" if cell is None else "plain"


def text_width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(letter) or unicodedata.category(letter) in ("Cf", "Me", "Mn")
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )


def shorten(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` columns, ``…`` at its end where it is cut."""
    if text_width(text) <= width:
        return text
    while text and text_width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def wrap(text: str, width: int) -> list[str]:
    """Return ``text`` as lines of at most ``width`` columns, broken between words.

    A word that is wider has a line of its own. Blanks at the beginning stay.
    """
    indent = text[: len(text) - len(text.lstrip(" "))]
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if text_width(indent + longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return [indent + line for line in lines]


def _format_delta(value: float, better: bool | None) -> str:
    sign = "+" if value > 0 else ""
    arrow = "▲ " if value > 0 else "▼ " if value < 0 else ""
    word = "" if better is None else " better" if better else " worse"
    return f"{arrow}{sign}{format_number(value)}{word}"
