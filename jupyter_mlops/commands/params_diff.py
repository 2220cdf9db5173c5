"""The command ``params diff``."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_mlops.commands.number_files import param_files
from jupyter_mlops.commands.number_trees import (
    New,
    Old,
    open_sides,
    problem_notes,
    spell,
)
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Cell, Code, Document, Note, Number, Table
from jupyter_mlops.metrics.compare import ParamChange, compare_params
from jupyter_mlops.metrics.read import Problem, Read, Scalar, read_params, split_name


@dataclass(frozen=True, slots=True)
class ParamsDiffResult:
    """The parameters that differ; ``old`` and ``new`` are revisions, null for the working tree."""

    old: str | None
    new: str | None
    changes: tuple[ParamChange, ...]
    old_commit: str | None = None
    new_commit: str | None = None
    problems: tuple[Problem, ...] = ()

    def describe(self) -> Document:
        """Return a table of what changed."""
        old, new = spell(self.old), spell(self.new)
        notes = problem_notes(self.problems)
        if not self.changes:
            return Document((Note(f"No parameter differs between {old} and {new}."), *notes))
        rows = tuple(
            (Code(path), key, _cell(change.old), _cell(change.new))
            for change in self.changes
            for path, key in (split_name(change.name),)
        )
        return Document((Table(("file", "parameter", old, new), rows), *notes))


def params_diff(
    ws: Workspace,
    old: Old = None,
    new: New = None,
) -> ParamsDiffResult:
    """Compare the parameters of two revisions.

    They are all values in the files that [params] files in mlops.toml names, and those that
    DVC's files name.
    """
    files = ws.config.params.files
    before, after = open_sides(ws, old, new, files)
    old_read, new_read = (
        read_params(side.tree, param_files(ws.config, side.tree)) if side.tree else Read()
        for side in (before, after)
    )
    return ParamsDiffResult(
        old=before.revision,
        new=after.revision,
        changes=compare_params(old_read.values, new_read.values),
        old_commit=before.commit,
        new_commit=after.commit,
        problems=tuple(dict.fromkeys((*old_read.problems, *new_read.problems))),
    )


def _cell(value: Scalar) -> Cell:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return Number(value)
