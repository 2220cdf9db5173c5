"""The command ``metrics show``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.number_files import metric_files
from jupyter_mlops.commands.number_trees import (
    HOW_TO_LOG,
    open_revision,
    open_working_tree,
    problem_notes,
    spell,
)
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Code, Document, Note, Number, Table
from jupyter_mlops.metrics.read import Problem, Read, read_metrics, split_name


@dataclass(frozen=True, slots=True)
class MetricsShowResult:
    """The metrics of one revision, by full name; ``revision`` is null for the working tree."""

    revision: str | None
    values: dict[str, float]
    commit: str | None = None
    problems: tuple[Problem, ...] = ()

    def describe(self) -> Document:
        """Return a table of the metrics, and what was left out."""
        where = spell(self.revision)
        notes = problem_notes(self.problems)
        if not self.values:
            none = Note(f"There are no metrics in {where}.")
            return Document((none, HOW_TO_LOG, *notes))
        named = [(*split_name(name), value) for name, value in self.values.items()]
        rows = tuple((Code(path), key, Number(value)) for path, key, value in named)
        table = Table(("file", "metric", "value"), rows, title=f"Metrics in {where}")
        return Document((table, *notes))


def metrics_show(
    ws: Workspace,
    revision: Annotated[
        str | None,
        Arg("Commit, branch, tag or snapshot; the working tree by default.", complete="revision"),
    ] = None,
) -> MetricsShowResult:
    """Show the metrics of a revision.

    They are the numbers in the files that [metrics] files in mlops.toml names, and those that
    DVC's files name.
    """
    files = ws.config.metrics.files
    source = open_working_tree(ws, files) if revision is None else open_revision(ws, revision)
    read = (
        read_metrics(source.tree, metric_files(ws.config, source.tree)) if source.tree else Read()
    )
    return MetricsShowResult(source.revision, dict(read.values), source.commit, read.problems)
