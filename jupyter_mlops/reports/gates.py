"""The rules about ``[[gate]]`` in ``mlops.toml``: metrics keep their bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jupyter_mlops.config import CONFIG_NAME, Better, GateConfig
from jupyter_mlops.metrics.compare import direction, matches_name
from jupyter_mlops.metrics.read import Number, Problem, split_name
from jupyter_mlops.reports.findings import Checked, Finding, quote_path
from jupyter_mlops.reports.tolerance import REPEATS_NEEDED, Tolerance, parse_tolerance
from jupyter_mlops.units import format_number

BASE, PRODUCTION = "base", "production"
"""What ``against`` may say besides a revision."""

BAR = "its bar"
"""What a gate with a ratchet is compared with."""

_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*", re.ASCII)
_REMOTE_BRANCH = re.compile(r"origin/.+")
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Baseline:
    """The metrics that a gate compares with.

    Attributes:
        commit: short id of the commit, or what else tells it, as ``model/churn@prod``; None where
            it is not known here.
        values: by full name.
        repeats: by full name, what runs of one commit came to.
        why: what goes on after "compares with", where it is not known.
        fix: what mends that.
    """

    commit: str | None
    values: Mapping[str, Number] = field(default_factory=dict)
    repeats: Mapping[str, Sequence[Number]] = field(default_factory=dict)
    why: str | None = None
    fix: str | None = None


class Provenance(NamedTuple):
    """Where the numbers of a metrics file are from, if not from the commit that is checked.

    ``rule`` is ``gate-metric-uncommitted`` or ``gate-metric-outdated``; ``why`` goes on after the
    metric's name.
    """

    rule: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """What gates are judged by.

    Attributes:
        values: the metrics of the working tree, by full name.
        sources: for each metrics file, in words, which commit its content is of.
        baselines: what each ``against`` means.
        problems: metrics files that could not be read.
        better: what the project says of which way is better.
        bars: by full name, the best value so far of a metric with a ratchet.
        provenance: for each metrics file whose numbers are not of this commit, whose they are.
        removed: for each metrics file that there was once, in words, what took it away.
    """

    values: Mapping[str, Number]
    sources: Mapping[str, str]
    baselines: Mapping[str, Baseline]
    problems: Sequence[Problem] = ()
    better: Mapping[str, Better] = field(default_factory=dict)
    bars: Mapping[str, Baseline] = field(default_factory=dict)
    provenance: Mapping[str, Provenance] = field(default_factory=dict)
    removed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """One bound of one gate: ``bound`` in words, and whether it is kept; None: not judged."""

    metric: str
    bound: str
    value: Number | None
    limit: Number | None
    kept: bool | None


class GateResult(NamedTuple):
    """Every bound that was judged, and what is wrong."""

    judged: tuple[Judged, ...]
    checked: Checked


def check_gates(gates: Sequence[GateConfig], numbers: Numbers) -> Checked:
    """Judge every gate, and return what is wrong; see :func:`judge_gates`."""
    return judge_gates(gates, numbers).checked


def judge_gates(gates: Sequence[GateConfig], numbers: Numbers) -> GateResult:
    """Judge every gate.

    A bound that is not kept is ``gate-broken``, and NaN keeps none. A gate whose metric nothing has
    recorded would never close, so that is a finding too (``gate-without-metric``), and so is one
    that cannot be judged as it is written (``gate-unmeasurable``), and one whose metric is of
    another commit or of a dirty tree (``gate-metric-outdated``, ``gate-metric-uncommitted``). A
    metric that the other revision lacks has nothing to be compared with, which is no finding but a
    note.
    """
    judge = _Judge(numbers)
    for gate in gates:
        judge.look_at(gate)
    found = Checked(tuple(dict.fromkeys(judge.findings)), tuple(judge.notes))
    return GateResult(tuple(judge.judged), found)


class _Judge:
    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self.judged: list[Judged] = []
        self.findings: list[Finding] = []
        self.notes: list[str] = []

    def look_at(self, gate: GateConfig) -> None:
        value = self._numbers.values.get(gate.metric)
        unclear = list(_iter_unclear(gate, self._numbers))
        self.findings += unclear
        if value is None:
            self.findings.append(_without_metric(gate, self._numbers))
            self.judged += [Judged(gate.metric, b, None, None, None) for b in _name_bounds(gate)]
            return
        self._check_bounds(gate, value)
        self._compare_all(gate, value, is_clear=not unclear)
        self._check_provenance(gate)

    def _compare_all(self, gate: GateConfig, value: Number, *, is_clear: bool) -> None:
        """Compare with all that the gate names, as far as it is known what that is."""
        if not is_clear:
            self.judged += [
                Judged(gate.metric, bound, value, None, None)
                for bound in _name_bounds(gate)
                if not bound.startswith(("min ", "max "))
            ]
            return
        if gate.against is not None:
            baseline = self._numbers.baselines[gate.against]
            fix = f"jupyter mlops metrics diff {quote_path(gate.against)}"
            if gate.against in (BASE, PRODUCTION) and baseline.commit is not None:
                fix = "jupyter mlops gates"
            self._compare(gate, value, gate.against, baseline, fix)
        if gate.ratchet:
            bar = self._numbers.bars.get(gate.metric)
            if bar is None:
                self.notes.append(
                    f"{gate.metric} has no bar yet: jupyter mlops gates --update-ratchet"
                )
                self.judged.append(Judged(gate.metric, BAR, value, None, None))
            else:
                self._compare(gate, value, BAR, bar, "jupyter mlops metrics history")

    def _check_provenance(self, gate: GateConfig) -> None:
        found = self._numbers.provenance.get(split_name(gate.metric)[0])
        if found is not None:
            path = split_name(gate.metric)[0]
            why = f"{gate.metric} {found.why}."
            self.findings.append(
                Finding(found.rule, "error", why, found.fix, subject=gate.metric, file=path)
            )

    def _check_bounds(self, gate: GateConfig, value: Number) -> None:
        show = "jupyter mlops metrics show"
        if gate.min is not None:
            told = _differ(value, gate.min, "below", f"the min {format_number(gate.min)}")
            kept = value >= gate.min
            self._note(gate, value, gate.min, f"min {format_number(gate.min)}", kept, told, show)
        if gate.max is not None:
            told = _differ(value, gate.max, "above", f"the max {format_number(gate.max)}")
            kept = value <= gate.max
            self._note(gate, value, gate.max, f"max {format_number(gate.max)}", kept, told, show)

    def _compare(
        self, gate: GateConfig, value: Number, name: str, baseline: Baseline, fix: str
    ) -> None:
        old = baseline.values.get(gate.metric)
        named = f"{name} ({baseline.commit})" if baseline.commit else name
        if old is None or math.isnan(old):
            self.notes.append(f"{named} has no {gate.metric} to compare with.")
            self.judged.append(Judged(gate.metric, name, value, None, None))
            return
        tolerance = parse_tolerance(gate.tolerance)
        assert tolerance is not None
        allowed = tolerance.resolve(old, baseline.repeats.get(gate.metric, ()))
        if allowed is None:
            self.findings.append(_unknown_noise(gate, tolerance, named, baseline))
            self.judged.append(Judged(gate.metric, name, value, None, None))
            return
        higher = _way(gate, self._numbers) == "higher"
        limit = old - allowed if higher else old + allowed
        kept = value >= limit if higher else value <= limit
        kept = kept or bool(allowed and math.isclose(value, limit, rel_tol=_SLACK))
        told = _differ(
            value, old, "below" if higher else "above", f"the {format_number(old)} of {named}"
        )
        if tolerance.amount:
            told += f", tolerance {tolerance}"
            told += f" = {format_number(allowed)}" if tolerance.unit else ""
        self._note(gate, value, limit, name, kept, told, fix)

    def _note(
        self,
        gate: GateConfig,
        value: Number,
        limit: Number,
        bound: str,
        kept: bool,
        told: str,
        fix: str,
    ) -> None:
        self.judged.append(Judged(gate.metric, bound, value, limit, kept))
        if not kept:
            self.findings.append(_broken(gate, value, limit, told, fix, self._numbers))


def _name_bounds(gate: GateConfig) -> Iterator[str]:
    if gate.min is not None:
        yield f"min {format_number(gate.min)}"
    if gate.max is not None:
        yield f"max {format_number(gate.max)}"
    if gate.against is not None:
        yield gate.against
    if gate.ratchet:
        yield BAR


def _iter_unclear(gate: GateConfig, numbers: Numbers) -> Iterator[Finding]:
    """Yield why ``gate`` cannot be judged as it is written."""
    compares = gate.against is not None or gate.ratchet
    if gate.min is None and gate.max is None and not compares:
        yield _unclear(gate, "has no bound", "Give it min, max or against in mlops.toml.")
    if gate.tolerance is not None and not compares:
        fix = "Take it out of the gate in mlops.toml."
        yield _unclear(gate, "has a tolerance, which only against and ratchet take", fix)
    if not compares:
        return
    if parse_tolerance(gate.tolerance) is None:
        why = f'has the tolerance "{gate.tolerance}", which cannot be measured'
        fix = 'Write tolerance as a number in the metric\'s own unit, as "1%" or as "2sd".'
        yield _unclear(gate, why, fix)
    if _way(gate, numbers) is None:
        fix = 'Add better = "higher" or better = "lower" to it.'
        yield _unclear(gate, "does not say which way is better", fix)
    if gate.against is not None and numbers.baselines[gate.against].commit is None:
        baseline = numbers.baselines[gate.against]
        why = baseline.why or f"{gate.against}, which this clone does not know"
        yield _unclear(gate, f"compares with {why}", baseline.fix or _fetch(gate.against))


def _unclear(gate: GateConfig, why: str, fix: str) -> Finding:
    why = f"The gate on {gate.metric} {why}."
    return Finding("gate-unmeasurable", "error", why, fix, subject=gate.metric, file=CONFIG_NAME)


def _unknown_noise(
    gate: GateConfig, tolerance: Tolerance, named: str, baseline: Baseline
) -> Finding:
    count = len(baseline.repeats.get(gate.metric, ()))
    why = (
        f"has the tolerance {tolerance}, and of {named} there are {count} runs that tell how much"
        f" it varies, where {REPEATS_NEEDED} are needed"
    )
    fix = f"Run it {REPEATS_NEEDED} times with other seeds, each time: jupyter mlops snapshot"
    return _unclear(gate, why, fix)


def _fetch(revision: str) -> str:
    if _REMOTE_BRANCH.fullmatch(revision) or not _BRANCH.fullmatch(revision):
        return "git fetch origin"
    return f"git fetch origin {revision}:{revision}"


def _way(gate: GateConfig, numbers: Numbers) -> Better | None:
    return gate.better or direction(gate.metric, numbers.better)


def _without_metric(gate: GateConfig, numbers: Numbers) -> Finding:
    path, key = split_name(gate.metric)
    broken = next((problem for problem in numbers.problems if problem.path == path), None)
    near = [name for name in numbers.values if key and matches_name(name, key)]
    fix = "jupyter mlops metrics show"
    if broken is not None:
        why = f"cannot be judged, as {path} is not readable: {broken.why.rstrip('.')}"
        fix = f"git log --oneline -- {quote_path(path)}"
    elif path in numbers.removed:
        why = f"names no metric any more: {path} was removed {numbers.removed[path]}"
        fix = f"git log -p -- {quote_path(path)}"
    elif near:
        why = f"names no metric there is; its full name may be {near[0]}"
    else:
        why = "names no metric that any file holds"
    why = f"The gate on {gate.metric} {why}."
    return Finding("gate-without-metric", "error", why, fix, subject=gate.metric, file=CONFIG_NAME)


def _differ(value: Number, bound: Number, where: str, other: str) -> str:
    """Return how far ``value`` is from ``bound``, in words."""
    if math.isnan(value):
        return f"which never keeps {other}"
    return f"{format_number(abs(value - bound))} {where} {other}"


def _broken(
    gate: GateConfig, value: Number, limit: Number, told: str, fix: str, numbers: Numbers
) -> Finding:
    source = numbers.sources.get(split_name(gate.metric)[0])
    why = f"{gate.metric} is {format_number(value)}, {told}{f' ({source})' if source else ''}."
    return Finding(
        "gate-broken",
        "error",
        why,
        fix,
        subject=gate.metric,
        value=value,
        limit=limit,
        file=CONFIG_NAME,
    )
