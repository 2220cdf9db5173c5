"""The two states that ``why`` compares, and how commands name them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jupyter_mlops.commands.number_trees import Source
from jupyter_mlops.commands.spec import PROGRAM
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.git.revisions import find_commit, first_parents
from jupyter_mlops.snapshots.listing import Listed, SnapshotRef, read_chosen


@dataclass(frozen=True, slots=True)
class Sides:
    """Two states: ``new`` may be the working tree. ``snapshots`` are those near the two."""

    old: Source
    new: Source
    snapshots: Sequence[Listed]

    def command(self, words: str, path: str | None = None) -> str:
        """Return a command of this program that compares the two; a path needs both by name."""
        named = [one.revision for one in (self.old, self.new) if one.revision is not None]
        if path is not None and self.new.revision is not None:
            named.append(path)
        return f"{PROGRAM} {words} {shlex.join(named)}"

    def notebook_command(self, path: str) -> str:
        """Return the command that shows what changed in a notebook."""
        named = [one.revision for one in (self.old, self.new) if one.revision is not None]
        return f"{PROGRAM} notebook diff {shlex.join([*named, path])}"

    def git_words(self, ws: Workspace) -> str | None:
        """Return ``git diff`` with the two as Git knows them; None before a first commit."""
        if self.old.commit is None:
            return None
        named = [_word_for_git(ws, one) for one in (self.old, self.new) if one.commit is not None]
        return f"git diff {shlex.join(named)}"


def find_near(
    ws: Workspace, refs: Iterable[SnapshotRef], commits: Iterable[str | None]
) -> list[Listed]:
    """Return the snapshots among ``refs`` that are one of ``commits``, or tied to it or its parent.

    By them is known what a commit ran in.
    """
    refs, known = list(refs), {commit for commit in commits if commit is not None}
    if not refs or not known:
        return []
    near = known | set(first_parents(ws.git, sorted(known)))
    return read_chosen(ws.git, (one for one in refs if one.ref.oid in known or one.base in near))


def _word_for_git(ws: Workspace, side: Source) -> str:
    assert side.commit is not None
    short = side.commit[:12]
    if side.revision in (None, short) or find_commit(ws.git, side.revision) is None:
        return short
    return side.revision
