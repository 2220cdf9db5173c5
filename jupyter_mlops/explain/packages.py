"""Packages of two environments, and how far versions are apart."""

from __future__ import annotations

import re
from collections.abc import Mapping


def compare_packages(
    old: Mapping[str, str], new: Mapping[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    """Return the packages whose versions differ, by name; None where there is none."""
    return {
        name: (old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }


def share_of_version(old: str | None, new: str | None) -> float:
    """Return how far two versions are apart: more for a part that stands further left."""
    if old is None or new is None:
        return 0.3
    before, after = re.split(r"[.+-]", old), re.split(r"[.+-]", new)
    shares = (0.9, 0.6, 0.4)
    for share, one, other in zip(shares, before, after, strict=False):
        if one != other:
            return share
    return 0.2
