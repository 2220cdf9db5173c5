"""Three versions of a JSON value as one: objects key by key, lists of words as sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar

_T = TypeVar("_T")


class Absent(Enum):
    """What stands for a value that is not there."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Clash:
    """A value that both sides changed in different ways; :data:`ABSENT` where one removed it."""

    key: tuple[str, ...]
    ours: Any
    theirs: Any


class Versions(NamedTuple, Generic[_T]):
    """The three versions of something that is merged."""

    base: _T
    ours: _T
    theirs: _T


def merge_values(versions: Versions[Any], clashes: list[Clash], key: tuple[str, ...] = ()) -> Any:
    """Return what three versions of a value come to; :data:`ABSENT` is the version of none.

    Where both sides changed a value in different ways the result has that of ours, or of the side
    that still has one, and ``clashes`` gets the two. None of the versions is changed.
    """
    base, ours, theirs = versions
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        before = base if isinstance(base, Mapping) else {}
        merged = {
            name: merge_values(
                Versions(*(side.get(name, ABSENT) for side in (before, ours, theirs))),
                clashes,
                (*key, name),
            )
            for name in dict.fromkeys((*ours, *theirs))
        }
        return {name: value for name, value in merged.items() if value is not ABSENT}
    if _are_words(ours) and _are_words(theirs):
        before = base if _are_words(base) else []
        if is_same(ours, before):  # as they stand, so that a new order counts
            return theirs
        in_base, in_ours, in_theirs = set(before), set(ours), set(theirs)
        kept = [word for word in ours if word in in_theirs or word not in in_base]
        return kept + [word for word in theirs if word not in in_ours and word not in in_base]
    return merge_whole(versions, clashes, key)


def merge_whole(versions: Versions[Any], clashes: list[Clash], key: tuple[str, ...] = ()) -> Any:
    """Return what :func:`merge_values` does, but the value is whole that of a side."""
    base, ours, theirs = versions
    if is_same(ours, theirs) or is_same(theirs, base):
        return ours
    if is_same(ours, base):
        return theirs
    clashes.append(Clash(key, ours, theirs))
    return theirs if ours is ABSENT else ours


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON: ``NaN`` is ``NaN``, and 1 is not true."""
    if one is ABSENT or other is ABSENT:
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)
