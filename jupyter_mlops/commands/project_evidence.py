"""What checks look at in a project: pointer files, large files, its lock file."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import NamedTuple

from jupyter_mlops.commands.remote_evidence import NOT_ASKED, RemoteContent, ask_remote
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.conflict import is_in_conflict
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.lock_file import LOCK_LIMIT_BYTES, read_lock_file
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.formats.pointer import POINTER_SUFFIX, Pointer, decode_pointer
from jupyter_mlops.git.bases import list_sizes
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.objects.reader import has_file, missing
from jupyter_mlops.objects.records import has
from jupyter_mlops.objects.store import Store
from jupyter_mlops.reports.lock_files import LOCK_FILES, compare_packages
from jupyter_mlops.reports.pointers import BrokenPointer, LackingContent
from jupyter_mlops.reports.project_rules import Mismatch
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.environment import read_environment
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.scan import Scanner
from jupyter_mlops.snapshots.tracked import (
    content_of,
    is_tracked_pointer,
    pointer_path,
    read_pointer_file,
)

_PACKAGE = "package:"


class PointerEvidence(NamedTuple):
    """What is wrong with pointer files, and what a reader must know of how that was found out."""

    states: tuple[BrokenPointer | LackingContent, ...]
    notes: tuple[str, ...] = ()


def read_pointer_states(
    ws: Workspace, *, asks_remote: bool = False, yes: bool = False
) -> PointerEvidence:
    """Return what is wrong with each pointer file of the working tree, sorted by path.

    These are the pointer files that Git's index lists, and those this worktree has an origin for.
    Nothing is written; where the store lacks content, what is on disk is hashed.

    Args:
        ws: the project.
        asks_remote: whether the default remote is asked as well. What it has, the store may lack.
            One that does not answer, or is at a place that this user has never used, is a note.
        yes: whether that place may be used from now on.
    """
    broken: list[BrokenPointer | LackingContent] = []
    pointers: dict[str, Pointer] = {}
    tree = WorkTree(ws.root)
    listed = {
        name.removesuffix(POINTER_SUFFIX) for name in list_index(ws.git, f"*{POINTER_SUFFIX}")
    }
    for path in sorted({*listed, *read_origins(ws.git.state_dir)}):
        name = pointer_path(path)
        if not is_tracked_pointer(name):
            continue
        try:
            encoded = read_pointer_file(tree, path)
            if encoded is None:
                continue
            if is_in_conflict(encoded):
                why = f"The pointer file {name} is in a merge conflict."
                fix = f"jupyter mlops resolve {shlex.quote(path)} --ours"
                broken.append(BrokenPointer(path, why, fix))
            else:
                pointers[path] = decode_pointer(encoded, origin=name)
        except MlopsError as error:
            broken.append(_broken(path, error))
    there = ask_remote(ws, pointers, yes=yes) if asks_remote and pointers else NOT_ASKED
    scanner = Scanner(ws)
    for path, pointer in pointers.items():
        try:
            lack = _find_lack(ws, scanner, path, pointer, there)
        except MlopsError as error:
            broken.append(_broken(path, error))
        else:
            broken += [lack] if lack is not None else []
    return PointerEvidence(tuple(sorted(broken, key=lambda one: one.path)), there.notes)


def _broken(path: str, error: MlopsError) -> BrokenPointer:
    fix = f"git log --oneline -- {shlex.quote(pointer_path(path))}"
    return BrokenPointer(path, error.message, error.hints[0] if error.hints else fix)


def _find_lack(
    ws: Workspace, scanner: Scanner, path: str, pointer: Pointer, there: RemoteContent
) -> LackingContent | None:
    if there.name is not None:
        lacking = there.lacking.get(path, ())
        if not lacking:
            return None
        nowhere = [one for one in lacking if not _is_here(ws.store, one)]
        counted = nowhere or list(lacking)
        size_bytes = sum(one.size_bytes for one in counted)
        in_store = not nowhere
        return LackingContent(path, len(counted), size_bytes, False, there.name, in_store)
    files: int | None = None
    size: int | None = None
    try:
        entries = read_entries(ws.store, pointer).values()
    except NotFoundError:
        pass
    else:
        wanted = (one for one in entries if one.mode is not Mode.FOLDER)
        absent = missing(ws.store, (one for one in wanted if one.hash not in ws.store.erased))
        if not absent:
            return None
        files, size = len(absent), sum(entry.size_bytes for entry in absent)
    present = scanner.look(path)
    is_here = present is not None and present.content == content_of(pointer)
    return LackingContent(path, files, size, is_here)


def _is_here(store: Store, entry: Entry) -> bool:
    if entry.mode is Mode.FOLDER:
        return has(store, RecordKind.TREE, entry.hash)
    return has_file(store, entry)


def read_large_files(ws: Workspace) -> dict[str, int]:
    """Return the size in bytes of the files in Git's index that are over ``[hooks] big_file``."""
    limit_bytes = ws.config.hooks.big_file_bytes
    return {path: size for path, size in list_sizes(ws.git).items() if size > limit_bytes}


def read_mismatches(ws: Workspace) -> tuple[str, list[Mismatch]] | None:
    """Return the project's lock file, and the packages that are here in other versions.

    Those are the packages of the interpreter that runs this check. None without a lock file.
    """
    tree = WorkTree(ws.root)
    for name in LOCK_FILES:
        with suppress(NotFoundError, ConflictError, ValueError):
            wanted = read_lock_file(name, tree.read(name, limit_bytes=LOCK_LIMIT_BYTES))
            if wanted.versions:
                return name, compare_packages(wanted, _read_packages(ws))
    return None


def _read_packages(ws: Workspace) -> dict[str, str]:
    found = read_environment(ws.git.state_dir / "environment")
    names = (name for name in found if name.startswith(_PACKAGE))
    return {name.removeprefix(_PACKAGE): found[name] for name in names}
