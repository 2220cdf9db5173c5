"""Facts as they are kept between calls: a file that may be lost, or be damaged, at any time.

docs/decisions/0025-history-cache.md says why it is as it is.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from operator import lt
from pathlib import Path

import msgspec

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import clear_staging, iter_names, remove, write_atomic
from jupyter_mlops.git.history import TIMES
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.metrics.facts import (
    DVC_KIND,
    NONE,
    UNREAD,
    Blobs,
    Commits,
    Facts,
    Shape,
    SnapshotPoint,
    States,
)
from jupyter_mlops.metrics.read import Number

LIMIT_BYTES = 20 * 1000**2
"""How much all files of the cache may take together."""

_FILES_LIMIT = 4
_MAGIC = b"mlops history 1 " + sys.byteorder[:1].encode() + b"\n"
_HASH_BYTES = 32
_SUFFIX = ".facts"
_SEPARATOR = "\x00"


class _Snapshot(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    id: str
    name: str | None
    base: str | None
    created_at: int
    message: str | None
    shape: int
    values: list[float]


class _File(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    view: bytes
    named: list[str]
    oid_bytes: int
    commit_oids: bytes
    times: bytes
    generations: bytes
    first: bytes
    others: dict[int, list[int]]
    commit_states: bytes
    commit_authors: bytes
    subjects: bytes
    authors: bytes
    paths: bytes
    bases: bytes
    whole: bytes
    ends: bytes
    entry_paths: bytes
    entry_blobs: bytes
    kinds: bytes
    blob_kinds: bytes
    blob_oids: bytes
    blob_shapes: bytes
    blob_ends: bytes
    blob_contents: bytes
    shapes: list[Shape]
    snapshot_shapes: list[list[str]]
    snapshot_oids: bytes
    snapshots: list[_Snapshot]


def cache_path(folder: Path, rules: object) -> Path:
    """Return the file for facts that were gathered by these rules."""
    return folder / f"{hash_bytes(repr(rules).encode('utf-8', 'replace')).hex()[:32]}{_SUFFIX}"


def is_full(path: Path) -> bool:
    """Return whether nearly as much is in the file as it may hold."""
    try:
        return os.stat(path).st_size > LIMIT_BYTES * 9 // 10
    except OSError:
        return False


def read_facts(path: Path, view: bytes, oid_bytes: int) -> tuple[Facts, list[str]] | None:
    """Return the facts in the file, and the patterns of files that DVC named among them.

    None where there is no such file, it is damaged, or what it has was seen in another ``view`` of
    the repository, in which commits may have other parents.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(LIMIT_BYTES + 1)
        head = len(_MAGIC) + _HASH_BYTES
        body = memoryview(data)[head:]
        if len(data) > LIMIT_BYTES or data[:head] != _MAGIC + hash_bytes(body):
            return None
        found = msgspec.msgpack.decode(body, type=_File)
        if found.view != view or found.oid_bytes != oid_bytes:
            return None
        return _decode(found), found.named
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError, RecursionError):
        return None


def write_facts(
    path: Path, facts: Facts, named: Sequence[str], view: bytes, oid_bytes: int
) -> None:
    """Write the file, atomically, and remove others that would be too much together with it.

    So is what a killed writer left. What does not fit is left out, the oldest values first, and so
    is a snapshot with names that are not UTF-8. That it cannot be written does no harm.
    """
    with suppress(UnavailableError):
        clear_staging(path.parent)
        data = _encode(facts, named, view, oid_bytes)
        if len(data) <= LIMIT_BYTES:
            write_atomic(path, data, durable=False)
            _make_room(path, len(data))


def _make_room(path: Path, size_bytes: int) -> None:
    """Remove the oldest files beside ``path`` until all together are within the limits."""
    found = []
    for name in iter_names(path.parent):
        other = path.parent / name
        if name.endswith(_SUFFIX) and other != path:
            with suppress(OSError):
                seen = os.lstat(other)
                found.append((seen.st_mtime_ns, seen.st_size, other))
    for count, (_, taken, other) in enumerate(sorted(found, reverse=True), 2):
        size_bytes += taken
        if count > _FILES_LIMIT or size_bytes > LIMIT_BYTES:
            remove(other)


def _encode(facts: Facts, named: Sequence[str], view: bytes, oid_bytes: int) -> bytes:
    data = _encode_with(facts, facts.blobs, named, view, oid_bytes)
    if len(data) <= LIMIT_BYTES:
        return data
    fitting = _without_oldest(facts.blobs, len(data) - LIMIT_BYTES)
    return _encode_with(facts, fitting, named, view, oid_bytes)


def _without_oldest(blobs: Blobs, excess_bytes: int) -> Blobs:
    """Return ``blobs`` without the values of the oldest: they are numbered as they were met."""
    shapes, contents = array("i", blobs.shapes), list(blobs.contents)
    for at, content in enumerate(contents):
        if excess_bytes <= 0:
            break
        if not blobs.kinds[at].startswith(DVC_KIND):
            excess_bytes -= len(content)
            shapes[at], contents[at] = UNREAD, b""
    return Blobs(blobs.kinds, blobs.oids, shapes, contents)


def _encode_with(
    facts: Facts, blobs: Blobs, named: Sequence[str], view: bytes, oid_bytes: int
) -> bytes:
    commits, states = facts.commits, facts.states
    kinds = {kind: at for at, kind in enumerate(dict.fromkeys(blobs.kinds))}
    snapshot_shapes: dict[tuple[str, ...], int] = {}
    texts = {oid: one for oid, one in facts.snapshots.items() if _is_text(one)}
    snapshots = [_pack_snapshot(one, snapshot_shapes) for one in texts.values()]
    body = msgspec.msgpack.encode(
        _File(
            view=view,
            named=list(named),
            oid_bytes=oid_bytes,
            commit_oids=_bytes(commits.oids),
            times=commits.times.tobytes(),
            generations=commits.generations.tobytes(),
            first=commits.first.tobytes(),
            others={at: list(group) for at, group in commits.others.items()},
            commit_states=commits.states.tobytes(),
            commit_authors=commits.authors.tobytes(),
            subjects=_join(commits.subjects),
            authors=_join(facts.authors),
            paths=_join(facts.paths),
            bases=states.bases.tobytes(),
            whole=bytes(states.whole),
            ends=states.ends.tobytes(),
            entry_paths=states.paths.tobytes(),
            entry_blobs=states.blobs.tobytes(),
            kinds=_join(list(kinds)),
            blob_kinds=array("i", (kinds[kind] for kind in blobs.kinds)).tobytes(),
            blob_oids=_bytes(blobs.oids),
            blob_shapes=blobs.shapes.tobytes(),
            blob_ends=array("i", accumulate(map(len, blobs.contents))).tobytes(),
            blob_contents=b"".join(blobs.contents),
            shapes=facts.shapes,
            snapshot_shapes=[list(names) for names in snapshot_shapes],
            snapshot_oids=_bytes(texts),
            snapshots=snapshots,
        )
    )
    return _MAGIC + hash_bytes(body) + body


def _decode(found: _File) -> Facts:
    """Return the facts in a file whose bytes are whole.

    Raises:
        ValueError: they do not fit together.
    """
    width = found.oid_bytes
    commits = Commits(
        oids=_cut(found.commit_oids, width),
        times=_array("q", found.times),
        generations=_array("i", found.generations),
        first=_array("i", found.first),
        others={at: tuple(group) for at, group in found.others.items()},
        states=_array("i", found.commit_states),
        authors=_array("i", found.commit_authors),
        subjects=_split(found.subjects),
    )
    states = States(
        bases=_array("i", found.bases),
        whole=bytearray(found.whole),
        ends=_array("i", found.ends),
        paths=_array("i", found.entry_paths),
        blobs=_array("i", found.entry_blobs),
    )
    kinds, ends = _split(found.kinds), _array("i", found.blob_ends)
    content = found.blob_contents
    blobs = Blobs(
        kinds=[kinds[at] for at in _array("i", found.blob_kinds)],
        oids=_cut(found.blob_oids, width),
        shapes=_array("i", found.blob_shapes),
        contents=[content[start:end] for start, end in pairwise((0, *ends))],
    )
    names = [tuple(one) for one in found.snapshot_shapes]
    snapshots = [_unpack_snapshot(one, names) for one in found.snapshots]
    facts = Facts(
        commits=commits,
        states=states,
        blobs=blobs,
        authors=_split(found.authors),
        paths=_split(found.paths),
        shapes=found.shapes,
        snapshots=dict(zip(_cut(found.snapshot_oids, width), snapshots, strict=True)),
    )
    _check(facts)
    return facts


def _check(facts: Facts) -> None:
    """Refuse numbers that number nothing, and whatever could make a reader go round in circles."""
    commits, states, blobs = facts.commits, facts.states, facts.blobs
    count = len(commits.oids)
    columns = (commits.times, commits.generations, commits.first, commits.states)
    _require(all(len(one) == count for one in (*columns, commits.authors, commits.subjects)))
    _within(commits.times, *TIMES)
    _require(all(map(lt, commits.first, range(count))))
    _within(commits.first, NONE, count)
    for at, group in commits.others.items():
        _require(0 <= at < count and all(0 <= one < at for one in group))
    _within(commits.states, 0, len(states.ends))
    _within(commits.authors, 0, len(facts.authors))
    _require(len(states.bases) == len(states.whole) == len(states.ends) > 0)
    _require(all(map(lt, states.bases, range(len(states.bases)))))
    _require(bool(states.whole[0]) and all(map(_reaches_back, states.whole, states.bases)))
    _within(states.bases, NONE, len(states.bases))
    _require(len(states.paths) == len(states.blobs) == states.ends[-1])
    _require(all(before <= after for before, after in pairwise((0, *states.ends))))
    _within(states.paths, 0, len(facts.paths))
    _within(states.blobs, NONE, len(blobs.oids))
    _require(len(blobs.kinds) == len(blobs.oids) == len(blobs.shapes) == len(blobs.contents))
    _within(blobs.shapes, UNREAD, len(facts.shapes))


def _reaches_back(whole: int, base: int) -> bool:
    return bool(whole) or base != NONE


def _within(numbers: Sequence[int], low: int, count: int) -> None:
    _require(not numbers or (low <= min(numbers) and max(numbers) < count))


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError("the parts of the file do not fit together")


def _pack_snapshot(one: SnapshotPoint, shapes: dict[tuple[str, ...], int]) -> _Snapshot:
    return _Snapshot(
        id=one.id,
        name=one.name,
        base=one.base,
        created_at=_to_microseconds(one.created_at),
        message=one.message,
        shape=shapes.setdefault(tuple(one.values), len(shapes)),
        values=[float(value) for value in one.values.values()],
    )


def _is_text(one: SnapshotPoint) -> bool:
    try:
        "".join([one.id, one.name or "", one.message or "", *one.values]).encode()
    except UnicodeEncodeError:
        return False
    return True


def _unpack_snapshot(one: _Snapshot, shapes: Sequence[tuple[str, ...]]) -> SnapshotPoint:
    values: Iterable[Number] = one.values
    _require(0 <= one.shape < len(shapes))
    return SnapshotPoint(
        id=one.id,
        name=one.name,
        base=one.base,
        created_at=_from_microseconds(one.created_at),
        message=one.message,
        values=dict(zip(shapes[one.shape], values, strict=True)),
    )


def _to_microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def _from_microseconds(count: int) -> datetime:
    seconds, microseconds = divmod(count, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)


def _array(kind: str, data: bytes) -> array[int]:
    found: array[int] = array(kind)
    found.frombytes(data)
    return found


def _bytes(oids: Iterable[str]) -> bytes:
    return bytes.fromhex("".join(oids))


def _cut(data: bytes, oid_bytes: int) -> list[str]:
    _require(oid_bytes > 0 and len(data) % oid_bytes == 0)
    digits, width = data.hex(), 2 * oid_bytes
    return [digits[at : at + width] for at in range(0, len(digits), width)]


def _join(texts: Sequence[str]) -> bytes:
    return "".join(f"{text}{_SEPARATOR}" for text in texts).encode("utf-8", "surrogateescape")


def _split(data: bytes) -> list[str]:
    return data.decode("utf-8", "surrogateescape").split(_SEPARATOR)[:-1]
