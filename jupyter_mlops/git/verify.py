"""Whether Git still has the objects that its references name; asked of Git itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jupyter_mlops.git.process import explanation, split_nul, try_git
from jupyter_mlops.git.repository import Repository

_HEX = r"([0-9a-f]{64}|[0-9a-f]{40})"
_OBJECTS = (
    re.compile(rf"^missing \w+ {_HEX}", re.MULTILINE),
    re.compile(rf"^error: (?:packed )?{_HEX}", re.MULTILINE),
    re.compile(rf"^error: refs/[^:\s]+: invalid sha1 pointer {_HEX}", re.MULTILINE),
)
_REFERENCES = re.compile(r"^error: (refs/[^:\s]+): ", re.MULTILINE)
_FORMAT_ONLY = 1
"""The status of ``git fsck`` where objects are all there and some are oddly written."""


@dataclass(frozen=True, slots=True)
class ObjectDamage:
    """What Git lacks or cannot read.

    ``objects`` are full ids, ``references`` full names of those that name nothing that is there,
    ``reason`` is Git's own line where it names neither.
    """

    objects: frozenset[str]
    references: tuple[str, ...]
    reason: str | None = None


def find_object_damage(repo: Repository, *, read_data: bool = False) -> ObjectDamage | None:
    """Return what is missing of all that references and the index reach, None when all is there.

    With ``read_data`` every object is read as well. Objects that a partial clone left with its
    remote are not missing.
    """
    if not read_data and _all_there(repo):
        return None
    status, printed, said = try_git(repo, "fsck", "--full", "--no-dangling", "--no-progress")
    told = (said + b"\n" + printed).decode("utf-8", "replace")
    objects = {found for pattern in _OBJECTS for found in pattern.findall(told)}
    references = tuple(dict.fromkeys(_REFERENCES.findall(told)))
    objects.discard(repo.null_oid)
    if objects or references:
        return ObjectDamage(frozenset(objects), references)
    if status in (0, _FORMAT_ONLY):
        return None
    return ObjectDamage(frozenset(), (), explanation(said or printed))


def paths_of_objects(repo: Repository, commit: str, objects: frozenset[str]) -> list[str] | None:
    """Return the paths of files of ``commit`` that are among ``objects``; None for all of them."""
    if commit in objects:
        return None
    status, printed, _ = try_git(repo, "ls-tree", "-r", "-z", "--full-tree", commit)
    if status != 0:
        return None
    paths = []
    for row in split_nul(printed):
        described, path = row.split("\t", 1)
        if described.split(" ")[2] in objects:
            paths.append(path)
    return paths


def _all_there(repo: Repository) -> bool:
    words = ("rev-list", "--objects", "--quiet", "--missing=allow-promisor")
    return try_git(repo, *words, "--all", "--indexed-objects")[0] == 0
