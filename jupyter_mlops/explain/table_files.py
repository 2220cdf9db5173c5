"""Tables of several formats as rows of values, within bounds on time and memory."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import itemgetter
from typing import Any, Protocol

from jupyter_mlops.units import format_bytes

TABLE_LIMIT_BYTES = 64 * 1024**2
JSON_LIMIT_BYTES = 16 * 1024**2
ROWS_LIMIT = 1_000_000
COLUMNS_LIMIT = 10_000

_JSON_LINES = (".jsonl", ".ndjson")
_SUFFIXES = (".csv", ".tsv", ".parquet", *_JSON_LINES)
_TYPED_ROWS = 1_000
_BATCH_ROWS = 10_000
_HASH_MODULUS = sys.hash_info.modulus
_INTEGER = re.compile(r"[+-]?\d{1,30}")
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)", re.I)
_ENCODER = json.JSONEncoder(sort_keys=True)
_EMPTY = frozenset({"", "NA", "N/A", "null", "NULL", "None"})


@dataclass(frozen=True, slots=True)
class Scanned:
    """A hash for each row, and for each row's value in a column that may be the key.

    ``types`` says what kind of values each column has.
    """

    rows: array[int]
    keys: dict[str, array[int]]
    types: dict[str, str]

    def is_unique(self, key: str) -> bool:
        """Return whether no two rows have the same value in ``key``."""
        import numpy

        return bool(numpy.unique(numpy.frombuffer(self.keys[key], "q")).size == len(self.rows))


class TableFile(Protocol):
    """One version of a table; all of its methods raise ValueError where it cannot be read."""

    columns: tuple[str, ...]

    def scan(self, columns: Sequence[str], keys: Sequence[str]) -> Scanned:
        """Return the hashes of all rows, by their values in ``columns``; ``keys`` are of these."""
        ...

    def take(self, places: Collection[int]) -> dict[int, tuple[str, ...]]:
        """Return the rows at ``places``, counted from 0, a text for each of ``columns``."""
        ...


def is_table(path: str) -> bool:
    """Return whether the name of a file is that of a table whose rows can be compared."""
    return path.lower().endswith(_SUFFIXES)


def may_be_table(path: str) -> bool:
    """Return whether it is, or that of JSON, which may hold one."""
    return is_table(path) or path.lower().endswith(".json")


def open_table(path: str, content: bytes) -> TableFile:
    """Return the table that a file with the name ``path`` holds.

    Raises:
        ValueError: it cannot be read, or is too large; the message goes on after the file's name.
    """
    if len(content) > TABLE_LIMIT_BYTES:
        raise ValueError(f"is larger than {format_bytes(TABLE_LIMIT_BYTES)}")
    name = path.lower()
    if name.endswith(".parquet"):
        return _Parquet(content)
    if name.endswith(".json"):
        return _open_json(content)
    if name.endswith(_JSON_LINES):
        return _open_json_lines(content)
    return _Text(content, "\t" if name.endswith(".tsv") else ",")


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

    def scan(self, columns: Sequence[str], keys: Sequence[str]) -> Scanned:
        return _scan(self._iter_batches(columns), columns, keys, _kind_of_text)

    def take(self, places: Collection[int]) -> dict[int, tuple[str, ...]]:
        return _take(self._iter_batches(self.columns), places)

    def _iter_batches(self, columns: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        numbers = {name: number for number, name in enumerate(self.columns)}
        pick = _picker([numbers[name] for name in columns])
        rows = self._iter_rows()
        next(rows, None)
        width = len(self.columns)
        while batch := list(islice(rows, _BATCH_ROWS)):
            if set(map(len, batch)) != {width}:
                batch = [(row + [""] * width)[:width] for row in batch if row]
            yield list(map(pick, batch))

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

    def scan(self, columns: Sequence[str], keys: Sequence[str]) -> Scanned:
        scanned = _scan(self._iter_batches(columns, _values), columns, keys, lambda value: "")
        return replace(scanned, types={name: self._types[name] for name in columns})

    def take(self, places: Collection[int]) -> dict[int, tuple[str, ...]]:
        return _take(self._iter_batches(self.columns, lambda column: column.to_pylist()), places)

    def _iter_batches(
        self, columns: Sequence[str], values_of: Callable[[Any], list[Any]]
    ) -> Iterator[list[tuple[Any, ...]]]:
        try:
            for batch in self._file.iter_batches(_BATCH_ROWS, columns=list(columns)):
                if batch.num_columns != len(columns):
                    raise ValueError("has two columns of one name")
                if columns:
                    yield list(zip(*map(values_of, batch.columns), strict=True))
                else:
                    yield [()] * batch.num_rows
        except self._failures as error:
            raise ValueError("is no Parquet file that can be read") from error


class _Records:
    """A list of JSON's objects, or one in each line; what one lacks of the columns is empty."""

    def __init__(self, iter_records: Callable[[], Iterator[Mapping[str, object]]]) -> None:
        self._iter_records = iter_records
        found: dict[str, None] = {}
        for record in iter_records():
            found.update(dict.fromkeys(record))
            if len(found) > COLUMNS_LIMIT:
                raise _too_many_columns()
        self.columns = tuple(found)

    def scan(self, columns: Sequence[str], keys: Sequence[str]) -> Scanned:
        return _scan(self._iter_batches(columns, _spell_json), columns, keys, _kind_of_json)

    def take(self, places: Collection[int]) -> dict[int, tuple[str, ...]]:
        return _take(self._iter_batches(self.columns, _show_json), places)

    def _iter_batches(
        self, columns: Sequence[str], spell: Callable[[object], str]
    ) -> Iterator[list[tuple[Any, ...]]]:
        records = self._iter_records()
        while batch := list(islice(records, _BATCH_ROWS)):
            yield [
                tuple(spell(record[name]) if name in record else "" for name in columns)
                for record in batch
            ]


def _open_json(content: bytes) -> _Records:
    if len(content) > JSON_LIMIT_BYTES:
        raise ValueError(f"is larger than {format_bytes(JSON_LIMIT_BYTES)}, as JSON")
    try:
        decoded = _parse_json(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    if isinstance(decoded, dict) and decoded:
        lists = list(decoded.values())
        if all(isinstance(one, list) and len(one) == len(lists[0]) for one in lists):
            names = tuple(decoded)
            return _Records(
                lambda: (dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True))
            )
    if not isinstance(decoded, list) or not all(isinstance(one, dict) for one in decoded):
        raise ValueError("holds neither a list of records nor lists of one length")
    return _Records(lambda: iter(decoded))


def _open_json_lines(content: bytes) -> _Records:
    def iter_records() -> Iterator[Mapping[str, object]]:
        lines = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig")
        try:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    record = _parse_json(line)
                    if not isinstance(record, dict):
                        raise ValueError(f"has no record in line {number:,}")
                    yield record
        except UnicodeDecodeError as error:
            raise ValueError("is not UTF-8") from error

    return _Records(iter_records)


def _parse_json(text: str) -> object:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from error


def _scan(
    batches: Iterable[list[tuple[Any, ...]]],
    columns: Sequence[str],
    keys: Sequence[str],
    kind_of: Callable[[Any], str],
) -> Scanned:
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
    return Scanned(hashes, by_key, dict(zip(columns, named, strict=True)))


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


def _take(
    batches: Iterable[list[tuple[Any, ...]]], places: Collection[int]
) -> dict[int, tuple[str, ...]]:
    """Return the rows at ``places``; no more is read than up to the last of them."""
    wanted = sorted(places, reverse=True)
    found: dict[int, tuple[str, ...]] = {}
    first = 0
    for batch in batches if wanted else ():
        while wanted and wanted[-1] < first + len(batch):
            place = wanted.pop()
            row = batch[place - first]
            found[place] = tuple("" if value is None else str(value) for value in row)
        if not wanted:
            break
        first += len(batch)
    return found


def _spell_json(value: object) -> str:
    if type(value) is int:
        return repr(value)
    try:
        return _ENCODER.encode(value)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def _show_json(value: object) -> str:
    return value if isinstance(value, str) else _spell_json(value)


def _kind_of_json(text: str) -> str:
    """Return the kind of a value by how it begins."""
    match text[:1]:
        case '"':
            return "text"
        case "[":
            return "list"
        case "{":
            return "object"
        case "t" | "f":
            return "boolean"
        case "" | "n":
            return "empty"
    return "integer" if _INTEGER.fullmatch(text) else "number"


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


def _too_many_columns() -> ValueError:
    return ValueError(f"has more than {COLUMNS_LIMIT:,} columns")


def _too_many_rows() -> ValueError:
    return ValueError(f"has more than {ROWS_LIMIT:,} rows")
