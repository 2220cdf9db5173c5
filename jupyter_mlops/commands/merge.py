"""The command ``merge``, which Git starts through the launcher to merge a pointer file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Document, Hint, Note
from jupyter_mlops.errors import MlopsError, UnsupportedError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.conflict import limit_mark_bytes
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.git.launcher import CONFLICT_STATUS
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.objects.running import running
from jupyter_mlops.objects.store import open_store
from jupyter_mlops.snapshots.merge import MergedFile, merge_files
from jupyter_mlops.snapshots.tracked import POINTER_LIMIT_BYTES, in_tracked

_LISTED = 20


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The tracked path that is in conflict, and what both sides changed in it."""

    path: str
    files_in_conflict: tuple[str, ...]

    @property
    def exit_status(self) -> int:
        """What tells Git that there is a conflict."""
        return CONFLICT_STATUS

    def describe(self) -> Document:
        """Return a line for each file, and what to type."""
        names = self.files_in_conflict
        lines = [Note(f"Both sides changed {name}.", "bad") for name in names[:_LISTED]]
        if names[_LISTED:]:
            lines.append(Note(f"… and {len(names) - _LISTED} more.", "bad"))
        return Document((*lines, Hint("What to do", "jupyter mlops status")))


def merge(
    here: Here,
    base: Annotated[str, Arg("The file with the common ancestor's version.", metavar="BASE")],
    ours: Annotated[str, Arg("The file with ours, which becomes the result.", metavar="OURS")],
    theirs: Annotated[str, Arg("The file with the other side's version.", metavar="THEIRS")],
    mark_bytes: Annotated[int, Arg("How long the marks of a conflict shall be.", metavar="LENGTH")],
    path: Annotated[str, Arg("The pointer file's path, for messages.", metavar="PATH")],
) -> MergeResult | None:
    """Merge a pointer file for Git.

    Git calls this itself, as its merge driver for pointer files. What the result needs in the store
    is durable before it stands in the file OURS. The exit status is 0 without a conflict and 4 with
    one; where it cannot merge it leaves the file alone, fails otherwise, and the pointer is merged
    as text.
    """
    try:
        merged = _merge(here, (base, ours, theirs), mark_bytes, path)
    except MlopsError as error:
        raise UnsupportedError(
            f"{path} is merged as text: {error.message}",
            code="merge-as-text",
            hints=("jupyter mlops status",),
        ) from error
    if not merged.conflicts:
        return None
    tracked = path.removesuffix(POINTER_SUFFIX)
    return MergeResult(tracked, tuple(in_tracked(tracked, name) for name in merged.conflicts))


def _merge(here: Here, names: tuple[str, str, str], mark_bytes: int, path: str) -> MergedFile:
    repo = open_repository(here.cwd)
    tree = WorkTree(here.cwd, repo.state_dir / "staging")
    versions = [tree.read(name, limit_bytes=POINTER_LIMIT_BYTES) for name in names]
    store = open_store(repo.store_dir)
    with running(store):
        merged = merge_files(
            store,
            *versions,
            name=path,
            mark_bytes=limit_mark_bytes(mark_bytes),
        )
        tree.write_file(names[1], merged.encoded, Mode.FILE)
    return merged
