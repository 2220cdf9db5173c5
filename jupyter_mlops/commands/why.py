"""The command ``why``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_mlops.commands.compared_tables import Findings
from jupyter_mlops.commands.metrics_diff import metric_table
from jupyter_mlops.commands.number_files import metric_files, param_files
from jupyter_mlops.commands.number_trees import New, Old, Source, open_sides, problem_notes, spell
from jupyter_mlops.commands.numbers import Numbers
from jupyter_mlops.commands.spec import PROGRAM
from jupyter_mlops.commands.why_code import compare_code
from jupyter_mlops.commands.why_data import compare_data
from jupyter_mlops.commands.why_environment import compare_environment
from jupyter_mlops.commands.why_runs import compare_durations, find_runs
from jupyter_mlops.commands.why_sides import Sides, find_near
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Hint, Note, Table
from jupyter_mlops.explain.ranking import Difference, rank, share_of_change
from jupyter_mlops.explain.seeds import is_seed
from jupyter_mlops.metrics.compare import (
    MetricChange,
    ParamChange,
    compare_metrics,
    compare_params,
)
from jupyter_mlops.metrics.read import (
    Problem,
    Read,
    Scalar,
    label_names,
    read_metrics,
    read_params,
)
from jupyter_mlops.snapshots.listing import Listed, list_snapshot_refs
from jupyter_mlops.units import format_number, plural

_SHOWN = 25
_SHOWN_OF_ENVIRONMENT = 8
_SHOWN_METRICS = 10
_SHOWN_HINTS = 8


@dataclass(frozen=True, slots=True)
class WhyResult:
    """What differs between two states, the likeliest cause of the metrics' moves first.

    ``old`` and ``new`` are revisions, null for the working tree. ``unknown`` are sentences about
    what could not be told, ``unrecorded`` about states of which nobody wrote down what they ran in.
    """

    old: str | None
    new: str | None
    metrics: tuple[MetricChange, ...]
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...] = ()
    unrecorded: tuple[str, ...] = ()
    old_commit: str | None = None
    new_commit: str | None = None
    problems: tuple[Problem, ...] = ()

    def describe(self) -> Document:
        """Return the metrics that moved, then what differs, and the commands that show more."""
        old, new = spell(self.old), spell(self.new)
        blocks: list[Block] = []
        if self.metrics:
            blocks.append(metric_table(old, new, self.metrics[:_SHOWN_METRICS]))
            if len(self.metrics) > _SHOWN_METRICS:
                more = plural(len(self.metrics) - _SHOWN_METRICS, "more metric")
                blocks.append(Note(f"… and {more}", "quiet"))
        else:
            blocks.append(Note(f"No metric differs between {old} and {new}."))
        shown = _choose(self.differences)
        if shown:
            rows = tuple(
                (str(place), one.kind, one.name, one.change)
                for place, one in enumerate(self.differences, 1)
                if one in shown
            )
            blocks.append(Table(("", "differs", "what", "how"), rows))
        else:
            blocks.append(Note("Nothing else that is known differs."))
        blocks += self._hints(shown)
        blocks += [Note(sentence, "quiet") for sentence in (*self.unknown, *self.unrecorded)]
        return Document((*blocks, *problem_notes(self.problems)))

    def _hints(self, shown: Sequence[Difference]) -> list[Block]:
        places: dict[str, list[str]] = {}
        for place, one in enumerate(self.differences, 1):
            if one in shown and one.command is not None:
                places.setdefault(one.command, []).append(str(place))
        hints: list[Block] = [
            Hint(f"See {', '.join(rows)}", command)
            for command, rows in list(places.items())[:_SHOWN_HINTS]
        ]
        if len(shown) < len(self.differences) or len(places) > _SHOWN_HINTS:
            named = [one for one in (self.old, self.new) if one is not None]
            words = f"{PROGRAM} why {shlex.join([*named, '--json'])}"
            more = len(self.differences) - len(shown)
            lead = (
                f"{plural(more, 'more difference')}, and all commands" if more else "All commands"
            )
            hints.append(Hint(lead, words))
        return hints


def why(
    ws: Workspace,
    old: Old = None,
    new: New = None,
) -> WhyResult:
    """Say what differs between two states, the likeliest cause of a move first.

    Under the metrics that moved, data and parameters come first, those that changed more before
    those that changed less; then seeds, code (notebooks by cell), the environment, hardware, and
    how long it took. What is equal is not shown; what cannot be known is said.
    """
    files = (*ws.config.metrics.files, *ws.config.params.files)
    before, after = open_sides(ws, old, new, files)
    near = find_near(ws, list_snapshot_refs(ws.git), (before.commit, after.commit))
    return compare_states(ws, before, after, near)


def compare_states(
    ws: Workspace, old: Source, new: Source, snapshots: Sequence[Listed]
) -> WhyResult:
    """Return what differs between two states; ``snapshots`` are those near the two."""
    sides, findings = Sides(old, new, snapshots), Findings()
    metrics = [
        read_metrics(one.tree, metric_files(ws.config, one.tree)) if one.tree else Read()
        for one in (old, new)
    ]
    params = [
        read_params(one.tree, param_files(ws.config, one.tree)) if one.tree else Read()
        for one in (old, new)
    ]
    differences = [
        *_describe_params(sides, compare_params(params[0].values, params[1].values)),
        *compare_data(ws, sides, findings),
    ]
    code, locked = compare_code(ws, sides, findings)
    differences += code
    numbers = [
        Numbers(its_metrics.values, its_params.values)
        for its_metrics, its_params in zip(metrics, params, strict=True)
    ]
    runs = find_runs(ws, (old, new), [one.values for one in metrics])
    differences += compare_environment(ws, sides, numbers, runs, locked, findings)
    differences += compare_durations(runs)
    return WhyResult(
        old=old.revision,
        new=new.revision,
        metrics=compare_metrics(metrics[0].values, metrics[1].values, ws.config.metrics.better),
        differences=rank(differences),
        unknown=tuple(dict.fromkeys(findings.unknown)),
        unrecorded=tuple(findings.unrecorded),
        old_commit=old.commit,
        new_commit=new.commit,
        problems=tuple(
            dict.fromkeys(
                [problem for read in metrics for problem in read.problems]
                + [problem for read in params for problem in read.problems]
            )
        ),
    )


def _describe_params(sides: Sides, changes: Sequence[ParamChange]) -> list[Difference]:
    labels = label_names([change.name for change in changes])
    command = sides.command("params diff")
    found = []
    for change in changes:
        old, new = change.old, change.new
        of_seed = is_seed(change.name)
        both = (str(old), str(new)) if of_seed and None not in (old, new) else (old, new)
        found.append(
            Difference(
                "seed" if of_seed else "parameter",
                labels[change.name],
                f"{_spell(old)} → {_spell(new)}",
                share_of_change(*both),
                None if old is None else _spell(old),
                None if new is None else _spell(new),
                command,
            )
        )
    return found


def _spell(value: Scalar) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else format_number(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _choose(differences: Sequence[Difference]) -> list[Difference]:
    """Return what is shown: the first ones, of a long list of packages only the first few."""
    left = _SHOWN_OF_ENVIRONMENT
    shown: list[Difference] = []
    for one in differences:
        if one.kind == "environment":
            left -= 1
            if left < 0:
                continue
        if len(shown) < _SHOWN:
            shown.append(one)
    return shown
