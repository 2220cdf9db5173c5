"""The objects of a remote by their names: docs/formats/remote.md."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.erased import ERASURE_NAME
from jupyter_mlops.storage.backend import Backend, StoredObject

FORMAT_OBJECT = "format"
FORMAT_TEXT = b"0\n"
CLOCK_FOLDER = "clock"
SNAPSHOTS = "snapshots"

PackKey = tuple[Hash, bool]
"""The name of a pack, and whether it is a plain one."""

Mark = Literal["damaged", "unneeded", "trash"]
"""What may be said of a pack by an object beside it."""

_MARKS: tuple[Mark, ...] = get_args(Mark)
_PACKS = "packs"
_ERASED = "erased"
_NAME = r"(?P<pack>[0-9a-f]{64})\.(?P<kind>pack|plain)"
_SEGMENT_OBJECT = re.compile(r"index/[0-9a-f]{64}\.idx")
_DAMAGED_SEGMENT_OBJECT = re.compile(r"damaged/([0-9a-f]{64}\.idx)")
_PACK_OBJECT = re.compile(rf"{_PACKS}/(?P<start>[0-9a-f]{{2}})/{_NAME}")
_MARK_OBJECT = re.compile(rf"(?P<mark>{'|'.join(_MARKS)})/{_NAME}")
_PACK_NAME = re.compile(_NAME)
_CLAIM_OBJECT = re.compile(r"claims/[0-9a-f]{32}")
_ERASURE_OBJECT = re.compile(rf"{_ERASED}/({ERASURE_NAME.pattern})")
_PROJECT_OBJECT = re.compile(r"projects/([0-9a-f]{40}|[0-9a-f]{64})")


@dataclass(slots=True)
class Listing:
    """What a remote lists.

    ``segments``, ``packs`` and ``snapshots``, which are all objects below ``snapshots/``, have
    sizes in bytes. ``damaged_segments`` are the names of segments that somebody found damaged.
    ``erasures`` are the names of the files that say what was erased.
    ``clocks`` are objects that told the time, and when that was.
    ``newest_at`` is the latest time that it tells of anything.
    """

    has_format: bool = False
    segments: dict[str, int] = field(default_factory=dict)
    damaged_segments: set[str] = field(default_factory=set)
    packs: dict[PackKey, int] = field(default_factory=dict)
    marks: dict[Mark, dict[PackKey, datetime | None]] = field(
        default_factory=lambda: {mark: {} for mark in _MARKS}
    )
    claims: set[str] = field(default_factory=set)
    projects: set[str] = field(default_factory=set)
    erasures: set[str] = field(default_factory=set)
    snapshots: dict[str, int] = field(default_factory=dict)
    clocks: dict[str, datetime] = field(default_factory=dict)
    newest_at: datetime | None = None


def read_listing(backend: Backend) -> Listing:
    """List all objects."""
    found = Listing()
    for one in backend.iter_objects():
        _note(found, one)
    found.segments = dict(sorted(found.segments.items()))
    return found


def pack_name(key: PackKey) -> str:
    """Return a pack's name, with its sort."""
    return f"{key[0].hex()}.{'plain' if key[1] else 'pack'}"


def parse_pack_name(name: str) -> PackKey | None:
    """Return the pack that :func:`pack_name` gave ``name``; None where it did not."""
    return _key(_PACK_NAME.fullmatch(name))


def pack_object(pack: Hash, plain: bool) -> str:
    """Return the name of the object that a pack is."""
    return f"{_PACKS}/{pack.hex()[:2]}/{pack_name((pack, plain))}"


def mark_object(mark: Mark, key: PackKey) -> str:
    """Return the name of the object that says ``mark`` of a pack."""
    return f"{mark}/{pack_name(key)}"


def segment_object(encoded: bytes) -> str:
    """Return the name of the object that an encoded index segment is."""
    return f"index/{hash_bytes(encoded).hex()}.idx"


def damaged_segment_object(name: str) -> str:
    """Return the name of the object that says that the segment called ``name`` is damaged."""
    return f"damaged/{name.rpartition('/')[2]}"


def claim_object(clone: str) -> str:
    """Return the name of the object with the packs that a clone relies on."""
    return f"claims/{clone}"


def project_object(commit: str) -> str:
    """Return the name of the object that says that a project has pushed here."""
    return f"projects/{commit}"


def erasure_object(name: str) -> str:
    """Return the name of the object that an erasure is whose file has ``name``."""
    return f"{_ERASED}/{name}"


def _note(found: Listing, one: StoredObject) -> None:
    at = one.modified_at
    if at is not None and (found.newest_at is None or at > found.newest_at):
        found.newest_at = at
    name = one.name
    if name == FORMAT_OBJECT:
        found.has_format = True
    elif _SEGMENT_OBJECT.fullmatch(name):
        found.segments[name] = one.size_bytes
    elif matched := _DAMAGED_SEGMENT_OBJECT.fullmatch(name):
        found.damaged_segments.add(f"index/{matched[1]}")
    elif (matched := _PACK_OBJECT.fullmatch(name)) is not None:
        key = _key(matched)
        if key is not None and matched["pack"].startswith(matched["start"]):
            found.packs[key] = one.size_bytes
    elif (matched := _MARK_OBJECT.fullmatch(name)) is not None:
        key = _key(matched)
        marks = [mark for mark in _MARKS if mark == matched["mark"]]
        if key is not None:
            found.marks[marks[0]][key] = at
    elif _CLAIM_OBJECT.fullmatch(name):
        found.claims.add(name)
    elif (matched := _PROJECT_OBJECT.fullmatch(name)) is not None:
        found.projects.add(matched[1])
    elif (matched := _ERASURE_OBJECT.fullmatch(name)) is not None:
        found.erasures.add(matched[1])
    elif name.startswith(f"{CLOCK_FOLDER}/"):
        if at is not None:
            found.clocks[name] = at
    elif name.startswith(f"{SNAPSHOTS}/"):
        found.snapshots[name] = one.size_bytes


def _key(matched: re.Match[str] | None) -> PackKey | None:
    if matched is None:
        return None
    return Hash(bytes.fromhex(matched["pack"])), matched["kind"] == "plain"
