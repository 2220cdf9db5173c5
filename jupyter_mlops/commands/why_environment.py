"""What differs in the environment of two states, as far as anything recorded it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from jupyter_mlops.commands.compared_tables import Findings
from jupyter_mlops.commands.number_trees import Source
from jupyter_mlops.commands.numbers import Numbers
from jupyter_mlops.commands.why_code import LockedPackages
from jupyter_mlops.commands.why_runs import RunsOfSides
from jupyter_mlops.commands.why_sides import Sides
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.explain.packages import compare_packages, share_of_version
from jupyter_mlops.explain.ranking import Difference
from jupyter_mlops.git.revisions import find_commit
from jupyter_mlops.snapshots.environment import read_environment
from jupyter_mlops.snapshots.listing import Listed

_PACKAGE = "package:"
_LABELS = {"python": "Python", "platform": "platform"}
_PROCESSORS = "processors"
_HARDWARE = re.compile(r"processors|gpu\d+|gpu_driver")
_HARDWARE_SHARE = 1.0


def compare_environment(
    ws: Workspace,
    sides: Sides,
    numbers: Sequence[Numbers],
    runs: RunsOfSides,
    locked: LockedPackages,
    findings: Findings,
) -> list[Difference]:
    """Return what differs in Python, platform, packages and hardware.

    It is that of the run which wrote the metrics, where it is here. Else a snapshot recorded its
    own, and the working tree has that of this Python. A commit has that of a snapshot with the same
    ``numbers`` (those of both sides) that is tied to it or to its first parent, else that of the
    first one tied to it. Where one is not known, packages are those of lock files that changed.
    Hardware is known of runs alone.
    """
    found = []
    of_runs = (runs.old_environment, runs.new_environment)
    for side, its, of_run in zip((sides.old, sides.new), numbers, of_runs, strict=True):
        environment = of_run or _find(ws, sides, side, its, findings)
        if environment is not None:
            found.append(environment)
        else:
            instead = f"; {', '.join(locked.files)} tells of packages" if locked.files else ""
            findings.unrecorded.append(
                f"Neither a run nor a snapshot tells what {side.revision} ran in{instead}."
            )
    if len(found) == 2:
        return _compare(*found)
    differing = compare_packages(locked.old, locked.new)
    return [_package(name, *versions) for name, versions in differing.items()]


def _find(
    ws: Workspace, sides: Sides, side: Source, numbers: Numbers, findings: Findings
) -> Mapping[str, str] | None:
    if side.revision is None:
        return read_environment(ws.git.state_dir / "environment")
    if side.commit is None:
        return None
    recorded = sorted(
        (one for one in sides.snapshots if one.record.environment),
        key=lambda one: (one.record.created_at, one.id),
    )
    for one in recorded:
        if one.commit == side.commit:
            return one.record.environment
    if not recorded:
        return None
    parent = find_commit(ws.git, f"{side.commit}^1")
    near = [one for one in recorded if one.base is not None and one.base in (side.commit, parent)]
    same = [one for one in near if numbers.metrics and _numbers(one) == numbers]
    chosen = [*same, *(one for one in near if one.base == side.commit)]
    if not chosen:
        return None
    why = "which has the same metrics and parameters" if same else "the first one tied to it"
    findings.unknown.append(
        f"What {side.revision} ran in is taken from snapshot {chosen[0].id}, {why}."
    )
    return chosen[0].record.environment


def _numbers(snapshot: Listed) -> Numbers:
    return Numbers(snapshot.record.metrics, snapshot.record.params)


def _compare(old: Mapping[str, str], new: Mapping[str, str]) -> list[Difference]:
    """Return what differs; what only runs record counts where both did."""
    shared = old.keys() & new.keys()
    found = []
    for name, (was, now) in compare_packages(old, new).items():
        if name.startswith(_PACKAGE):
            found.append(_package(name.removeprefix(_PACKAGE), was, now))
        elif name in _LABELS and name in shared:
            share = share_of_version(was, now)
            change = f"{was} → {now}"
            found.append(Difference("environment", _LABELS[name], change, share, was, now))
        elif _HARDWARE.fullmatch(name) and _PROCESSORS in shared:
            change = f"{was or 'none'} → {now or 'none'}"
            label = name.replace("_", " ")
            found.append(Difference("hardware", label, change, _HARDWARE_SHARE, was, now))
    return found


def _package(name: str, old: str | None, new: str | None) -> Difference:
    change = f"{old} → {new}"
    if old is None:
        change = f"{new} installed"
    elif new is None:
        change = f"{old} no longer installed"
    return Difference("environment", name, change, share_of_version(old, new), old, new)
