"""The record inside a snapshot, ``.mlops/snapshot.json``; docs/formats/snapshot.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from jupyter_mlops.formats.canonical_json import JsonFormat, encode_json, format_time, parse_time
from jupyter_mlops.formats.names import check_path, show
from jupyter_mlops.formats.numbers import NOT_FINITE, spell_out
from jupyter_mlops.ids import Hash, format_hash, is_snapshot_id, parse_hash

FORMAT = 0
RECORD_PATH = ".mlops/snapshot.json"
RUNS_POINTER_PATH = ".mlops/runs.mlops"
"""A pointer file in a snapshot's tree that belongs to no tracked path: what runs logged."""

MAX_RECORD_BYTES = 64 * 1024**2

Scalar = str | int | float | bool | None
PathKind = Literal["file", "tree", "external"]

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FORM = JsonFormat(
    "snapshot record",
    code="snapshot-invalid",
    hint="git fsck",
    version=FORMAT,
    limit_bytes=MAX_RECORD_BYTES,
    writer="snapshot",
)


class SnapshotPath(NamedTuple):
    """One tracked path as the snapshot keeps it: how many files, and the sum of their bytes."""

    path: str
    kind: PathKind
    hash: Hash
    files: int
    size_bytes: int


class LeftOut(NamedTuple):
    """One path that the snapshot does not keep, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """What a snapshot says of itself; ``base`` is the commit it is tied to, if there was one."""

    id: str
    created_at: datetime
    name: str | None = None
    base: str | None = None
    branch: str | None = None
    message: str | None = None
    notebook: str | None = None
    cells: tuple[str, ...] = ()
    params: Mapping[str, Scalar] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    automatic: bool = False
    paths: tuple[SnapshotPath, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    format: int = FORMAT


class _PathJson(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    kind: PathKind
    hash: str
    files: int
    size_bytes: int


class _LeftOutJson(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    why: str


class _RecordJson(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    id: str
    name: str | None
    base: str | None
    branch: str | None
    message: str | None
    created_at: str
    notebook: str | None
    cells: list[str]
    params: dict[str, Scalar]
    metrics: dict[str, float | str]
    environment: dict[str, str]
    command: list[str]
    automatic: bool
    paths: list[_PathJson]
    left_out: list[_LeftOutJson]


def encode_snapshot_record(record: SnapshotRecord) -> bytes:
    """Return the one encoding of ``record``.

    A parameter that is not a finite number is written as text ("NaN") and stays text; a metric's
    text is read back as the number it was.

    Raises:
        ValueError: something that :func:`decode_snapshot_record` would refuse.
    """
    if record.created_at.tzinfo is None:
        raise ValueError("created_at has no time zone")
    reason = _explain(record)
    if reason:
        raise ValueError(f"not a snapshot record: {reason}")
    data = _encode(record)
    if len(data) > MAX_RECORD_BYTES:
        raise ValueError(f"a snapshot record has at most {MAX_RECORD_BYTES} bytes")
    return data


def _encode(record: SnapshotRecord) -> bytes:
    values = {
        "format": FORMAT,
        "id": record.id,
        "name": record.name,
        "base": record.base,
        "branch": record.branch,
        "message": record.message,
        "created_at": format_time(record.created_at),
        "notebook": record.notebook,
        "cells": list(record.cells),
        "params": {name: spell_out(value) for name, value in record.params.items()},
        "metrics": {name: spell_out(float(value)) for name, value in record.metrics.items()},
        "environment": dict(record.environment),
        "command": list(record.command),
        "automatic": record.automatic,
        "paths": [{**path._asdict(), "hash": format_hash(path.hash)} for path in record.paths],
        "left_out": [left._asdict() for left in record.left_out],
    }
    return encode_json(values)


def decode_snapshot_record(data: bytes, *, origin: str) -> SnapshotRecord:
    """Return the record that ``data`` encodes; ``origin`` names it in errors.

    Raises:
        IntegrityError: ``data`` is not the one encoding of a record (code ``snapshot-invalid``).
        UnsupportedError: a newer format.
    """
    values = _FORM.parse(data, origin=origin)
    try:
        record = _record(msgspec.convert(values, _RecordJson))
    except (ValueError, msgspec.ValidationError) as error:
        _FORM.refuse(origin, str(error))
    reason = _explain(record)
    if reason:
        _FORM.refuse(origin, reason)
    if _encode(record) != data:
        _FORM.refuse(
            origin, "it says something valid in another form than the one that snapshot writes"
        )
    return record


def _record(raw: _RecordJson) -> SnapshotRecord:
    return SnapshotRecord(
        id=raw.id,
        created_at=parse_time(raw.created_at),
        name=raw.name,
        base=raw.base,
        branch=raw.branch,
        message=raw.message,
        notebook=raw.notebook,
        cells=tuple(raw.cells),
        params=raw.params,
        metrics={name: _metric(name, value) for name, value in raw.metrics.items()},
        environment=raw.environment,
        command=tuple(raw.command),
        automatic=raw.automatic,
        paths=tuple(
            SnapshotPath(path.path, path.kind, parse_hash(path.hash), path.files, path.size_bytes)
            for path in raw.paths
        ),
        left_out=tuple(LeftOut(left.path, left.why) for left in raw.left_out),
    )


def _explain(record: SnapshotRecord) -> str | None:
    if not is_snapshot_id(record.id):
        return f"its id {show(record.id)} is none"
    if record.base is not None and not _COMMIT.fullmatch(record.base):
        return f"its base {show(record.base)} is not the full id of a commit"
    previous = ""
    for path in record.paths:
        try:
            check_path(path.path)
        except ValueError as error:
            return f"the path {show(path.path)} is refused: {error}"
        if path.path <= previous:
            return f"the path {show(path.path)} stands after {show(previous)}"
        if not 0 <= path.files < 2**63 or not 0 <= path.size_bytes < 2**63:
            return f"the path {show(path.path)} has a count that is not between 0 and 2**63 - 1"
        previous = path.path
    return None


def _metric(name: str, value: float | str) -> float:
    if isinstance(value, str):
        if value not in NOT_FINITE:
            raise ValueError(f"the metric {show(name)} is {show(value)}, not a number")
        return NOT_FINITE[value]
    return float(value)
