"""Which revisions are exchanged, and what names content in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.formats.pointer import POINTER_SUFFIX, decode_pointer
from jupyter_mlops.git.history import iter_history
from jupyter_mlops.git.refs import list_refs
from jupyter_mlops.git.revisions import head, peel_to_commits
from jupyter_mlops.git.trees import open_blob_reader, open_tree
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.snapshots.content import pointer_entries
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.roots import Roots

_SUFFIXES = (POINTER_SUFFIX, ".ipynb")
_HEADS, _TAGS, _REMOTES = "refs/heads/", "refs/tags/", "refs/remotes/"


@dataclass(frozen=True, slots=True)
class Scope:
    """Revisions: without anything HEAD.

    ``commits``: these instead of HEAD, by their full ids. ``unpublished``: what comes before them
    and no Git remote has as well. ``all_branches`` and ``tags``: every commit that they reach as
    well. ``paths``: only what is at or under these.
    """

    commits: tuple[str, ...] | None = None
    unpublished: bool = False
    all_branches: bool = False
    tags: bool = False
    paths: tuple[str, ...] = ()


def find_scope(handles: Handles, scope: Scope) -> Roots:
    """Return what names content in the revisions of ``scope``, newest first.

    Raises:
        UnavailableError: Git cannot list them.
    """
    git = handles.git
    at = head(git).commit
    states = scope.commits if scope.commits is not None else (at,) if at else ()
    blobs: dict[str, dict[str, None]] = {suffix: {} for suffix in _SUFFIXES}
    for commit in states:
        for path, entry in open_tree(git, commit).entries.items():
            _note(blobs, path, entry.oid, scope.paths)
    here: list[str] = []
    if states and scope.unpublished:
        here = [*states, *(f"^{commit}" for commit in _tips(handles, [_REMOTES]))]
    wide = [*([_HEADS] if scope.all_branches else []), *([_TAGS] if scope.tags else [])]
    for tips in (here, _tips(handles, wide) if wide else []):
        history = iter_history(git, tips, [f"**/*{suffix}" for suffix in _SUFFIXES])
        for one in reversed(history):
            for change in one.changes:
                if change.oid is not None:
                    _note(blobs, change.path, change.oid, scope.paths)
    return Roots((), tuple(blobs[POINTER_SUFFIX]), tuple(blobs[".ipynb"]))


def join_roots(one: Roots, other: Roots) -> Roots:
    """Return what names content in either, each once."""
    pointers = dict.fromkeys((*one.pointers, *other.pointers))
    notebooks = dict.fromkeys((*one.notebooks, *other.notebooks))
    return Roots((), tuple(pointers), tuple(notebooks))


def read_entries(handles: Handles, roots: Roots) -> list[Entry]:
    """Return the files and folders that the pointers of ``roots`` name, each once.

    Raises:
        IntegrityError: a pointer is not valid.
    """
    found: dict[Entry, None] = {}
    with open_blob_reader(handles.git) as reader:
        blobs = reader.read_many(roots.pointers)
        for oid, encoded in zip(roots.pointers, blobs, strict=True):
            pointer = decode_pointer(encoded, origin=f"the pointer file {oid}")
            found.update(dict.fromkeys(pointer_entries(pointer).values()))
    return list(found)


def read_notebook_names(handles: Handles, roots: Roots) -> list[Hash]:
    """Return the names under which the outputs of the notebooks of ``roots`` are kept."""
    with open_blob_reader(handles.git) as reader:
        return [hash_bytes(notebook) for notebook in reader.read_many(roots.notebooks)]


def _tips(handles: Handles, prefixes: Iterable[str]) -> list[str]:
    names = [ref.name for ref in list_refs(handles.git, *prefixes)]
    return list(dict.fromkeys(peel_to_commits(handles.git, names).values()))


def _note(blobs: dict[str, dict[str, None]], path: str, oid: str, paths: Sequence[str]) -> None:
    for suffix in _SUFFIXES:
        if path.endswith(suffix) and _is_within(path, suffix, paths):
            blobs[suffix][oid] = None


def _is_within(path: str, suffix: str, paths: Sequence[str]) -> bool:
    if not paths:
        return True
    plain = path.removesuffix(suffix) if suffix == POINTER_SUFFIX else path
    return any(plain == one or plain.startswith(f"{one}/") for one in paths)
