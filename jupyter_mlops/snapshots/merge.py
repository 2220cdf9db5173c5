"""Merging pointer files: for Git, and again for a user who takes one side of a conflict."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.formats.conflict import is_in_conflict, join_conflict, split_conflict
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.formats.pointer import Pointer, decode_pointer, encode_pointer
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.folders import read_manifest
from jupyter_mlops.objects.merge import Merged, compare_pointers, merge_pointers
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.writer import open_writer


@dataclass(frozen=True, slots=True)
class MergedFile:
    """A pointer file that was merged: its bytes, and the paths in conflict, sorted.

    With conflicts, the bytes are what a merge comes to for either side, with Git's marks around the
    lines in which they differ.
    """

    encoded: bytes
    conflicts: tuple[str, ...]


def merge_files(
    store: Store, base: bytes, ours: bytes, theirs: bytes, *, name: str, mark_bytes: int
) -> MergedFile:
    """Merge the bytes of a pointer file; the store has what the result needs, durably.

    Args:
        store: the store.
        base: what both sides come from; empty where there is nothing.
        ours: one side.
        theirs: the other side.
        name: the file, for messages.
        mark_bytes: how long marks of a conflict shall be.

    Raises:
        IntegrityError: one of them is no pointer, or a manifest is damaged.
        NotFoundError: the store lacks a manifest that both sides changed.
        UnsupportedError: a folder is too big or too deep.
        UnavailableError: the store cannot be written.
    """
    merged = merge_versions(store, base, ours, theirs, name=name)
    keep_manifests(store, merged.manifests)
    encoded = [encode_pointer(pointer) for pointer in (merged.ours, merged.theirs)]
    return MergedFile(join_conflict(*encoded, mark_bytes=mark_bytes), merged.conflicts)


def merge_versions(store: Store, base: bytes, ours: bytes, theirs: bytes, *, name: str) -> Merged:
    """Merge the bytes of a pointer file as :func:`merge_files` does; nothing is written yet."""
    sides = decode_pointer(ours, origin=name), decode_pointer(theirs, origin=name)
    return merge_pointers(_decode_base(base, name), *sides, partial(read_manifest, store))


def keep_manifests(store: Store, manifests: Mapping[Hash, bytes]) -> None:
    """Put folders' manifests into the store; durable on return."""
    if not manifests:
        return
    with open_writer(store) as writer:
        for id, encoded in manifests.items():
            writer.add_bytes(RecordKind.TREE, id, encoded)
        writer.finish()


def find_conflicts(store: Store, encoded: bytes, *, name: str) -> tuple[str, ...]:
    """Return the paths in conflict of a pointer file with marks; none where they cannot be told."""
    try:
        ours, theirs = (decode_pointer(side, origin=name) for side in split_conflict(encoded))
        return compare_pointers(ours, theirs, partial(read_manifest, store))
    except (MlopsError, ValueError):
        return ()


def _decode_base(base: bytes, name: str) -> list[Pointer]:
    """Return the pointers that ``base`` holds: two where Git could not decide on one."""
    if not base:
        return []
    versions = [base]
    if is_in_conflict(base):
        with suppress(ValueError):
            versions = list(split_conflict(base))
    return [decode_pointer(version, origin=name) for version in versions]
