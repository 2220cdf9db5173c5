"""The command ``metrics diff``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_mlops.commands.number_files import metric_files
from jupyter_mlops.commands.number_trees import (
    New,
    Old,
    open_sides,
    problem_notes,
    spell,
)
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Cell, Code, Delta, Document, Note, Number, Table
from jupyter_mlops.metrics.compare import MetricChange, compare_metrics
from jupyter_mlops.metrics.read import Problem, Read, read_metrics, split_name


@dataclass(frozen=True, slots=True)
class MetricsDiffResult:
    """The metrics that differ; ``old`` and ``new`` are revisions, null for the working tree."""

    old: str | None
    new: str | None
    changes: tuple[MetricChange, ...]
    old_commit: str | None = None
    new_commit: str | None = None
    problems: tuple[Problem, ...] = ()

    def describe(self) -> Document:
        """Return a table of what changed."""
        old, new = spell(self.old), spell(self.new)
        notes = problem_notes(self.problems)
        if not self.changes:
            return Document((Note(f"No metric differs between {old} and {new}."), *notes))
        return Document((metric_table(old, new, self.changes), *notes))


def metrics_diff(
    ws: Workspace,
    old: Old = None,
    new: New = None,
) -> MetricsDiffResult:
    """Compare the metrics of two revisions.

    Whether a change is better is known by the metric's name (acc, auc, f1, r2, precision, recall:
    higher; loss, error, rmse, mae: lower), or said under [metrics] better in mlops.toml.
    """
    files = ws.config.metrics.files
    before, after = open_sides(ws, old, new, files)
    old_read, new_read = (
        read_metrics(side.tree, metric_files(ws.config, side.tree)) if side.tree else Read()
        for side in (before, after)
    )
    return MetricsDiffResult(
        old=before.revision,
        new=after.revision,
        changes=compare_metrics(old_read.values, new_read.values, ws.config.metrics.better),
        old_commit=before.commit,
        new_commit=after.commit,
        problems=tuple(dict.fromkeys((*old_read.problems, *new_read.problems))),
    )


def metric_table(old: str, new: str, changes: Sequence[MetricChange]) -> Table:
    """Return a table of metrics in two states, which are called ``old`` and ``new``."""
    return Table(("file", "metric", old, new, "change"), tuple(map(_row, changes)))


def _row(change: MetricChange) -> tuple[Cell, ...]:
    path, key = split_name(change.name)
    return (
        Code(path),
        key,
        None if change.old is None else Number(change.old),
        None if change.new is None else Number(change.new),
        None if change.delta is None else Delta(change.delta, change.better),
    )
