"""Rules about the cells of one notebook: names, secrets, and outputs that come out differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from jupyter_mlops.document.cells import shorten
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.drift import Drift
from jupyter_mlops.notebooks.names import NameUse
from jupyter_mlops.reports.findings import Finding, name_cell, quote_path
from jupyter_mlops.text import visible
from jupyter_mlops.units import format_number

_NAME_WIDTH = 80


def check_names(notebook: str, uses: Sequence[NameUse], gone: Mapping[str, str]) -> list[Finding]:
    """Find names that a run from the top would not have (``name-before-definition``, …).

    Args:
        notebook: its name, as a shell in the current folder takes it.
        uses: the names, each with the cell that uses it and the one that defines it.
        gone: by name, the first line of a cell that defined it, ran, and is no cell any more.
    """
    fix = f"jupyter lab {quote_path(notebook)}"
    findings = []
    for use in uses:
        name = shorten(visible(use.name), _NAME_WIDTH)
        where = name_cell(use.cell)
        if use.defined_in is None:
            why = f"{where} uses {name}, which no cell defines"
            if use.name in gone:
                why += f"; it ran in a cell that is gone: “{gone[use.name]}”"
            found = Finding("name-undefined", "warning", f"{why}.", fix, notebook, use.cell)
        else:
            below = use.defined_in
            place = "further down in it" if below == use.cell else f"by {name_cell(below)} below"
            why = f"{where} uses {name}, which is defined {place}."
            found = Finding("name-before-definition", "error", why, fix, notebook, use.cell)
        findings.append(found)
    return findings


def check_sources(notebook: str, secrets: Mapping[CellPlace, Sequence[str]]) -> list[Finding]:
    """Find secrets in the sources of cells (``secret-in-source``); ``secrets`` are their kinds.

    The secret itself is never told.
    """
    fix = "Revoke it, take it out of the cell, and read it from the environment."
    return [
        Finding(
            "secret-in-source",
            "error",
            f"{name_cell(cell)} shows what looks like {_join(kinds)}.",
            fix,
            notebook,
            cell,
        )
        for cell, kinds in secrets.items()
    ]


def check_outputs_for_secrets(
    notebook: str, secrets: Mapping[CellPlace, Sequence[str]]
) -> list[Finding]:
    """Find secrets in the outputs of cells (``secret-in-output``); ``secrets`` are their kinds."""
    return [
        Finding(
            "secret-in-output",
            "error",
            f"An output of {name_cell(cell)} shows what looks like {_join(kinds)}.",
            f"jupyter mlops strip {quote_path(notebook)}",
            notebook,
            cell,
        )
        for cell, kinds in secrets.items()
    ]


def check_drift(notebook: str, drifts: Iterable[Drift], tolerance: float) -> list[Finding]:
    """Find outputs that are not those that were stored (``output-drift``)."""
    fix = f"jupyter nbconvert --to notebook --execute --inplace {quote_path(notebook)}"
    return [
        Finding(
            "output-drift",
            "warning",
            f"{name_cell(one.cell)} put out something else than is stored: {one.why}"
            f"{_within(tolerance)}.",
            fix,
            notebook,
            one.cell,
        )
        for one in drifts
    ]


def check_repeat(
    notebook: str,
    drifts: Iterable[Drift],
    metrics: Mapping[str, tuple[float | None, float | None]],
    tolerance: float,
) -> list[Finding]:
    """Find that two runs of the same notebook came to different ends (``non-deterministic``).

    Args:
        notebook: its name, as a shell in the current folder takes it.
        drifts: outputs of the second run that are not those of the first.
        metrics: by full name, the values that two runs logged, where they differ.
        tolerance: by what part of itself a number may differ.
    """
    fix = "Seed what is random in it: NumPy, the framework, PYTHONHASHSEED."
    findings = [
        Finding(
            "non-deterministic",
            "warning",
            f"{name_cell(one.cell)} put out something else when it ran again: {one.why}"
            f"{_within(tolerance)}.",
            fix,
            notebook,
            one.cell,
        )
        for one in drifts
    ]
    for name, (first, second) in metrics.items():
        why = f"{name} came out as {_number(first)} and as {_number(second)}."
        findings.append(Finding("non-deterministic", "warning", why, fix, notebook, subject=name))
    return findings


def _number(value: float | None) -> str:
    return "nothing" if value is None else format_number(value)


def _within(tolerance: float) -> str:
    return f", tolerance {format_number(tolerance)}" if tolerance else ""


def _join(kinds: Sequence[str]) -> str:
    named = [f"a {kind}" for kind in kinds]
    return " and ".join([", ".join(named[:-1]), named[-1]] if named[1:] else named)
