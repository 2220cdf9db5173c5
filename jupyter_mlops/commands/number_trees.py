"""Revisions as trees to read metrics and parameters from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.number_files import dvc_paths
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Hint, Note
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.metrics.read import FILE_LIMIT_BYTES, Problem
from jupyter_mlops.metrics.working_tree import WorkingTree
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.tracking import flush
from jupyter_mlops.trees import Tree
from jupyter_mlops.units import plural

Old = Annotated[
    str | None, Arg("Commit, branch, tag or snapshot; HEAD by default.", complete="revision")
]
New = Annotated[str | None, Arg("The same; the working tree by default.", complete="revision")]

HOW_TO_LOG = Hint(
    "In a notebook or script", "import jupyter_mlops as mlops; mlops.log(loss=0.2, acc=0.91)"
)


@dataclass(frozen=True, slots=True)
class Source:
    """One side: the revision as it was asked for (None: the working tree), its commit, its files.

    ``tree`` is None for HEAD before the first commit, which holds nothing.
    """

    revision: str | None
    commit: str | None
    tree: Tree | None


def open_sides(
    ws: Workspace, old: str | None, new: str | None, patterns: Sequence[str]
) -> tuple[Source, Source]:
    """Return what a command compares: ``old``, HEAD by default, and ``new``, the working tree.

    Raises:
        NotFoundError: one is no revision or snapshot.
    """
    before = _open_head(ws) if old is None else open_revision(ws, old)
    return before, open_working_tree(ws, patterns) if new is None else open_revision(ws, new)


def open_revision(ws: Workspace, revision: str) -> Source:
    """Return the files of a revision or snapshot.

    Raises:
        NotFoundError: ``revision`` is neither.
    """
    commit = resolve_revision(ws.git, revision)
    return Source(revision, commit, open_tree(ws.git, commit, FILE_LIMIT_BYTES + 1))


def open_working_tree(ws: Workspace, patterns: Sequence[str]) -> Source:
    """Return the working tree as a side; see :func:`logged_tree`."""
    return Source(None, None, logged_tree(ws, patterns))


def logged_tree(ws: Workspace, patterns: Sequence[str]) -> WorkingTree:
    """Return the working tree, with everything that this process has logged so far.

    Beside the matches of ``patterns`` it has the files in which DVC has numbers.
    """
    flush()
    return WorkingTree(ws.root, patterns, dvc_paths(ws.root, ws.config))


def _open_head(ws: Workspace) -> Source:
    commit = head(ws.git).commit
    return Source(
        "HEAD", commit, open_tree(ws.git, commit, FILE_LIMIT_BYTES + 1) if commit else None
    )


def spell(revision: str | None) -> str:
    """Return what a person calls the revision."""
    return "the working tree" if revision is None else revision


def problem_notes(problems: Sequence[Problem]) -> tuple[Note, ...]:
    """Return one warning for each file that was skipped."""
    return tuple(
        Note(f"Left out {problem.path}{_where(problem)}: {problem.why.rstrip('.')}.", "warning")
        for problem in problems
    )


def _where(problem: Problem) -> str:
    if problem.where is None:
        return ""
    more = problem.versions - 1
    return f" at {problem.where[:7]}" + (f" and {plural(more, 'more version')}" if more else "")
