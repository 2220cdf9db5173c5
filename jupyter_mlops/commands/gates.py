"""The command ``gates``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.ci import find_state_base
from jupyter_mlops.commands.gate_evidence import GateOptions, read_bars, read_numbers
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.config import Better, GateConfig
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Number, Table
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.bars import BARS_NAME, Bar, format_bars
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git.revisions import head
from jupyter_mlops.metrics.compare import direction, is_better
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.gates import Judged, Numbers, judge_gates
from jupyter_mlops.units import format_number, plural

_WORDS = {True: "kept", False: "broken", None: "not judged"}


@dataclass(frozen=True, slots=True)
class RaisedBar:
    """A bar as it was, null where there was none, and as it is now."""

    metric: str
    old: float | None
    new: float


@dataclass(frozen=True, slots=True)
class GatesResult:
    """Every bound of every gate, what is wrong, and which bars were raised."""

    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    raised: tuple[RaisedBar, ...] = ()

    @property
    def exit_status(self) -> int:
        """1 when a gate is broken, or could not be judged."""
        return int(bool(self.findings))

    def describe(self) -> Document:
        """Return a table of bounds, and a sentence on each that is not kept."""
        if not self.judged and not self.findings:
            return Document((Note("There are no gates in mlops.toml.", "quiet"),))
        rows = tuple(
            (Code(one.metric), _cell(one.value), one.bound, _cell(one.limit), _WORDS[one.kept])
            for one in self.judged
        )
        blocks: list[Block] = [Table(("metric", "value", "against", "limit", "gate"), rows)]
        for found in self.findings:
            blocks.append(Note(f"{found.rule}: {found.why}", "bad"))
            blocks.append(Hint("Mend it", found.fix))
        blocks += (Note(note, "quiet") for note in self.notes)
        for bar in self.raised:
            was = "" if bar.old is None else f" from {format_number(bar.old)}"
            blocks.append(Note(f"Raised the bar of {bar.metric}{was} to {format_number(bar.new)}."))
        if self.raised:
            count = plural(len(self.raised), "bar")
            hint = f"git commit -m 'Raise {count}' -- {BARS_NAME}"
            blocks.append(Hint("Let the branch have it", hint))
        return Document(tuple(blocks))


def gates(
    ws: Workspace,
    *,
    base: Annotated[
        str | None,
        Arg(
            "What gates call base; what the CI system says by default.",
            metavar="REVISION",
            complete="revision",
        ),
    ] = None,
    update_ratchet: Annotated[
        bool, Arg("Raise the bars of metrics that have become better.")
    ] = False,
    yes: Annotated[bool, Arg("Let the project use its URLs from now on.")] = False,
) -> GatesResult:
    """Judge the gates of the project, and raise the bars of those with a ratchet.

    With --update-ratchet the best values are written into gates.lock.toml, which is then to be
    committed: run it on the main branch, after a merge. A bar is never lowered, and only raised by
    a metric of this very commit. Exit status 1 says that a gate is broken, or cannot be judged.
    """
    commit = head(ws.git).commit
    if base is not None and commit is not None:
        find_state_base(ws.git, commit, base, os.environ).require()
    numbers = read_numbers(ws, GateOptions(base=base, yes=yes))
    result = judge_gates(ws.config.gates, numbers)
    raised = _raise_bars(ws, numbers, result.checked.findings) if update_ratchet else ()
    return GatesResult(result.judged, result.checked.findings, result.checked.notes, raised)


def _raise_bars(
    ws: Workspace, numbers: Numbers, findings: tuple[Finding, ...]
) -> tuple[RaisedBar, ...]:
    """Write the values that are better than their bars, of gates about which nothing is wrong."""
    tree = WorkTree(ws.root)
    tree.clear()  # what a killed call left there
    bars = read_bars(ws)
    wrong = {found.subject for found in findings}
    raised = []
    for gate in ws.config.gates:
        value = numbers.values.get(gate.metric)
        if not gate.ratchet or value is None or gate.metric in wrong or value - value != 0:
            continue
        old = bars[gate.metric].value if gate.metric in bars else None
        if old is None or is_better(old, value, _way(gate, numbers)):
            bars[gate.metric] = Bar(float(value), head(ws.git).commit)
            raised.append(RaisedBar(gate.metric, old, float(value)))
    if raised:
        tree.write_file(BARS_NAME, format_bars(bars), Mode.FILE)
    return tuple(raised)


def _way(gate: GateConfig, numbers: Numbers) -> Better | None:
    return gate.better or direction(gate.metric, numbers.better)


def _cell(value: float | None) -> Number | None:
    return Number(value) if value is not None else None
