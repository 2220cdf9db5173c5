"""What a project needs of its store: all that its roots name, down to the pieces of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jupyter_mlops.errors import IntegrityError, NotFoundError
from jupyter_mlops.formats.pointer import decode_pointer, find_hashes
from jupyter_mlops.git.trees import open_blob_reader
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.reach import ContentSearch
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.roots import Roots


@dataclass(frozen=True, slots=True)
class Needed:
    """The names of all records that are needed, each with its place among those read together.

    ``notebooks`` are those of them under which outputs of notebooks are kept.
    """

    ranks: Mapping[Hash, int]
    notebooks: tuple[Hash, ...]


def find_needed(handles: Handles, roots: Roots) -> Needed:
    """Follow all that names content; content that is not here is passed over.

    Raises:
        IntegrityError: something is damaged, so that it cannot be told what is needed (code
            ``needs-unknown``).
    """
    search = ContentSearch(handles.store)
    for encoded in roots.files:
        _follow(search, encoded, "a pointer file of a worktree")
    keys = []
    total = len(roots.pointers) + len(roots.notebooks)
    progress = handles.progress.task("Looking for what is needed", total)
    with open_blob_reader(handles.git) as reader, progress as task:
        try:
            blobs = reader.read_many(roots.pointers)
            for oid, encoded in zip(roots.pointers, blobs, strict=True):
                _follow(search, encoded, f"the pointer file {oid}")
                task.advance(1)
            for notebook in reader.read_many(roots.notebooks):
                key = hash_bytes(notebook)
                if key not in handles.store.erased:
                    keys.append(key)
                task.advance(1)
        except NotFoundError as error:
            raise needs_unknown("Git lacks objects that its references name") from error
    if search.unreadable:
        raise needs_unknown("content of the store is damaged")
    names = dict.fromkeys([*search.entries, *search.chunks, *keys])
    return Needed({id: rank for rank, id in enumerate(names)}, tuple(keys))


def needs_unknown(what: str) -> IntegrityError:
    """Return what to raise where ``what`` hides what is needed."""
    return IntegrityError(
        f"Nothing was changed: {what}, so that it cannot be told what is needed.",
        code="needs-unknown",
        hints=("jupyter mlops check --read-data", "jupyter mlops repair"),
    )


def _follow(search: ContentSearch, encoded: bytes, origin: str) -> None:
    try:
        try:
            search.look(decode_pointer(encoded, origin=origin))
        except IntegrityError:  # no valid pointer, yet somebody may make one of it
            for id in find_hashes(encoded):
                search.look_at_hash(id)
    except IntegrityError as error:
        raise needs_unknown("content of the store is damaged") from error
