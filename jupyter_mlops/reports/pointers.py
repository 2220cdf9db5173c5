"""The rule about pointer files: each is valid, and the store has what it names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jupyter_mlops.reports.findings import Finding, quote_path
from jupyter_mlops.units import format_bytes, plural

RULE = "pointer-unresolvable"


@dataclass(frozen=True, slots=True)
class BrokenPointer:
    """A pointer file that cannot be used: why, in one sentence, and what mends it."""

    path: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class LackingContent:
    """Content that a valid pointer file names and the store lacks.

    ``path`` is the tracked path. ``files`` and ``size_bytes`` count what is lacking; None where
    the folder's manifest is lacking itself. ``is_here`` says that the working tree has all of it.
    """

    path: str
    files: int | None
    size_bytes: int | None
    is_here: bool


def check_pointers(states: Iterable[BrokenPointer | LackingContent]) -> list[Finding]:
    """Return a finding about each pointer file that leads nowhere (``pointer-unresolvable``)."""
    findings = []
    for state in states:
        if isinstance(state, BrokenPointer):
            findings.append(Finding(RULE, "error", state.why, state.fix, subject=state.path))
        else:
            why, fix = _tell_lack(state), _mend_lack(state)
            findings.append(Finding(RULE, "error", why, fix, subject=state.path))
    return findings


def _tell_lack(state: LackingContent) -> str:
    if state.files is None or state.size_bytes is None:
        return f"The store lacks the list of files of {state.path}."
    files = plural(state.files, "file")
    return f"The store lacks {files} ({format_bytes(state.size_bytes)}) of {state.path}."


def _mend_lack(state: LackingContent) -> str:
    if state.is_here:
        return f"jupyter mlops snapshot {quote_path(state.path)}"
    return f"jupyter mlops pull {quote_path(state.path)}"
