"""The rule about pointer files: each is valid, and the store has what it names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.reports.findings import Finding, quote_path
from jupyter_mlops.units import format_bytes, plural

RULE = "pointer-unresolvable"
NOT_PUSHED = "pointer-not-pushed"


@dataclass(frozen=True, slots=True)
class BrokenPointer:
    """A pointer file that cannot be used: why, in one sentence, and what mends it."""

    path: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class LackingContent:
    """Content that a valid pointer file names and that is lacking.

    ``path`` is the tracked path. ``files`` and ``size_bytes`` count what is lacking; None where
    the folder's manifest is lacking itself. ``is_here`` says that the working tree has all of it.
    ``remote`` is the remote that lacks it, where one was asked; ``in_store`` whether the store has
    it: then it is only not pushed.
    """

    path: str
    files: int | None
    size_bytes: int | None
    is_here: bool
    remote: str | None = None
    in_store: bool = False


def check_pointers(states: Iterable[BrokenPointer | LackingContent]) -> list[Finding]:
    """Return a finding about each pointer file that leads nowhere (``pointer-unresolvable``).

    What only the remote lacks is ``pointer-not-pushed``: it can be restored here and nowhere else.
    """
    findings = []
    for state in states:
        rule = RULE
        if isinstance(state, BrokenPointer):
            why, fix = state.why, state.fix
        else:
            rule = NOT_PUSHED if state.in_store else RULE
            why, fix = _tell_lack(state), _mend_lack(state)
        file = f"{state.path}{POINTER_SUFFIX}"
        findings.append(Finding(rule, "error", why, fix, subject=state.path, file=file))
    return findings


def _tell_lack(state: LackingContent) -> str:
    who = "The store lacks"
    if state.remote is not None:
        who = f"The remote {state.remote} lacks"
        who = who if state.in_store else f"Neither the store nor the remote {state.remote} has"
    if state.files is None or state.size_bytes is None:
        return f"{who} the list of files of {state.path}."
    files = plural(state.files, "file")
    return f"{who} {files} ({format_bytes(state.size_bytes)}) of {state.path}."


def _mend_lack(state: LackingContent) -> str:
    if state.in_store:
        return f"jupyter mlops push {quote_path(state.path)}"
    if state.is_here:
        return f"jupyter mlops snapshot {quote_path(state.path)}"
    if state.remote is not None:
        return "Push it from a clone that has it: jupyter mlops push"
    return f"jupyter mlops pull {quote_path(state.path)}"
