"""The runs that wrote the metrics of two states: what they ran on, and how long they took."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from jupyter_mlops.commands.number_trees import Source
from jupyter_mlops.commands.spec import PROGRAM
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.explain.ranking import Difference, share_of_change
from jupyter_mlops.formats.run import Environment, is_series_name
from jupyter_mlops.git.revisions import read_committed_at
from jupyter_mlops.metrics.read import Number, split_name
from jupyter_mlops.metrics.runs import Run, open_runs
from jupyter_mlops.metrics.series import read_began
from jupyter_mlops.tracking.last_values import iter_series
from jupyter_mlops.units import format_duration

_RUNS_LIMIT = 200
_LINES_LIMIT = 20_000
_FILES_LIMIT = 100
_NOTABLE_SHARE = 0.1
_NOTABLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RunsOfSides:
    """Per side, the runs that wrote its metrics by name, and what the first of them ran in."""

    old: Mapping[str, Run] = field(default_factory=dict)
    new: Mapping[str, Run] = field(default_factory=dict)
    old_environment: Mapping[str, str] | None = None
    new_environment: Mapping[str, str] | None = None


def find_runs(
    ws: Workspace, sides: Sequence[Source], metrics: Sequence[Mapping[str, Number]]
) -> RunsOfSides:
    """Return the runs in this clone's store that wrote the metrics of each side.

    That is the newest execution, of those that began before the side was committed, whose last
    values are those in ``metrics/RUN.json``. Only the newest 200 are looked at.
    """
    folder = ws.git.store_dir / "runs"
    known, _ = open_runs(folder).list_newest(ws.clock.now().timestamp(), _RUNS_LIMIT)
    old, new = (_match(ws, side, its, known) for side, its in zip(sides, metrics, strict=True))
    names = [name for name in old if name in new and old[name].id != new[name].id]
    names += [name for name in (*old, *new) if name not in names]
    environments = [
        next((found for name in names if name in one and (found := _read(folder, one[name]))), None)
        for one in (old, new)
    ]
    return RunsOfSides(old, new, *environments)


def compare_durations(runs: RunsOfSides) -> list[Difference]:
    """Return the runs that took notably longer or shorter, by a tenth and a second at least."""
    found = []
    for name in sorted(runs.old.keys() & runs.new.keys()):
        old, new = runs.old[name], runs.new[name]
        was, now = (max(one.last_at - one.began_at, 0.0) for one in (old, new))
        share = share_of_change(was, now)
        if share < _NOTABLE_SHARE or abs(now - was) < _NOTABLE_SECONDS:
            continue
        before, after = format_duration(was), format_duration(now)
        found.append(
            Difference(
                "duration",
                f"run {name}",
                f"{before} → {after}",
                share,
                before,
                after,
                f"{PROGRAM} runs show {new.id}",
            )
        )
    return found


def _match(
    ws: Workspace, side: Source, metrics: Mapping[str, Number], known: Sequence[Run]
) -> dict[str, Run]:
    """Return the run that wrote each file of metrics, by name; ``known`` are newest first."""
    files: dict[str, dict[str, Number]] = {}
    for full, value in metrics.items():
        path, key = split_name(full)
        name = path.removeprefix("metrics/").removesuffix(".json")
        if path == f"metrics/{name}.json":
            files.setdefault(name, {})[key] = value
    until = math.inf
    if (
        any(run.name in files for run in known)
        and side.commit is not None
        and side.revision is not None
    ):
        until = read_committed_at(ws.git, side.commit).timestamp() + 1
    found: dict[str, Run] = {}
    for run in known:
        values = files.get(run.name)
        if values is None or not run.values or run.name in found or run.began_at > until:
            continue
        if all(_is_same(values.get(key), one) for key, one in run.values.items()):
            found[run.name] = run
    return found


def _is_same(held: Number | None, logged: Number) -> bool:
    return held is not None and (held == logged or (held != held and logged != logged))


def _read(folder: Path, run: Run) -> Mapping[str, str] | None:
    """Return what an execution noted of its environment, None where it noted nothing."""
    with suppress(OSError):
        paths = sorted((folder / run.name).iterdir(), reverse=True)
        series = [path for path in paths if is_series_name(path.name)]
        for path in series[:_FILES_LIMIT]:
            with suppress(ValueError, MlopsError, OSError):
                began = read_began(path)
                if began is not None and began.id == run.id:
                    for line in islice(iter_series(path), _LINES_LIMIT):
                        if isinstance(line, Environment):
                            return line.values
    return None
