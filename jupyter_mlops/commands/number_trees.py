"""Revisions as trees to read metrics and parameters from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Note
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.metrics.read import Problem
from jupyter_mlops.metrics.working_tree import WorkingTree
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.tracking import flush
from jupyter_mlops.trees import Tree
from jupyter_mlops.units import plural


@dataclass(frozen=True, slots=True)
class Source:
    """One side: the revision as it was asked for (None: the working tree), its commit, its files.

    ``tree`` is None for HEAD before the first commit, which holds nothing.
    """

    revision: str | None
    commit: str | None
    tree: Tree | None


def open_revision(ws: Workspace, revision: str) -> Source:
    """Return the files of a revision or snapshot.

    Raises:
        NotFoundError: ``revision`` is neither.
    """
    commit = resolve_revision(ws.git, revision)
    return Source(revision, commit, open_tree(ws.git, commit))


def open_head(ws: Workspace) -> Source:
    """Return the files of HEAD; none before the first commit."""
    commit = head(ws.git).commit
    return Source("HEAD", commit, open_tree(ws.git, commit) if commit else None)


def open_working_tree(ws: Workspace, patterns: Sequence[str]) -> Source:
    """Return the working tree, with everything that this process has logged so far."""
    flush()
    return Source(None, None, WorkingTree(ws.root, patterns))


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
