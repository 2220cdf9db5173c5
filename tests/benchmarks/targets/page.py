"""Writes ``docs/benchmarks.md`` from a record; what was written there by hand is kept."""

from __future__ import annotations

import re

from jupyter_mlops.units import format_bytes, plural
from tests.benchmarks.targets import ageing, compare
from tests.benchmarks.targets.bench import SMALL_FILES, TABLE
from tests.benchmarks.targets.goals import (
    AGEING_GOALS,
    CHECK_BOUNDS,
    CLONE_BOUNDS,
    CLONE_FLOOR_GOALS,
    CLONE_GOALS,
    FLOOR_GOALS,
    NOTEBOOK_BOUNDS,
    NOTEBOOK_FLOOR_GOALS,
    NOTEBOOK_GOALS,
    ONE_FILE_TIMES,
    PEER_GOALS,
    REMOTE_FLOOR_GOALS,
    REMOTE_GOALS,
    Bound,
    FloorGoal,
    MemoryGoal,
    PeerGoal,
    growth_goals,
    walk_goals,
)
from tests.benchmarks.targets.notebooks import NBSTRIPOUT
from tests.benchmarks.targets.record import DVC, MAIN, Record, Series
from tests.benchmarks.targets.scale import is_many
from tests.benchmarks.targets.tables import (
    bound_table,
    floor_table,
    memory_table,
    peer_table,
    series_table,
)

_PROSE = re.compile(r"<!-- prose (\w+) -->\n(.*?)<!-- end of prose -->", re.DOTALL)

_Goal = PeerGoal | FloorGoal | Bound | MemoryGoal


def format_page(record: Record, old: str = "") -> str:
    """Return the page for a record, with the prose that stands in the page ``old``.

    Raises:
        ValueError: ``old`` has prose under a name that the page has no place for.
    """
    prose = dict(_PROSE.findall(old))

    def by_hand(name: str) -> str:
        return f"<!-- prose {name} -->\n{prose.pop(name, '')}<!-- end of prose -->"

    memory_goals = _memory_goals(record)
    many_goals = _many_goals(record)
    goals: list[_Goal] = [*PEER_GOALS, *FLOOR_GOALS, *CHECK_BOUNDS, *CLONE_GOALS, *CLONE_BOUNDS]
    goals += [*AGEING_GOALS, *many_goals, *REMOTE_GOALS, *NOTEBOOK_GOALS, *NOTEBOOK_BOUNDS]
    goals += memory_goals
    sections = [
        "# Benchmarks",
        "<!-- Made by `python -m tests.benchmarks.targets --write`. What stands between a mark of "
        "`prose` and its end is written by hand, and kept. -->",
        _summary(record, goals),
        by_hand("summary"),
        "## How it was measured",
        _method(record),
        by_hand("method"),
        f"## Against DVC {record.versions.get(DVC, '')}".rstrip(),
        "The ratio says how many times as fast jupyter-mlops is; of what is stored, how many times "
        "as big.",
        peer_table(record, PEER_GOALS),
        by_hand("peer"),
        "## Against what no tool can do without",
        "The ratio says how many times as long jupyter-mlops takes.",
        floor_table(record, FLOOR_GOALS),
        "How fast everything is read and compared with its name, in bytes of the data:",
        bound_table(record, CHECK_BOUNDS),
        by_hand("floor"),
        "## On a file system that clones",
        peer_table(record, CLONE_GOALS),
        floor_table(record, CLONE_FLOOR_GOALS),
        bound_table(record, CLONE_BOUNDS),
        by_hand("clones"),
        "## After many versions",
        "Each version changes 1 % of the one before. Data is restored where nothing is: in the "
        "project with all versions, and in a new one that was given this version only.",
        floor_table(record, AGEING_GOALS),
        series_table(_ageing_series(record)),
        by_hand("ageing"),
        "## Very many files",
        "Beside a walk over them, and beside fewer files.",
        floor_table(record, many_goals),
        by_hand("scale"),
        "## To a remote and back",
        "The folder is on the file system of the project; S3 is moto's server on loopback, which "
        "both tools wait for.",
        peer_table(record, REMOTE_GOALS),
        floor_table(record, REMOTE_FLOOR_GOALS),
        by_hand("remotes"),
        "## Notebooks in Git",
        "nbstripout is set up by `nbstripout --install`, in an environment with JupyterLab. The "
        "first table says how many times as fast jupyter-mlops is, the second how many times as "
        "long Git takes with it as without any filter.",
        peer_table(record, NOTEBOOK_GOALS, NBSTRIPOUT),
        floor_table(record, NOTEBOOK_FLOOR_GOALS),
        bound_table(record, NOTEBOOK_BOUNDS),
        by_hand("notebooks"),
        "## Memory",
        "The most that one process had in any operation on the data.",
        memory_table(record, memory_goals),
        by_hand("memory"),
        "## What bounds each operation",
        by_hand("bounds"),
    ]
    if prose:
        raise ValueError(f"the page has no place for the prose {', '.join(sorted(prose))}")
    return "\n\n".join(sections) + "\n"


def _summary(record: Record, goals: list[_Goal]) -> str:
    met = [goal.is_met(record) for goal in goals]
    unjudged = sum(goal.is_met(record) is None and bool(goal.promise(record)) for goal in goals)
    text = f"Targets met: {met.count(True)}; missed: {met.count(False)}; "
    text += f"not measured, or not judged at this size: {unjudged}."
    if record.scale < 1:
        text += (
            f" The data was {record.scale:g} times the full size: the less there is to do, the "
            "more starting Python weighs. Bounds in seconds and rates are not judged then."
        )
    return text


def _method(record: Record) -> str:
    machine = ", ".join(f"{name} {fact}" for name, fact in record.machine.items())
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    sizes = "; ".join(
        f"{name}: {plural(one.files_count, 'file')}"
        + (f", {format_bytes(one.size_bytes)}" if one.size_bytes else "")
        for name, one in record.workloads.items()
    )
    lines = (
        f"{record.began_at:%Y-%m-%d}; {machine}; {versions}.",
        f"On {', on '.join(record.file_systems.values())}; where it is a new one, each tool has "
        "one of its own in each round.",
        f"Data, made from seeds: {sizes}.",
        "The second version of the CSV has 1 % of its rows edited in 200 places, and 1 % more "
        "rows; of the small files, 1 % are changed; of the random bytes, 1 % in 200 places.",
        "Commands are those that users type (`jupyter mlops snapshot data`; `dvc add data`, then "
        "`git add` of its pointer), each in a process of its own; a time is wall time. What "
        "jupyter-mlops has written is durable when it returns; what DVC writes is followed by "
        "`sync`, which is in its time. DVC has its default settings.",
        "Tools take turns at each operation. A time is the median, with the least and the most "
        "where there was more than one. Data is in the page cache and some seconds old, and "
        "nothing that was written before is still unwritten at the start.",
    )
    return "\n".join(f"* {line}" for line in lines)


def _memory_goals(record: Record) -> list[MemoryGoal]:
    places = dict.fromkeys((one.file_system, one.workload) for one in record.series)
    return [MemoryGoal(role, workload) for role, workload in places]


def _many_goals(record: Record) -> list[FloorGoal]:
    """Return what is aimed at for the most files, and for fewer of them without a target."""
    names = {one.files_count: name for name, one in record.workloads.items() if is_many(name)}
    if not names:
        return []
    *counts, most = sorted(names)
    goals = [goal for count in counts for goal in walk_goals(names[count], None)]
    goals += walk_goals(names[most], ONE_FILE_TIMES)
    for count in counts:
        goals += growth_goals(names[most], names[count], most / count)
    return goals


def _ageing_series(record: Record) -> list[Series]:
    operations = (ageing.NEXT, ageing.STORED, compare.CHECK, ageing.GC, ageing.STORED_AFTER_GC)
    found = [
        record.find(MAIN, ageing.aged(workload), operation)
        for workload in (SMALL_FILES, TABLE)
        for operation in operations
    ]
    return [one for one in found if one is not None]
