"""The rules about ``[[gate]]`` in ``mlops.toml``: metrics keep their bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jupyter_mlops.config import Better, GateConfig
from jupyter_mlops.metrics.compare import direction, matches_name
from jupyter_mlops.metrics.read import Number, Problem, split_name
from jupyter_mlops.reports.findings import Checked, Finding, quote_path
from jupyter_mlops.units import format_number

_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*", re.ASCII)
_REMOTE_BRANCH = re.compile(r"origin/.+")
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Baseline:
    """The metrics of the revision that a gate compares with.

    ``commit`` is its short id, None where the revision is not known here; ``values`` are by full
    name.
    """

    commit: str | None
    values: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What gates are judged by.

    Attributes:
        values: the metrics of the working tree, by full name.
        sources: for each metrics file, in words, which commit its content is of.
        baselines: what each ``against`` means.
        problems: metrics files that could not be read.
        better: what the project says of which way is better.
    """

    values: Mapping[str, Number]
    sources: Mapping[str, str]
    baselines: Mapping[str, Baseline]
    problems: Sequence[Problem] = ()
    better: Mapping[str, Better] = field(default_factory=dict)


def check_gates(gates: Sequence[GateConfig], numbers: Numbers) -> Checked:
    """Judge every gate.

    A bound that is not kept is ``gate-broken``, and NaN keeps none. A gate whose metric nothing has
    recorded would never close, so that is a finding too (``gate-without-metric``), and so is one
    that cannot be judged as it is written (``gate-unmeasurable``). A metric that the other revision
    lacks has nothing to be compared with, which is no finding but a note.
    """
    findings: list[Finding] = []
    notes: list[str] = []
    for gate in gates:
        value = numbers.values.get(gate.metric)
        unclear = list(_unclear(gate, numbers))
        findings += unclear
        if value is None:
            findings.append(_without_metric(gate, numbers))
            continue
        findings += _check_bounds(gate, value, numbers)
        if gate.against is not None and not unclear:
            baseline = numbers.baselines[gate.against]
            if _is_nothing(baseline.values.get(gate.metric)):
                notes.append(
                    f"{gate.against} ({baseline.commit}) has no {gate.metric} to compare with."
                )
            else:
                findings += _compare(gate, value, baseline, numbers)
    return Checked(tuple(findings), tuple(notes))


def _is_nothing(value: Number | None) -> bool:
    return value is None or math.isnan(value)


def _unclear(gate: GateConfig, numbers: Numbers) -> Iterator[Finding]:
    """Yield why ``gate`` cannot be judged as it is written."""

    def unclear(why: str, fix: str) -> Finding:
        why = f"The gate on {gate.metric} {why}."
        return Finding("gate-unmeasurable", "error", why, fix, subject=gate.metric)

    if gate.min is None and gate.max is None and gate.against is None:
        yield unclear("has no bound", "Give it min, max or against in mlops.toml.")
    if gate.tolerance is not None and gate.against is None:
        yield unclear(
            "has a tolerance, which only against takes", "Take it out of the gate in mlops.toml."
        )
    if gate.against is None:
        return
    if isinstance(gate.tolerance, str):
        yield unclear(
            f'has the tolerance "{gate.tolerance}", which cannot be measured yet',
            "Write tolerance as a number, in the metric's own unit.",
        )
    if _way(gate, numbers) is None:
        yield unclear(
            "does not say which way is better", 'Add better = "higher" or better = "lower" to it.'
        )
    if numbers.baselines[gate.against].commit is None:
        yield unclear(
            f"compares with {gate.against}, which this clone does not know", _fetch(gate.against)
        )


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
    elif near:
        why = f"names no metric there is; its full name may be {near[0]}"
    else:
        why = "names no metric that any file holds"
    why = f"The gate on {gate.metric} {why}."
    return Finding("gate-without-metric", "error", why, fix, subject=gate.metric)


def _check_bounds(gate: GateConfig, value: Number, numbers: Numbers) -> Iterator[Finding]:
    show = "jupyter mlops metrics show"
    if gate.min is not None and not value >= gate.min:
        told = _differ(value, gate.min, "below", f"the min {format_number(gate.min)}")
        yield _broken(gate, value, gate.min, told, show, numbers)
    if gate.max is not None and not value <= gate.max:
        told = _differ(value, gate.max, "above", f"the max {format_number(gate.max)}")
        yield _broken(gate, value, gate.max, told, show, numbers)


def _compare(
    gate: GateConfig, value: Number, baseline: Baseline, numbers: Numbers
) -> Iterator[Finding]:
    assert gate.against is not None and not isinstance(gate.tolerance, str)
    old, tolerance = baseline.values[gate.metric], gate.tolerance or 0
    higher = _way(gate, numbers) == "higher"
    limit = old - tolerance if higher else old + tolerance
    kept = value >= limit if higher else value <= limit
    if kept or (tolerance and math.isclose(value, limit, rel_tol=_SLACK)):
        return
    other = f"the {format_number(old)} of {gate.against} ({baseline.commit})"
    told = _differ(value, old, "below" if higher else "above", other)
    if tolerance:
        told += f", tolerance {format_number(tolerance)}"
    fix = f"jupyter mlops metrics diff {quote_path(gate.against)}"
    yield _broken(gate, value, limit, told, fix, numbers)


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
    return Finding("gate-broken", "error", why, fix, subject=gate.metric, value=value, limit=limit)
