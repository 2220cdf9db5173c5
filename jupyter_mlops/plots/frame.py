"""Columns of numbers and texts, as plots draw them; pure."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

ROWS_LIMIT = 1_000_000
"""How many rows of a file are drawn; those after them are left out, and it is said."""

TEXT_LIMIT = 200
"""How many characters of a cell count."""

Choose = Callable[[Sequence[str]], Sequence[str]]
"""Which columns to read, of those that there are; raises ValueError where one is not there."""


class Column:
    """One column: a number in each row, or NaN, and the texts of rows that hold no number.

    Empty cells have neither.
    """

    def __init__(self) -> None:
        self.numbers = array("d")
        self.texts: dict[int, str] = {}
        self._known: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def extend_texts(self, cells: Sequence[str]) -> None:
        """Add cells that were written as text."""
        try:
            if "_" in "".join(cells):  # Python takes it for a separator of digits
                raise ValueError
            found = array("d", map(float, cells))
        except ValueError:
            for cell in cells:
                self._add_text(cell)
        else:
            self.numbers.extend(found)

    def extend_values(self, values: Iterable[object]) -> None:
        """Add values as JSON and Parquet have them; those that are no scalars count as texts."""
        for value in values:
            if isinstance(value, float | int):
                self.numbers.append(_to_float(value))
            elif value is None:
                self.numbers.append(math.nan)
            elif isinstance(value, str):
                self._add_text(value)
            else:
                self._add_other(value)

    @property
    def is_numeric(self) -> bool:
        """Whether numbers are at least as many as texts."""
        return not self.texts or len(self.texts) <= sum(1 for one in self.numbers if one == one)

    def labels(self) -> list[str | None]:
        """Return what each row says as text: whole numbers without a fraction."""
        return [
            text if (text := self.texts.get(at)) is not None else _label(number)
            for at, number in enumerate(self.numbers)
        ]

    def times(self) -> array[float] | None:
        """Return milliseconds since 1970, UTC, where every text is a date; None otherwise."""
        if not self.texts or self.is_numeric:
            return None
        times = array("d", [math.nan]) * len(self)
        for at, text in self.texts.items():
            try:
                moment = datetime.fromisoformat(text)
                moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
                times[at] = moment.timestamp() * 1000
            except (ValueError, OverflowError):
                return None
        return times

    def same_as(self, other: Column) -> bool:
        """Return whether both hold the same, NaN for NaN."""
        return self.texts == other.texts and self.numbers.tobytes() == other.numbers.tobytes()

    def _add_text(self, cell: str) -> None:
        try:
            self.numbers.append(float("x" if "_" in cell else cell))
        except ValueError:
            self.numbers.append(math.nan)
            text = cell.strip()
            if text:
                short = text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
                short = self._known.setdefault(short, short)
                self.texts[len(self.numbers) - 1] = short

    def _add_other(self, value: object) -> None:
        if isinstance(value, dict | list):
            self._add_text("{…}" if isinstance(value, dict) else "[…]")
        else:
            self._add_text(str(value)[:TEXT_LIMIT])


@dataclass(frozen=True, slots=True)
class Frame:
    """The columns that were chosen, the names of all, and what was left out, in words."""

    names: tuple[str, ...]
    columns: Mapping[str, Column]
    rows: int
    notes: tuple[str, ...] = field(default=())

    def same_as(self, other: Frame) -> bool:
        """Return whether both hold the same in the columns that were chosen."""
        return self.columns.keys() == other.columns.keys() and all(
            column.same_as(other.columns[name]) for name, column in self.columns.items()
        )


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _label(number: float) -> str | None:
    if math.isnan(number):
        return None
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
