"""Which paths a project tracks, and what a path that a user typed means."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.files.walk import walk
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.conflict import is_in_conflict
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.names import check_path
from jupyter_mlops.formats.pointer import (
    POINTER_SUFFIX,
    FilePointer,
    Pointer,
    decode_pointer,
    encode_pointer,
)
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.formats.pointer_source import ImportSource
from jupyter_mlops.formats.snapshot import RUNS_POINTER_PATH
from jupyter_mlops.git.config import submodule_paths
from jupyter_mlops.git.ignore import ignored, tracked_under
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.git.state_tree import blob_oid
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.folders import pointer_hash
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.origins import Origin, read_origins
from jupyter_mlops.snapshots.scan import parents_of
from jupyter_mlops.trees import Tree

_SHOWN_FILES = 5
POINTER_LIMIT_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Tracked:
    """A tracked path of the working tree.

    ``encoded`` are the pointer file's bytes, ``pointer`` is None while Git's merge conflict stands
    in it, and so is ``content``, what it names. ``staged`` says whether Git's index has the same
    bytes.
    """

    path: str
    encoded: bytes
    pointer: Pointer | None
    content: Entry | None
    staged: bool

    @property
    def external(self) -> ExternalPointer | None:
        """The pointer where the data stays outside of the store."""
        return self.pointer if isinstance(self.pointer, ExternalPointer) else None

    @property
    def source(self) -> ImportSource | None:
        """Where the data was imported from."""
        pointer = self.pointer
        return None if pointer is None or isinstance(pointer, ExternalPointer) else pointer.source


def is_tracked_pointer(name: str) -> bool:
    """Return whether the file ``name`` of a tree is the pointer file of a tracked path.

    What a snapshot says of runs is a pointer file as well, of nothing in the working tree.
    """
    return (
        name.endswith(POINTER_SUFFIX)
        and PurePosixPath(name).name != POINTER_SUFFIX
        and name != RUNS_POINTER_PATH
    )


def pointer_path(path: str) -> str:
    """Return the path of the pointer file that belongs to tracked ``path``."""
    return path + POINTER_SUFFIX


def content_of(pointer: Pointer) -> Entry:
    """Return the content that ``pointer`` names.

    Equal content gives equal entries, whatever the pointer's form. What is external has no hash
    that is known; it counts as a file of the pointer's own bytes.
    """
    if isinstance(pointer, ExternalPointer):
        return Entry(Mode.FILE, hash_bytes(encode_pointer(pointer)), pointer.size_bytes)
    return pointer.entry if isinstance(pointer, FilePointer) else pointer_hash(pointer)


def make_origin(handles: Handles, path: str, pointer: Pointer) -> Origin:
    """Return the origin of data at ``path`` that is as ``pointer`` says."""
    is_plain = isinstance(pointer, ExternalPointer) or pointer.source is None
    blob = None if is_plain else blob_oid(handles.git, encode_pointer(pointer))
    return Origin(path, content_of(pointer), blob=blob)


def read_pointer_file(tree: WorkTree, path: str) -> bytes | None:
    """Return the bytes of the pointer file of ``path``, None where there is none.

    Raises:
        ConflictError: it is larger than any pointer file, or a link.
    """
    try:
        return tree.read(pointer_path(path), limit_bytes=POINTER_LIMIT_BYTES)
    except NotFoundError:
        return None


def read_tracked(
    handles: Handles, origins: Mapping[str, Origin], named: Iterable[str] = ()
) -> dict[str, Tracked]:
    """Return the tracked paths of the working tree, sorted.

    These are the pointer files that Git's index lists, those which this worktree has an origin
    for, and those of the ``named`` paths.

    Raises:
        IntegrityError: a pointer file is not valid.
    """
    index = list_index(handles.git, "*" + POINTER_SUFFIX)
    listed = {name.removesuffix(POINTER_SUFFIX) for name in index}
    tree = WorkTree(handles.root)
    tracked: dict[str, Tracked] = {}
    for path in sorted({*listed, *origins, *named}):
        name = pointer_path(path)
        if not is_tracked_pointer(name):
            continue
        encoded = read_pointer_file(tree, path)
        if encoded is None:
            continue
        pointer = None if is_in_conflict(encoded) else decode_pointer(encoded, origin=name)
        staged = index.get(name) == blob_oid(handles.git, encoded)
        content = content_of(pointer) if pointer is not None else None
        tracked[path] = Tracked(path, encoded, pointer, content, staged)
    return tracked


def read_pointers(handles: Handles) -> dict[str, Pointer]:
    """Return the pointers of the working tree by tracked path; those in conflict are left out.

    Raises:
        IntegrityError: a pointer file is not valid.
    """
    tracked = read_tracked(handles, read_origins(handles.git.state_dir))
    return {path: one.pointer for path, one in tracked.items() if one.pointer is not None}


def read_tree_pointers(tree: Tree, near: Sequence[str] = ()) -> dict[str, Pointer]:
    """Return the pointers of a revision by tracked path.

    With ``near``, only those of paths that are one of these, lie in one, or hold one.

    Raises:
        IntegrityError: one of these pointer files is not valid.
    """
    names = [
        name
        for name in tree.iter_paths()
        if is_tracked_pointer(name)
        and (not near or _is_near(name.removesuffix(POINTER_SUFFIX), near))
    ]
    return {
        name.removesuffix(POINTER_SUFFIX): decode_pointer(encoded, origin=name)
        for name, encoded in tree.read_many(names)
    }


def _is_near(path: str, others: Iterable[str]) -> bool:
    return any(f"{path}/".startswith(f"{o}/") or o.startswith(f"{path}/") for o in others)


def resolve_path(root: Path, here: Path, text: str) -> str:
    """Return the project-relative path that ``text``, typed in folder ``here``, means.

    A pointer file's name stands for the path that it belongs to.

    Raises:
        UsageError: the path is outside the project, its root, inside ``.git``, or no possible name.
    """
    absolute = Path(os.path.normpath(here / text))
    try:
        relative = absolute.relative_to(root).as_posix()
    except ValueError:
        try:
            relative = (
                (absolute.parent.resolve() / absolute.name).relative_to(root.resolve()).as_posix()
            )
        except ValueError:
            raise UsageError(
                f"{text!r} is outside the project {root}.",
                code="path-outside",
                hints=[f"cd {shlex.quote(str(root))}"],
            ) from None
    if relative == ".":
        raise UsageError(
            "The project's root folder itself cannot be tracked; its code belongs to Git.",
            code="path-is-root",
            hints=["jupyter mlops snapshot data"],
        )
    if relative.split("/")[0].lower() == ".git":
        raise UsageError(
            f"{text!r} is inside Git's own folder, which is never touched.",
            code="path-in-git",
            hints=["jupyter mlops status"],
        )
    if not relative.endswith("/" + POINTER_SUFFIX):
        relative = relative.removesuffix(POINTER_SUFFIX)
    try:
        check_path(relative)
    except ValueError as error:
        raise UsageError(
            f"{text!r} cannot be tracked: {error}.",
            code="path-invalid",
            hints=("Rename or move it, then run the same command again.",),
        ) from error
    return relative


def select_tracked(tracked: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """Return the tracked paths that are, or lie under, one of the ``wanted`` paths.

    All where none is wanted.
    """
    if not wanted:
        return sorted(tracked)
    return sorted(
        path
        for path in tracked
        if any(path == want or path.startswith(want + "/") for want in wanted)
    )


def in_conflict(what: str, conflicts: Mapping[str, Sequence[str]]) -> ConflictError:
    """Return the refusal to do ``what`` with paths whose pointer files are in a merge conflict.

    ``conflicts`` are, by tracked path, the paths in it that both sides changed, as far as known.
    """
    files = [in_tracked(path, name) for path, names in conflicts.items() for name in names]
    shown = ", ".join(files[:_SHOWN_FILES]) + (" and more" if files[_SHOWN_FILES:] else "")
    both = f": both sides changed {shown}" if files else ""
    words = shlex.join(conflicts)
    return ConflictError(
        f"{what}, because {', '.join(conflicts)} is in a merge conflict{both}.",
        code="pointer-in-conflict",
        hints=[
            f"jupyter mlops resolve {words} --ours",
            f"jupyter mlops resolve {words} --theirs",
            f"jupyter mlops snapshot {words} --keep-mine",
        ],
    )


def in_tracked(path: str, name: str) -> str:
    """Return the project-relative path of what is called ``name`` in tracked ``path``."""
    return f"{path}/{name}" if name else path


def check_new_path(handles: Handles, path: str, tracked: Iterable[str]) -> None:
    """Refuse ``path`` where tracking it would take something from Git or from another path.

    Raises:
        ConflictError: tracked by Git, nested in or around a tracked path, in an ignored folder or a
            submodule.
        NotFoundError: nothing is there.
    """
    if not (handles.root / path).exists():
        raise NotFoundError(
            f"There is no file or folder {path} in the project.",
            code="path-not-found",
            hints=["jupyter mlops status"],
        )
    check_place(handles, path, tracked)
    _check_not_git(handles, path)


def check_free_place(handles: Handles, path: str, tracked: Iterable[str]) -> None:
    """Refuse ``path`` as the place of something new that comes from elsewhere.

    Raises:
        ConflictError: something is there already (code ``path-exists``), or as :func:`check_place`.
    """
    check_place(handles, path, tracked)
    if os.path.lexists(handles.root / path) or tracked_under(handles.git, [path]):
        raise ConflictError(
            f"There is something at {path} already, so nothing was changed.",
            code="path-exists",
            hints=[f"jupyter mlops snapshot {shlex.quote(path)}"],
        )


def check_place(handles: Handles, path: str, tracked: Iterable[str]) -> None:
    """Refuse ``path`` as the place of something tracked, whether or not anything is there.

    Raises:
        ConflictError: nested in or around a tracked path, in an ignored folder, or in a submodule.
    """
    for other in tracked:
        if path.startswith(other + "/"):
            raise ConflictError(
                f"{path} lies inside {other}, which is tracked as a whole.",
                code="path-nested",
                hints=[f"jupyter mlops snapshot {shlex.quote(other)}"],
            )
        if other.startswith(path + "/"):
            raise ConflictError(
                f"{path} holds {other}, which is tracked by itself.",
                code="path-nested",
                hints=[f"jupyter mlops untrack {shlex.quote(other)}"],
            )
    for module in submodule_paths(handles.git):
        if path == module or path.startswith(module + "/"):
            raise ConflictError(
                f"{path} belongs to the submodule {module}, a Git project of its own.",
                code="path-in-submodule",
                hints=[f"cd {shlex.quote(module)}"],
            )
    rule = ignored(handles.git, [pointer_path(path)]).get(pointer_path(path))
    if rule is not None:
        raise ConflictError(
            f"{path} cannot be tracked: Git ignores its pointer file by the rule {rule}.",
            code="path-ignored",
            hints=[f"git check-ignore -v --no-index {shlex.quote(pointer_path(path))}"],
        )


def check_no_link(root: Path, path: str) -> None:
    """Refuse ``path`` when it, or a folder on the way to it, is a symbolic link.

    Raises:
        ConflictError: it is.
    """
    for step in reversed((path, *parents_of(path))):
        if (root / step).is_symlink():
            raise is_link(step)


def is_link(path: str) -> ConflictError:
    """Return what to raise where the path that is tracked is a symbolic link."""
    return ConflictError(
        f"{path} is a symbolic link; track what it points to.",
        code="path-is-link",
        hints=[f"readlink -f {shlex.quote(path)}"],
    )


def _check_not_git(handles: Handles, path: str) -> None:
    """Refuse a file that Git tracks, and a folder of which Git tracks all files."""
    in_git = set(tracked_under(handles.git, [path]))
    if not in_git:
        return
    full = handles.root / path
    if full.is_dir() and any(f"{path}/{found.path}" not in in_git for found in walk(full)):
        return
    raise tracked_by_git(path, is_folder=full.is_dir())


def tracked_by_git(path: str, *, is_folder: bool = False) -> ConflictError:
    """Return the refusal to keep what Git itself tracks."""
    name = shlex.quote(path)
    untie = "git rm -r --cached --" if is_folder else "git rm --cached --"
    return ConflictError(
        f"{path} is tracked by Git itself, which would keep a second copy of it.",
        code="tracked-by-git",
        hints=[f"{untie} {name}", f"jupyter mlops snapshot {name}"],
    )
