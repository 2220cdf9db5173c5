"""Rules about one notebook: what Git holds of it, and how it was run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from jupyter_mlops.document.cells import shorten
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.reports.findings import Finding, name_cell, name_cells, quote_path
from jupyter_mlops.text import visible
from jupyter_mlops.units import plural

Version = Literal["index", "HEAD", "untracked"]
"""Which version of a notebook is Git's: its index's, HEAD's, or what ``git add`` would take in."""

Counts = Sequence[tuple[CellPlace, int]]
"""The cells that say when they ran, in document order, each with its execution count."""

_IN_VERSION = {
    "index": "in Git's index",
    "HEAD": "in HEAD",
    "untracked": "as `git add` would take it",
}
_MESSAGE_WIDTH = 200


def check_outputs(
    notebook: str, version: Version, unstripped: Sequence[CellPlace], *, has_attribute: bool
) -> list[Finding]:
    """Find outputs and execution counts in Git's version of a notebook (``outputs-in-git``).

    Args:
        notebook: its name, as a shell in the current folder takes it.
        version: which version was looked at.
        unstripped: the cells that carry outputs or counts there.
        has_attribute: ``.gitattributes`` sends the notebook through the filter, be that set up in
            this clone or not.
    """
    if not unstripped:
        return []
    numbers = name_cells(unstripped)
    verb = "carries" if len(unstripped) == 1 else "carry"
    why = f"{numbers} {verb} outputs or counts {_IN_VERSION[version]}."
    name = quote_path(notebook)
    add = f"git add{' --renormalize' if has_attribute else ''} -- {name}"
    first = "jupyter mlops init" if has_attribute else f"jupyter mlops strip {name}"
    fix = first if version == "untracked" else f"{first} && {add}"
    return [Finding("outputs-in-git", "error", why, fix, notebook, unstripped[0])]


def check_marks(notebook: str, marked: Sequence[CellPlace]) -> list[Finding]:
    """Find that a merge conflict is not resolved (``conflict-marks``).

    Args:
        notebook: its name, as a shell in the current folder takes it.
        marked: the cells in which marks of a conflict stand.
    """
    if not marked:
        return []
    why = f"Marks of a merge conflict stand in {name_cells(marked)}."
    fix = f"jupyter lab {quote_path(notebook)}"
    return [Finding("conflict-marks", "error", why, fix, notebook, marked[0])]


def check_order(notebook: str, counts: Counts) -> list[Finding]:
    """Find that cells ran in another order than they stand in (``executed-out-of-order``).

    Where they did run in order, counts that are missing show that some ran again or are gone
    (``executed-with-gaps``). A run of all cells in a fresh kernel counts 1, 2, 3 and so on; a
    notebook without counts was not run, or is stripped.
    """
    fix = f"jupyter nbconvert --to notebook --execute --inplace {quote_path(notebook)}"
    falls = [(a, b) for a, b in pairwise(counts) if b[1] <= a[1]]
    if falls:
        (above, earlier), (cell, count) = falls[0]
        others = f"; {plural(len(falls) - 1, 'more cell')} likewise" if falls[1:] else ""
        why = (
            f"{name_cell(cell)} ran as [{count}], {name_cell(above)} above it as"
            f" [{earlier}]{others}."
        )
        return [Finding("executed-out-of-order", "warning", why, fix, notebook, cell)]
    before = [0, *(count for _, count in counts)]
    jumps = [
        (old, place, new)
        for old, (place, new) in zip(before, counts, strict=False)
        if new != old + 1
    ]
    if not jumps:
        return []
    old, cell, new = jumps[0]
    jump = f"counts jump from [{old}] to [{new}]" if old else f"counts start with [{new}]"
    lost = plural(sum(new - old - 1 for old, _, new in jumps), "run")
    why = (
        f"{jump} at {name_cell(cell)}; {lost}{' in all' if jumps[1:] else ''} of cells that were"
        " run again or deleted."
    )
    return [Finding("executed-with-gaps", "warning", why, fix, notebook, cell)]


def find_invalid(notebook: str, reason: str, fix: str | None = None) -> Finding:
    """Return that a file cannot be read as a notebook (``notebook-invalid``).

    ``reason`` goes on after the file's name.
    """
    name = quote_path(notebook)
    fix = fix or f"git log --oneline -- {name}"
    return Finding("notebook-invalid", "error", f"{notebook} {reason}.", fix, notebook)


def find_outdated(notebook: str, version: int) -> Finding:
    """Return that a notebook is of nbformat 3 or older (``notebook-invalid``)."""
    fix = f"jupyter nbconvert --to notebook --inplace {quote_path(notebook)}"
    return find_invalid(notebook, f"is of nbformat {version}, and checks need nbformat 4", fix)


def find_failed_cell(notebook: str, cell: CellPlace, name: str, message: str) -> Finding:
    """Return that a cell raised the exception ``name`` with ``message`` (``cell-failed``)."""
    raised = f"{name}: {_first_line(message)}" if _first_line(message) else name
    why = f"{name_cell(cell)} raised {raised.rstrip('.')}."
    fix = f"jupyter nbconvert --to notebook --execute --allow-errors {quote_path(notebook)}"
    return Finding("cell-failed", "error", why, fix, notebook, cell)


def find_failed_run(
    notebook: str, reason: str, *, cell: CellPlace | None = None, fix: str | None = None
) -> Finding:
    """Return that a run came to no end though no cell raised (``run-failed``): no kernel, no time.

    ``cell`` is the one that was under way.
    """
    fix = fix or f"jupyter nbconvert --to notebook --execute {quote_path(notebook)}"
    where = f"The run ended in {name_cell(cell)}" if cell else "The notebook could not be run"
    why = f"{where}: {_first_line(reason).rstrip('.')}."
    return Finding("run-failed", "error", why, fix, notebook, cell)


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return shorten(visible(lines[0]), _MESSAGE_WIDTH) if lines else ""
