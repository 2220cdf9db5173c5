"""The command ``forget``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table, Time
from jupyter_mlops.errors import UsageError
from jupyter_mlops.snapshots.listing import Listed, list_snapshots
from jupyter_mlops.snapshots.manage import drop_listed
from jupyter_mlops.units import plural

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ForgetSnapshot:
    """One snapshot, and the rules that keep it: none where it is dropped."""

    id: str
    name: str | None
    created_at: datetime
    message: str | None
    kept_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ForgetResult:
    """What was dropped, or without ``done`` would be, and what is kept by which rules."""

    done: bool
    dropped: tuple[ForgetSnapshot, ...]
    kept: tuple[ForgetSnapshot, ...]

    def describe(self) -> Document:
        """Return how many stay and go, and which."""
        did = "Dropped" if self.done else "Would drop"
        line = f"{did} {plural(len(self.dropped), 'snapshot')}, {len(self.kept)} stay."
        blocks: list[Block] = [Note(line, "good" if self.done else "plain")]
        every = sorted((*self.dropped, *self.kept), key=lambda one: one.created_at, reverse=True)
        if not self.done and every:
            rows = tuple(
                (
                    Code(one.id),
                    one.name or "",
                    Time(one.created_at),
                    ", ".join(one.kept_by) or "goes",
                )
                for one in every[:_SHOWN]
            )
            blocks.append(Table(("snapshot", "name", "taken", "kept by"), rows))
            if len(every) > len(rows):
                blocks.append(Note(f"And {len(every) - len(rows)} more; --json lists them all."))
        if self.done and self.dropped:
            blocks.append(Hint("Take it back", "jupyter mlops undo"))
            blocks.append(Hint("Free what only they needed", "jupyter mlops gc"))
        return Document(tuple(blocks))


def forget(
    ws: Workspace,
    *,
    keep_last: Annotated[int, Arg("Keep this many, the newest.", metavar="N")] = 0,
    keep_hourly: Annotated[int, Arg("Keep the newest of each of N hours.", metavar="N")] = 0,
    keep_daily: Annotated[int, Arg("Keep the newest of each of N days.", metavar="N")] = 0,
    keep_weekly: Annotated[int, Arg("Keep the newest of each of N weeks.", metavar="N")] = 0,
    keep_monthly: Annotated[int, Arg("Keep the newest of each of N months.", metavar="N")] = 0,
    keep_yearly: Annotated[int, Arg("Keep the newest of each of N years.", metavar="N")] = 0,
    keep_named: Annotated[bool, Arg("Keep all that have a name.")] = False,
    dry_run: Annotated[bool, Arg("Only tell what would go, and what keeps the others.")] = False,
) -> ForgetResult:
    """Drop all snapshots but those that a rule keeps.

    A snapshot stays when any rule keeps it. Hours, days, weeks, months and years in which none was
    taken do not count; they begin as the clock on this machine has them. Commits, their data and
    everything that another state needs stay. undo takes it back; gc frees what nothing needs.
    """
    counts = {
        "last": keep_last,
        "hourly": keep_hourly,
        "daily": keep_daily,
        "weekly": keep_weekly,
        "monthly": keep_monthly,
        "yearly": keep_yearly,
    }
    if any(count < 0 for count in counts.values()):
        raise UsageError("How many to keep is a number from 0 on.", code="bad-number")
    if not keep_named and not any(counts.values()):
        raise UsageError(
            "Without a rule every snapshot would go.",
            code="no-rule",
            hints=("jupyter mlops forget --keep-last 20 --keep-daily 30 --keep-named --dry-run",),
        )
    snapshots = list_snapshots(ws.git)
    kept_by: dict[str, list[str]] = {snapshot.id: [] for snapshot in snapshots}
    for rule, count in counts.items():
        for snapshot in _newest_of_each(snapshots, _PERIODS[rule], count):
            kept_by[snapshot.id].append(rule)
    for snapshot in snapshots:
        if keep_named and snapshot.name is not None:
            kept_by[snapshot.id].append("named")
    going = [snapshot for snapshot in snapshots if not kept_by[snapshot.id]]
    if not dry_run:
        drop_listed(ws, going, ws.execution.command or ("forget",))
    told = [_tell(snapshot, kept_by[snapshot.id]) for snapshot in snapshots]
    return ForgetResult(
        done=not dry_run,
        dropped=tuple(one for one in told if not one.kept_by),
        kept=tuple(one for one in told if one.kept_by),
    )


_PERIODS: dict[str, Callable[[Listed], object]] = {
    "last": lambda snapshot: snapshot.id,
    "hourly": lambda snapshot: f"{_local(snapshot):%Y-%m-%d %H}",
    "daily": lambda snapshot: _local(snapshot).date(),
    "weekly": lambda snapshot: _local(snapshot).isocalendar()[:2],
    "monthly": lambda snapshot: f"{_local(snapshot):%Y-%m}",
    "yearly": lambda snapshot: _local(snapshot).year,
}


def _local(snapshot: Listed) -> datetime:
    return snapshot.record.created_at.astimezone()


def _newest_of_each(
    snapshots: Sequence[Listed], period: Callable[[Listed], object], count: int
) -> list[Listed]:
    """Return the first of each of the first ``count`` periods; ``snapshots`` are newest first."""
    newest: dict[object, Listed] = {}
    for snapshot in snapshots:
        if len(newest) == count and period(snapshot) not in newest:
            break
        newest.setdefault(period(snapshot), snapshot)
    return list(newest.values())[:count]


def _tell(snapshot: Listed, rules: Sequence[str]) -> ForgetSnapshot:
    return ForgetSnapshot(
        snapshot.id,
        snapshot.name,
        snapshot.record.created_at,
        snapshot.record.message,
        tuple(rules),
    )
