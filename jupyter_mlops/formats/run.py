"""Lines of a run's series, ``runs/RUN/*.jsonl`` in the store; docs/formats/run.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from jupyter_mlops.errors import UnsupportedError
from jupyter_mlops.formats.names import check_name, check_path, show
from jupyter_mlops.formats.numbers import NOT_FINITE, spell_out
from jupyter_mlops.ids import is_snapshot_id, parse_hash

FORMAT = 0
MAX_LINE_BYTES = 1024**2
"""How long one line may be, its end included."""

Number = int | float
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
"""What whole numbers lie between, but for those of parameters."""

Param = str | int | float | bool | list[Any] | None
"""A value of a parameter; lists hold such values again."""

KeptKind = Literal["image", "figure", "table", "text", "model", "file"]
Outcome = Literal["done", "failed"]

_NESTING_LIMIT = 16
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_OWNER = re.compile(r"[0-9a-f]+(?:\.[0-9a-f]+){4}")
_SERIES_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-(\d+)\.jsonl")


class Began(msgspec.Struct, frozen=True):
    """The first line: which run and execution, who logs, and where it began.

    Attributes:
        run: the run's name.
        id: the execution's.
        began_at: seconds since 1970, UTC, as all times here.
        owner: the process, as ``files.owner`` writes it.
        commit: HEAD then, None where there was none.
        branch: HEAD's branch, None where there was none.
        source: the notebook's or script's path in the project, None where it is in none.
    """

    run: str
    id: str
    began_at: float
    owner: str
    commit: str | None = None
    branch: str | None = None
    source: str | None = None


class Metrics(msgspec.Struct, frozen=True):
    """Metrics at one step; a number may be NaN or infinite."""

    at: float
    step: Number
    values: Mapping[str, Number]


class Params(msgspec.Struct, frozen=True):
    """Parameters; one that is not finite is the text that stands for it."""

    at: float
    values: Mapping[str, Param]


class System(msgspec.Struct, frozen=True):
    """What the machine did."""

    at: float
    values: Mapping[str, Number]


class Environment(msgspec.Struct, frozen=True):
    """What the run ran in."""

    at: float
    values: Mapping[str, str]


class Kept(msgspec.Struct, frozen=True):
    """A file, or a folder of files, that the run kept: ``file`` is its name in the run's files."""

    at: float
    kind: KeptKind
    name: str
    file: str
    media_type: str
    size_bytes: int
    step: Number | None = None


class Uses(msgspec.Struct, frozen=True):
    """Tracked data that the run read: the hash of its pointer file, and its state then."""

    at: float
    path: str
    hash: str
    state: str


class Note(msgspec.Struct, frozen=True):
    """The user's words."""

    at: float
    text: str


class Tags(msgspec.Struct, frozen=True):
    """Words by which runs are found again."""

    at: float
    tags: tuple[str, ...]


class Ended(msgspec.Struct, frozen=True):
    """The process logs no more to this run, unless another line follows; ``why`` it failed."""

    at: float
    outcome: Outcome
    why: str | None = None


Line = Began | Metrics | Params | System | Environment | Kept | Uses | Note | Tags | Ended


def format_series_name(began_at: float, process: int) -> str:
    """Return the name of the file of a process that began to log at ``began_at``."""
    moment = datetime.fromtimestamp(began_at, UTC)
    return f"{moment:%Y%m%dT%H%M%S.%fZ}-{process}.jsonl"


def is_series_name(name: str) -> bool:
    """Return whether ``name`` has the form that :func:`format_series_name` writes."""
    return _SERIES_NAME.fullmatch(name) is not None


def format_line(line: Line) -> bytes:
    """Return the one encoding of ``line``, with the LF that ends it.

    What UTF-8 has no form for becomes ``?``. Of metrics, which come by the million, the caller has
    seen to it that whole numbers lie between :data:`MIN_INTEGER` and :data:`MAX_INTEGER`.

    Raises:
        ValueError: it is longer than :data:`MAX_LINE_BYTES`, or says what :func:`parse_line`
            refuses.
    """
    encoded = _encode(_values(line)) + b"\n"
    if len(encoded) > MAX_LINE_BYTES:
        raise ValueError(f"it is longer than {MAX_LINE_BYTES} bytes")
    if not isinstance(line, Metrics | System):
        parse_line(encoded, origin="this process")
    return encoded


def parse_line(data: bytes, *, origin: str) -> Line:
    """Return what one whole line says; ``origin`` names its file in errors.

    Raises:
        ValueError: it is none of the lines of a series, with the reason.
        UnsupportedError: a first line of a newer format (``format-newer``).
    """
    if len(data) > MAX_LINE_BYTES:
        raise ValueError(f"it is longer than {MAX_LINE_BYTES} bytes")
    try:
        raw = _METRICS.decode(data)
    except msgspec.ValidationError as error:
        return _parse_other(data, origin, str(error))
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from None
    return Metrics(raw.at, _step(raw.step), _numbers(raw.values))


class _MetricsJson(msgspec.Struct, forbid_unknown_fields=True):
    at: float
    step: Number
    values: dict[str, int | float | str]


class _BeganJson(Began, frozen=True, forbid_unknown_fields=True):
    format: int = 0


class _KeptJson(msgspec.Struct, forbid_unknown_fields=True):
    kind: KeptKind
    name: str
    file: str
    media_type: str
    size_bytes: int
    step: Number | None


class _UsesJson(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    hash: str
    state: str


class _LineJson(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Every line but the first one and metrics; all but ``at`` and ``why`` exclude each other."""

    at: float
    params: dict[str, Param] | None = None
    system: dict[str, int | float | str] | None = None
    environment: dict[str, str] | None = None
    kept: _KeptJson | None = None
    uses: _UsesJson | None = None
    note: str | None = None
    tags: list[str] | None = None
    end: Outcome | None = None
    why: str | None = None


_METRICS = msgspec.json.Decoder(_MetricsJson)
_CLAIM = msgspec.json.Decoder(dict[str, Any])


def _values(line: Line) -> dict[str, Any]:
    match line:
        case Began():
            return {"format": FORMAT, **msgspec.structs.asdict(line)}
        case Metrics(at, step, values):
            return {"at": at, "step": step, "values": _spell_out(values)}
        case Params(at, values):
            return {"at": at, "params": _spell_out(values)}
        case System(at, values):
            return {"at": at, "system": _spell_out(values)}
        case Environment(at, values):
            return {"at": at, "environment": values}
        case Kept(at):
            return {"at": at, "kept": _without_at(line)}
        case Uses(at):
            return {"at": at, "uses": _without_at(line)}
        case Note(at, text):
            return {"at": at, "note": text}
        case Tags(at, tags):
            return {"at": at, "tags": tags}
        case Ended(at, outcome, None):
            return {"at": at, "end": outcome}
        case Ended(at, outcome, why):
            return {"at": at, "end": outcome, "why": why}


def _without_at(line: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(line).items() if name != "at"}


def _spell_out(value: Any, depth: int = 0) -> Any:
    if isinstance(value, Mapping):
        return {name: _spell_out(part, depth) for name, part in value.items()}
    if isinstance(value, list) and depth < _NESTING_LIMIT:
        return [_spell_out(part, depth + 1) for part in value]
    return spell_out(value)


def _encode(values: Any) -> bytes:
    try:
        return msgspec.json.encode(values)
    except UnicodeEncodeError:
        return msgspec.json.encode(_in_utf8(values))


def _in_utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_in_utf8(name): _in_utf8(part) for name, part in value.items()}
    return [_in_utf8(part) for part in value] if isinstance(value, list | tuple) else value


def _parse_other(data: bytes, origin: str, no_metrics: str) -> Line:
    try:
        values = _CLAIM.decode(data)
        if "values" in values:
            raise ValueError(no_metrics)
        if "format" in values:
            return _parse_first(values, origin)
        raw = msgspec.convert(values, _LineJson)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"it is no line of a series: {error}") from None
    said = values.keys() - {"at", "why"}
    if len(said) != 1 or any(value is None for value in values.values()):
        raise ValueError("it does not say one thing")
    if raw.why is not None and raw.end != "failed":
        raise ValueError("it says why of what did not fail")
    return _line(raw)


def _parse_first(values: dict[str, Any], origin: str) -> Began:
    version = values["format"]
    if type(version) is int and version > FORMAT:
        raise UnsupportedError(
            f"The series {origin} has format {show(version)}; this version reads {FORMAT}.",
            code="format-newer",
            hints=("pip install --upgrade jupyter-mlops",),
        )
    if type(version) is not int or version != FORMAT:
        raise ValueError(f"its format is {show(version)}")
    raw = msgspec.convert(values, _BeganJson)
    check_name(raw.run)
    if not is_snapshot_id(raw.id):
        raise ValueError(f"its id {show(raw.id)} is none")
    if not _OWNER.fullmatch(raw.owner):
        raise ValueError(f"its owner {show(raw.owner)} is none")
    if raw.commit is not None and not _COMMIT.fullmatch(raw.commit):
        raise ValueError(f"its commit {show(raw.commit)} is not the full id of a commit")
    if raw.source is not None:
        check_path(raw.source)
    return Began(raw.run, raw.id, raw.began_at, raw.owner, raw.commit, raw.branch, raw.source)


def _line(raw: _LineJson) -> Line:
    if raw.params is not None:
        _check_params(list(raw.params.values()))
        return Params(raw.at, raw.params)
    if raw.system is not None:
        return System(raw.at, _numbers(raw.system))
    if raw.environment is not None:
        return Environment(raw.at, raw.environment)
    if raw.kept is not None:
        return _kept(raw.at, raw.kept)
    if raw.uses is not None:
        check_path(raw.uses.path)
        parse_hash(raw.uses.hash)
        return Uses(raw.at, raw.uses.path, raw.uses.hash, raw.uses.state)
    if raw.note is not None:
        return Note(raw.at, raw.note)
    if raw.tags is not None:
        return Tags(raw.at, tuple(raw.tags))
    if raw.end is None:
        raise ValueError("it says nothing")
    return Ended(raw.at, raw.end, raw.why)


def _kept(at: float, raw: _KeptJson) -> Kept:
    check_name(raw.file)
    if raw.size_bytes < 0:
        raise ValueError(f"its size is {show(raw.size_bytes)}")
    step = None if raw.step is None else _step(raw.step)
    return Kept(at, raw.kind, raw.name, raw.file, raw.media_type, raw.size_bytes, step)


def _step(step: Number) -> Number:
    if type(step) is int and not MIN_INTEGER <= step <= MAX_INTEGER:
        raise ValueError(f"its step is {show(step)}")
    return step


def _numbers(values: dict[str, Any]) -> dict[str, Number]:
    for name, value in values.items():
        if type(value) is str:
            if value not in NOT_FINITE:
                raise ValueError(f"{show(name)} is {show(value)}, not a number")
            values[name] = NOT_FINITE[value]
        elif type(value) is int and not MIN_INTEGER <= value <= MAX_INTEGER:
            raise ValueError(f"{show(name)} is {show(value)}")
    return values


def _check_params(values: list[Any], depth: int = 0) -> None:
    for value in values:
        if isinstance(value, list) and depth < _NESTING_LIMIT:
            _check_params(value, depth + 1)
        elif not isinstance(value, str | int | float | None):
            raise ValueError(f"a parameter is {show(value)}")
