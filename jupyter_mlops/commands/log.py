"""The commands ``log`` and ``snapshot list``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Cell, Code, Document, Hint, Note, Number, Table, Time
from jupyter_mlops.errors import UsageError
from jupyter_mlops.formats.snapshot import Scalar
from jupyter_mlops.git.branch_lines import first_parent_branches
from jupyter_mlops.git.history import list_branches
from jupyter_mlops.metrics.read import label_names
from jupyter_mlops.snapshots.listing import Listed, list_all_snapshots

_SHOWN_METRICS = 3


@dataclass(frozen=True, slots=True)
class LoggedSnapshot:
    """One snapshot; ``branches`` are those whose first-parent line holds its base.

    ``remote`` is the one that it was fetched from, null for one of this clone's own.
    """

    id: str
    name: str | None
    base: str | None
    branches: tuple[str, ...]
    message: str | None
    created_at: datetime
    metrics: Mapping[str, float]
    params: Mapping[str, Scalar]
    automatic: bool
    paths: tuple[str, ...]
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class LogResult:
    """Snapshots, newest first."""

    snapshots: tuple[LoggedSnapshot, ...]

    def describe(self) -> Document:
        """Return a table, one row a snapshot."""
        if not self.snapshots:
            return Document(
                (
                    Note("There are no snapshots yet.", "quiet"),
                    Hint("Take one", "jupyter mlops snapshot PATH"),
                )
            )
        names = self._metric_names()
        fetched = any(snapshot.remote for snapshot in self.snapshots)
        rows = tuple(self._row(snapshot, names, fetched) for snapshot in self.snapshots)
        labels = label_names(names).values()
        from_column = ("from",) if fetched else ()
        columns = ("snapshot", "name", *from_column, "base", "branches", "when", "message", *labels)
        return Document((Table(columns, rows),))

    def _metric_names(self) -> tuple[str, ...]:
        counts: dict[str, int] = {}
        for snapshot in self.snapshots:
            for name in snapshot.metrics:
                counts[name] = counts.get(name, 0) + 1
        return tuple(sorted(counts, key=lambda name: (-counts[name], name))[:_SHOWN_METRICS])

    @staticmethod
    def _row(snapshot: LoggedSnapshot, names: tuple[str, ...], fetched: bool) -> tuple[Cell, ...]:
        metrics: list[Cell] = [
            Number(snapshot.metrics[name]) if name in snapshot.metrics else None for name in names
        ]
        return (
            Code(snapshot.id),
            snapshot.name,
            *((snapshot.remote,) if fetched else ()),
            Code(snapshot.base[:10]) if snapshot.base else None,
            ", ".join(snapshot.branches),
            Time(snapshot.created_at),
            snapshot.message,
            *metrics,
        )


def log(
    ws: Workspace,
    *,
    limit: Annotated[
        int | None, Arg("Show only the newest so many.", metavar="N", short="-n")
    ] = None,
) -> LogResult:
    """Show snapshots, newest first, with base, branches and metrics.

    Those that were fetched are among them, with the remote that they are from.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"--limit is {limit}, but must be at least 1.", code="bad-value")
    snapshots = list_all_snapshots(ws.git)[:limit]
    bases = {snapshot.base for snapshot in snapshots if snapshot.base}
    branches = first_parent_branches(ws.git, list_branches(ws.git), bases) if bases else {}
    return LogResult(tuple(_result(snapshot, branches) for snapshot in snapshots))


def _result(snapshot: Listed, branches: Mapping[str, tuple[str, ...]]) -> LoggedSnapshot:
    record = snapshot.record
    return LoggedSnapshot(
        id=record.id,
        name=record.name,
        base=record.base,
        branches=branches.get(record.base, ()) if record.base else (),
        message=record.message,
        created_at=record.created_at,
        metrics=record.metrics,
        params=record.params,
        automatic=record.automatic,
        paths=tuple(path.path for path in record.paths),
        remote=snapshot.remote,
    )
