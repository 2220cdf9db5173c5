"""What became of the rows and columns of a table, within bounds on time and memory."""

from __future__ import annotations

import csv
import io
import re
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

from jupyter_mlops.units import format_bytes, plural

TABLE_LIMIT_BYTES = 64 * 1024**2
ROWS_LIMIT = 1_000_000
COLUMNS_LIMIT = 10_000

_SUFFIXES = (".csv", ".tsv", ".parquet")
_TYPED_ROWS = 1_000
_BATCH_ROWS = 10_000
_NAMED_COLUMNS = 5
_HASH_MODULUS = sys.hash_info.modulus
_KEY = re.compile(r"(?s:(?i:(?:.*[_\- .])?(?:id|key|uuid|guid))|.*[a-z]I[Dd])")
_INTEGER = re.compile(r"[+-]?\d{1,30}")
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)", re.I)
_EMPTY = frozenset({"", "NA", "N/A", "null", "NULL", "None"})


@dataclass(frozen=True, slots=True)
class TypeChange:
    """What kind of values a column has, in two states."""

    column: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class RowChanges:
    """What became of a table's rows, compared in the columns that both states have.

    ``key`` is the column by which rows were told apart; without one, rows are the same that have
    the same values. Then ``changed`` are rows in the same place with other values, where as many
    rows as before are there and all others are as they were; else such a row counts as removed and
    as added. ``reordered``: the same rows, in another order.
    """

    old_rows: int
    new_rows: int
    added: int
    removed: int
    changed: int
    key: str | None = None
    reordered: bool = False
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    types: tuple[TypeChange, ...] = ()
    columns: int = 0

    @property
    def share(self) -> float:
        """How much of the table differs: of its rows, or of its columns if that is more."""
        rows = (self.added + self.removed + self.changed) / max(self.old_rows, self.new_rows, 1)
        others = len(self.columns_added) + len(self.columns_removed) + len(self.types)
        return min(max(rows, others / max(self.columns, 1)), 1.0)

    def describe(self) -> str:
        """Return it in words: ``12 rows added, 3 changed of 1,000; column age removed``."""
        counts = ((self.added, "added"), (self.removed, "removed"), (self.changed, "changed"))
        found = [(count, word) for count, word in counts if count]
        parts = []
        if found:
            (count, word), *others = found
            text = ", ".join([f"{plural(count, 'row')} {word}", *(f"{n:,} {w}" for n, w in others)])
            parts.append(f"{text} of {max(self.old_rows, self.new_rows):,}")
        elif self.reordered:
            parts.append("the same rows in another order")
        parts += _name_columns(self.columns_added, "added")
        parts += _name_columns(self.columns_removed, "removed")
        parts += [f"{one.column} was {one.old}, is {one.new}" for one in self.types[:3]]
        if len(self.types) > 3:
            parts.append(f"{len(self.types) - 3:,} more columns of another type")
        return "; ".join(parts) or "the same rows, written in another way"


def is_table(path: str) -> bool:
    """Return whether the name of a file is that of a table whose rows can be compared."""
    return path.lower().endswith(_SUFFIXES)


def compare_rows(path: str, old: bytes, new: bytes) -> RowChanges:
    """Return what became of the rows of a CSV, TSV or Parquet file.

    Raises:
        ValueError: one of them cannot be read, or is too large; the message goes on after the
            file's name.
    """
    before, after = _open(path, old), _open(path, new)
    known = set(before.columns)
    common = [name for name in after.columns if name in known]
    keys = [name for name in common if _KEY.fullmatch(name)][:3]
    first, second = before.scan(common, keys), after.scan(common, keys)
    key = next(
        (
            name
            for name in keys
            if first.rows and second.rows and first.is_unique(name) and second.is_unique(name)
        ),
        None,
    )
    counted = _compare_by_key(first, second, key) if key else _compare_values(first, second)
    added, removed, changed, reordered = counted
    present = set(after.columns)
    return RowChanges(
        old_rows=len(first.rows),
        new_rows=len(second.rows),
        added=added,
        removed=removed,
        changed=changed,
        key=key,
        reordered=reordered,
        columns_added=tuple(name for name in after.columns if name not in known),
        columns_removed=tuple(name for name in before.columns if name not in present),
        types=tuple(
            TypeChange(name, first.types[name], second.types[name])
            for name in common
            if first.types[name] != second.types[name]
            and "empty" not in (first.types[name], second.types[name])
        ),
        columns=len(known | present),
    )


@dataclass(frozen=True, slots=True)
class _Scanned:
    """A hash for each row, and for each row's value in a column that may be the key."""

    rows: array[int]
    keys: dict[str, array[int]]
    types: dict[str, str]

    def is_unique(self, key: str) -> bool:
        import numpy

        return bool(numpy.unique(numpy.frombuffer(self.keys[key], "q")).size == len(self.rows))


def _compare_by_key(old: _Scanned, new: _Scanned, key: str) -> tuple[int, int, int, bool]:
    import numpy

    first, second = (numpy.frombuffer(one.rows, "q") for one in (old, new))
    before, after = (numpy.frombuffer(one.keys[key], "q") for one in (old, new))
    _, here, there = numpy.intersect1d(before, after, assume_unique=True, return_indices=True)
    changed = int(numpy.count_nonzero(first[here] != second[there]))
    added, removed = len(after) - len(there), len(before) - len(here)
    same = not (added or removed or changed)
    return added, removed, changed, same and old.rows != new.rows


def _compare_values(old: _Scanned, new: _Scanned) -> tuple[int, int, int, bool]:
    import numpy

    if old.rows == new.rows:
        return 0, 0, 0, False
    before, after = (numpy.array(one.rows, "q") for one in (old, new))
    if len(before) == len(after):
        moved = int(numpy.count_nonzero(before != after))
    values, places = numpy.unique(numpy.concatenate([before, after]), return_inverse=True)
    counts = numpy.bincount(places[len(before) :], minlength=len(values)) - numpy.bincount(
        places[: len(before)], minlength=len(values)
    )
    added, removed = int(counts[counts > 0].sum()), -int(counts[counts < 0].sum())
    if len(before) == len(after) and moved == added:
        return 0, 0, added, False
    return added, removed, 0, not (added or removed)


class _Text:
    """A table as text: one header, then rows."""

    def __init__(self, content: bytes, separator: str) -> None:
        self._content = content
        head = content.partition(b"\n")[0]
        counts = {one: head.count(one.encode()) for one in (separator, ";", "\t")}
        self._separator = max(counts, key=lambda one: (counts[one], one == separator))
        header = next(self._iter_rows(), [])
        if len(header) > COLUMNS_LIMIT:
            raise _too_many_columns()
        self.columns = _unique(header)

    def scan(self, columns: Sequence[str], keys: Sequence[str]) -> _Scanned:
        places = {name: place for place, name in enumerate(self.columns)}
        take = _picker([places[name] for name in columns])
        rows = self._iter_rows()
        next(rows, None)
        width = len(self.columns)

        def iter_batches() -> Iterator[list[tuple[Any, ...]]]:
            while batch := list(islice(rows, _BATCH_ROWS)):
                if set(map(len, batch)) != {width}:
                    batch = [(row + [""] * width)[:width] for row in batch if row]
                yield list(map(take, batch))

        return _scan(iter_batches(), columns, keys, _kind_of_text)

    def _iter_rows(self) -> Iterator[list[str]]:
        lines = io.TextIOWrapper(io.BytesIO(self._content), "utf-8-sig", newline="")
        try:
            yield from csv.reader(lines, delimiter=self._separator)
        except UnicodeDecodeError as error:
            raise ValueError("is not UTF-8") from error
        except csv.Error as error:
            raise ValueError(f"is no table that can be read: {error}") from error


class _Parquet:
    """A Parquet file."""

    def __init__(self, content: bytes) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError as error:
            raise ValueError("needs pyarrow, which is not installed here") from error
        self._failures = (
            *(pyarrow.ArrowException, OSError, OverflowError, RuntimeError),
            UnicodeDecodeError,
        )
        try:
            self._file = parquet.ParquetFile(pyarrow.BufferReader(content))
            schema = self._file.schema_arrow
            total_bytes = sum(
                self._file.metadata.row_group(group).total_byte_size
                for group in range(self._file.metadata.num_row_groups)
            )
        except self._failures as error:
            raise ValueError("is no Parquet file that can be read") from error
        if self._file.metadata.num_rows > ROWS_LIMIT:
            raise _too_many_rows()
        if total_bytes > 8 * TABLE_LIMIT_BYTES:
            raise ValueError(f"is larger than {format_bytes(8 * TABLE_LIMIT_BYTES)} unpacked")
        if len(schema.names) > COLUMNS_LIMIT:
            raise _too_many_columns()
        self.columns = tuple(dict.fromkeys(schema.names))
        self._types = {field.name: str(field.type) for field in schema}

    def scan(self, columns: Sequence[str], keys: Sequence[str]) -> _Scanned:
        def iter_batches() -> Iterator[list[tuple[Any, ...]]]:
            try:
                for batch in self._file.iter_batches(_BATCH_ROWS, columns=list(columns)):
                    if batch.num_columns != len(columns):
                        raise ValueError("has two columns of one name")
                    if columns:
                        yield list(zip(*map(_values, batch.columns), strict=True))
                    else:
                        yield [()] * batch.num_rows
            except self._failures as error:
                raise ValueError("is no Parquet file that can be read") from error

        scanned = _scan(iter_batches(), columns, keys, lambda value: "")
        return _Scanned(scanned.rows, scanned.keys, {name: self._types[name] for name in columns})


def _open(path: str, content: bytes) -> _Text | _Parquet:
    if len(content) > TABLE_LIMIT_BYTES:
        raise ValueError(f"is larger than {format_bytes(TABLE_LIMIT_BYTES)}")
    name = path.lower()
    if name.endswith(".parquet"):
        return _Parquet(content)
    return _Text(content, "\t" if name.endswith(".tsv") else ",")


def _scan(
    batches: Iterable[list[tuple[Any, ...]]],
    columns: Sequence[str],
    keys: Sequence[str],
    kind_of: Callable[[Any], str],
) -> _Scanned:
    """Hash every row, and tell what kinds of values the first thousand have."""
    hashes = array("q")
    takes = {key: itemgetter(columns.index(key)) for key in keys}
    by_key = {key: array("q") for key in keys}
    kinds: list[set[str]] = [set() for _ in columns]
    for batch in batches:
        for row in batch[: max(_TYPED_ROWS - len(hashes), 0)]:
            for kind, value in zip(kinds, row, strict=True):
                kind.add(kind_of(value))
        hashes.extend(map(hash, batch))
        for key, take in takes.items():
            by_key[key].extend(map(hash, map(take, batch)))
        if len(hashes) > ROWS_LIMIT:
            raise _too_many_rows()
    named = (_join_kinds(kind) for kind in kinds)
    return _Scanned(hashes, by_key, dict(zip(columns, named, strict=True)))


def _kind_of_text(value: str) -> str:
    if value in _EMPTY:
        return "empty"
    if _INTEGER.fullmatch(value):
        return "integer"
    return "number" if _NUMBER.fullmatch(value) else "text"


def _join_kinds(kinds: set[str]) -> str:
    found = kinds - {"empty"}
    if len(found) > 1:
        return "number" if found == {"integer", "number"} else "text"
    return next(iter(found), "empty")


def _values(column: Any) -> list[Any]:
    """Return values of which those that differ have different hashes.

    -1 and -2 have the same, as have numbers that are far apart; NaN does not equal itself, and
    lists have no hash: these become texts.
    """
    from pyarrow import types

    values: list[Any] = column.to_pylist()
    if types.is_string(column.type) or types.is_large_string(column.type):
        return values
    if types.is_integer(column.type) or types.is_floating(column.type):
        return [
            value if value is not None and 0 <= value < _HASH_MODULUS else repr(value)
            for value in values
        ]
    return list(map(repr, values))


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], tuple[Any, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: tuple(row[place] for place in places)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return ``names``, a number behind each that another one before it has as well."""
    found: dict[str, None] = {}
    for name in names:
        count, free = 0, name
        while free in found:
            count += 1
            free = f"{name}.{count}"
        found[free] = None
    return tuple(found)


def _name_columns(names: Sequence[str], word: str) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:_NAMED_COLUMNS])
    more = f" and {len(names) - _NAMED_COLUMNS:,} more" if len(names) > _NAMED_COLUMNS else ""
    return [f"column{'s' if len(names) > 1 else ''} {shown}{more} {word}"]


def _too_many_columns() -> ValueError:
    return ValueError(f"has more than {COLUMNS_LIMIT:,} columns")


def _too_many_rows() -> ValueError:
    return ValueError(f"has more than {ROWS_LIMIT:,} rows")
