"""CSV, TSV, JSON, JSON lines and Parquet as columns, within limits; pure but for pyarrow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from jupyter_mlops.plots.frame import ROWS_LIMIT, Choose, Column, Frame
from jupyter_mlops.text import visible
from jupyter_mlops.units import format_bytes, plural

BYTES_LIMIT = 64 * 1024**2
"""How much is read of a file: of lines those up to there, of other formats nothing beyond it."""

JSON_LIMIT_BYTES = 16 * 1024**2
UNPACKED_LIMIT_BYTES = 256 * 1024**2
COLUMNS_LIMIT = 1_000
NAMED_COLUMNS = 30
_CHUNK_ROWS = 20_000


class LibraryMissing(ValueError):
    """A format needs a library that is not installed; ``library`` is what pip calls it."""

    def __init__(self, library: str) -> None:
        super().__init__(f"reading it needs {library}, which is not installed")
        self.library = library


def parse_frame(path: str, content: bytes, choose: Choose, key: str | None = None) -> Frame:
    """Return the columns of a table that ``choose`` chooses; the end of ``path`` says its format.

    ``content`` may be longer than ``BYTES_LIMIT``, by as little as a byte, where the file is.
    ``key`` is where in a JSON file the table stands, parts joined by dots.

    Raises:
        ValueError: it is no such table, or is too large; the message is the reason.
    """
    parse = _PARSERS.get(suffix_of(path))
    if parse is None:
        raise ValueError(f"its name ends in none of {', '.join(sorted(_PARSERS))}")
    return parse(content, choose, key)


def is_table(path: str) -> bool:
    """Return whether the end of ``path`` is a table's."""
    return suffix_of(path) in _PARSERS


def suffix_of(path: str) -> str:
    """Return the end of a file's name with its full stop, in small letters; "" without one."""
    _, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if dot else ""


def name_columns(names: Sequence[str]) -> str:
    """Return the names of columns as words, the first of many."""
    shown = ", ".join(visible(name)[:60] for name in names[:NAMED_COLUMNS])
    more = len(names) - NAMED_COLUMNS
    return f"{shown} and {more} more" if more > 0 else shown or "none"


def _parse_csv(content: bytes, choose: Choose, _key: str | None) -> Frame:
    return _parse_delimited(content, choose, ",")


def _parse_tsv(content: bytes, choose: Choose, _key: str | None) -> Frame:
    return _parse_delimited(content, choose, "\t")


def _parse_delimited(content: bytes, choose: Choose, delimiter: str) -> Frame:
    whole, notes = _whole_lines(content)
    rows = csv.reader(_lines(whole), delimiter=delimiter)
    try:
        head = next(rows, [])
        names = _unique([name.strip() for name in head])
        chosen = {name: names.index(name) for name in choose(names)}
        columns = {name: Column() for name in chosen}
        total = ragged = 0
        while total < ROWS_LIMIT:
            chunk = list(islice(rows, min(_CHUNK_ROWS, ROWS_LIMIT - total)))
            if not chunk:
                break
            good = [row for row in chunk if len(row) == len(names)]
            ragged += sum(1 for row in chunk if row and len(row) != len(names))
            total += len(good)
            for name, at in chosen.items():
                columns[name].extend_texts([row[at] for row in good])
        if total >= ROWS_LIMIT and next(rows, None) is not None:
            notes = (*notes, _cut_rows())
    except csv.Error as error:
        raise ValueError(f"it is not a table of text: {error}") from None
    if ragged:
        notes = (*notes, f"{plural(ragged, 'row')} left out: not as many cells as the first line")
    return Frame(tuple(names), columns, total, notes)


def _parse_json(content: bytes, choose: Choose, key: str | None) -> Frame:
    if len(content) > JSON_LIMIT_BYTES:
        raise ValueError(f"it is larger than {format_bytes(JSON_LIMIT_BYTES)}")
    table = _find_table(_decode_json(_decode(content)), key)
    if isinstance(table, list):
        return _from_records(table, choose)
    names = tuple(str(name) for name in table)
    columns = {name: Column() for name in choose(names)}
    rows = max((len(table[name]) for name in columns), default=0)
    notes: list[str] = []
    for name, column in columns.items():
        values = table[name][:ROWS_LIMIT]
        column.extend_values(values)
        if len(table[name]) < rows:
            notes.append(f"{visible(name)} has {len(table[name])} of {rows} values")
            column.extend_values([None] * (min(rows, ROWS_LIMIT) - len(values)))
    if rows > ROWS_LIMIT:
        notes.append(_cut_rows())
    return Frame(names, columns, min(rows, ROWS_LIMIT), tuple(notes))


def _parse_json_lines(content: bytes, choose: Choose, _key: str | None) -> Frame:
    whole, notes = _whole_lines(content)
    records: list[object] = []
    bad = 0
    for line in _lines(whole):
        if not line.strip():
            continue
        if len(records) >= ROWS_LIMIT:
            notes = (*notes, _cut_rows())
            break
        try:
            records.append(json.loads(line))
        except (ValueError, RecursionError):
            bad += 1
    if bad and not records:
        raise ValueError("no line of it is JSON")
    if bad:
        notes = (*notes, f"{plural(bad, 'line')} left out: no JSON")
    frame = _from_records(records, choose)
    return Frame(frame.names, frame.columns, frame.rows, (*notes, *frame.notes))


def _parse_parquet(content: bytes, choose: Choose, _key: str | None) -> Frame:
    if len(content) > BYTES_LIMIT:
        raise ValueError(f"it is larger than {format_bytes(BYTES_LIMIT)}")
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise LibraryMissing("pyarrow") from None
    try:
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content))
        names = tuple(file.schema_arrow.names)
        chosen = list(choose(names))
        _check_unpacked(file.metadata)
        columns = {name: Column() for name in chosen}
        total = 0
        for batch in file.iter_batches(_CHUNK_ROWS, columns=chosen):
            room = ROWS_LIMIT - total
            for name in chosen:
                columns[name].extend_values(batch.column(name)[:room].to_pylist())
            total += min(batch.num_rows, room)
            if total >= ROWS_LIMIT:
                break
        notes = (_cut_rows(),) if file.metadata.num_rows > total else ()
    except (pyarrow.ArrowException, OSError, MemoryError, RuntimeError) as error:
        reason = visible(str(error).split("\n", 1)[0])[:200]
        raise ValueError(f"it is not Parquet that can be read: {reason}") from error
    return Frame(names, columns, total, notes)


_PARSERS: Mapping[str, Callable[[bytes, Choose, str | None], Frame]] = {
    ".csv": _parse_csv,
    ".json": _parse_json,
    ".jsonl": _parse_json_lines,
    ".ndjson": _parse_json_lines,
    ".parquet": _parse_parquet,
    ".tsv": _parse_tsv,
}


def _check_unpacked(metadata: object) -> None:
    """Refuse what its own footer says is too large once it is unpacked.

    Single columns are not asked: pyarrow ends the process where one is not as the schema says.
    """
    unpacked = sum(
        max(metadata.row_group(at).total_byte_size, 0)  # type: ignore[attr-defined]
        for at in range(metadata.num_row_groups)  # type: ignore[attr-defined]
    )
    if unpacked > UNPACKED_LIMIT_BYTES:
        limit = format_bytes(UNPACKED_LIMIT_BYTES)
        raise ValueError(f"it is larger than {limit} once it is unpacked")


def _whole_lines(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return what is read of lines: all, or those that end within the limit."""
    if len(content) <= BYTES_LIMIT:
        return content, ()
    end = content.rfind(b"\n", 0, BYTES_LIMIT)
    if end < 0:
        raise ValueError(f"its first line is longer than {format_bytes(BYTES_LIMIT)}")
    return content[: end + 1], (f"only the first {format_bytes(BYTES_LIMIT)} are drawn",)


def _lines(content: bytes) -> Iterator[str]:
    try:
        yield from io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None


def _decode_json(text: str) -> object:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from None


def _find_table(decoded: object, key: str | None) -> list[object] | dict[str, list[object]]:
    """Return records, or lists by name, at ``key``; without one, at the only place there is."""
    found = decoded
    for part in key.split(".") if key else ():
        if not isinstance(found, dict) or part not in found:
            keys = name_columns([str(one) for one in found]) if isinstance(found, dict) else "none"
            raise ValueError(f"it has no key {visible(part)}; there is: {keys}")
        found = found[part]
    if _is_columns(found):
        return {str(name): values for name, values in found.items()}  # type: ignore[attr-defined]
    if key is None and isinstance(found, dict):
        inner = [name for name, one in found.items() if _is_table(one)]
        if len(inner) == 1:
            return _find_table(found[inner[0]], None)
        if inner:
            raise ValueError(f"it holds several tables: say which as key: {name_columns(inner)}")
    if not isinstance(found, list):
        raise ValueError("it holds neither a list of records nor lists by name")
    return found


def _is_table(value: object) -> bool:
    return _is_columns(value) or (
        isinstance(value, list) and any(isinstance(one, dict) for one in value)
    )


def _is_columns(value: object) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(one, list) for one in value.values())
        and not any(isinstance(cell, dict) for one in value.values() for cell in one[:1])
    )


def _from_records(records: Sequence[object], choose: Choose) -> Frame:
    good = [record for record in records[:ROWS_LIMIT] if isinstance(record, dict)]
    names: dict[str, None] = {}
    for record in good:
        names.update(dict.fromkeys(record))
        if len(names) > COLUMNS_LIMIT:
            raise ValueError(f"it has more than {COLUMNS_LIMIT} columns")
    columns = {name: Column() for name in choose(tuple(names))}
    for name, column in columns.items():
        column.extend_values(record.get(name) for record in good)
    notes: tuple[str, ...] = ()
    if len(records) > ROWS_LIMIT:
        notes = (_cut_rows(),)
    if len(good) < min(len(records), ROWS_LIMIT):
        bad = min(len(records), ROWS_LIMIT) - len(good)
        notes = (*notes, f"{plural(bad, 'entry', 'entries')} left out: no objects")
    return Frame(tuple(names), columns, len(good), notes)


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names of a first line; a second one of a name gets a number, an empty one too."""
    if len(names) > COLUMNS_LIMIT:
        raise ValueError(f"it has more than {COLUMNS_LIMIT} columns")
    found: dict[str, None] = {}
    for at, name in enumerate(names, 1):
        plain = name[:200] or f"column {at}"
        while plain in found:
            plain = f"{plain} ({at})"
        found[plain] = None
    return list(found)


def _cut_rows() -> str:
    return f"only the first {ROWS_LIMIT:,} rows are drawn"
