"""What is said of a verdict: a sentence, and what a check finds in it."""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_mlops.document.cells import shorten
from jupyter_mlops.notebooks.verdict import JudgedCell, Role, Verdict, VerdictWord
from jupyter_mlops.reports.findings import Finding, name_cell, quote_path
from jupyter_mlops.text import visible
from jupyter_mlops.units import plural

_NAMED_CELLS = 6
_SOURCE_WIDTH = 60
_ROLES: dict[Role, tuple[str, str]] = {
    "edited": ("{} has other code than ran", "{} have other code than ran"),
    "deleted": ("{} ran and is no cell any more", "{} ran and are no cells any more"),
    "ran again": ("{} ran more than once", "{} ran more than once"),
    "out of order": ("{} ran after a cell below it", "{} ran after cells below them"),
    "skipped": ("{} did not run", "{} did not run"),
    "failed": ("{} failed", "{} failed"),
    "not ended": ("{} has not ended", "{} have not ended"),
    "not run": ("{} did not run yet", "{} did not run yet"),
}


def explain_verdict(verdict: Verdict) -> str:
    """Return one sentence that says why the verdict is what it is, with the cells named."""
    if verdict.why is not None:
        return _sentence(visible(verdict.why))
    parts = list(_iter_parts(verdict.cells))
    if verdict.word is VerdictWord.CLEAN:
        count = len(verdict.order)
        ran = "its one cell ran once" if count == 1 else f"its {count} cells ran once, in order"
        parts.insert(0, f"{ran}, as in the file")
    return _sentence("; ".join(parts))


def find_run(notebook: str, verdict: Verdict) -> list[Finding]:
    """Find that what a notebook shows did not come from running it from top to bottom.

    Rules: ``executed-out-of-order`` and ``executed-other-code``.
    """
    rules = {
        VerdictWord.OUT_OF_ORDER: "executed-out-of-order",
        VerdictWord.OTHER_CODE: "executed-other-code",
    }
    rule = rules.get(verdict.word)
    if rule is None:
        return []
    why = f"{verdict.word}: {_lower(explain_verdict(verdict))}"
    fix = f"jupyter nbconvert --to notebook --execute --inplace {quote_path(notebook)}"
    cell = next((one.place for one in verdict.cells if one.place is not None), None)
    return [Finding(rule, "warning", why, fix, notebook, cell)]


def find_replay(notebook: str, word: VerdictWord, why: str) -> list[Finding]:
    """Find that a notebook did not come to the same when it was run again (``replay-failed``)."""
    if word is not VerdictWord.FAILED_REPLAY:
        return []
    fix = f"jupyter mlops notebook verify HEAD {quote_path(notebook)}"
    return [Finding("replay-failed", "error", f"{word}: {_lower(why)}", fix, notebook)]


def name_judged(cell: JudgedCell) -> str:
    """Return what a person calls a cell that a verdict names, by its code where it is gone."""
    return name_cell(cell.place) if cell.place is not None else f"“{first_line(cell.source)}”"


def first_line(source: str) -> str:
    """Return the first line of a source that says something, short and safe to show."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return shorten(visible(lines[0][: 4 * _SOURCE_WIDTH]), _SOURCE_WIDTH) if lines else ""


def _iter_parts(cells: tuple[JudgedCell, ...]) -> Iterator[str]:
    for role, (one, several) in _ROLES.items():
        names = list(dict.fromkeys(name_judged(cell) for cell in cells if cell.role == role))
        if names:
            yield (one if len(names) == 1 else several).format(_join(names))


def _join(names: list[str]) -> str:
    shown = names[:_NAMED_CELLS]
    rest = len(names) - len(shown)
    if len(names) == 1:
        return shown[0]
    last = f"{plural(rest, 'more cell')}" if rest else shown.pop()
    return f"{', '.join(shown)} and {last}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
