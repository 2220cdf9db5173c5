"""One definition of each command, from which every surface is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from jupyter_mlops.document import Document

Completion = Literal["path", "tracked", "revision", "snapshot", "metric", "branch", "none"]


@dataclass(frozen=True, slots=True)
class Arg:
    """What a parameter's annotation adds to its type: help, how it is shown, what completes it."""

    help: str
    metavar: str | None = None
    short: str | None = None
    complete: Completion = "none"


@runtime_checkable
class Result(Protocol):
    """What a command returns: a frozen dataclass whose fields are its JSON.

    A result may have ``exit_status`` (an ``int`` property): 1 when a check or gate found something, 5 for damage.
    """

    def describe(self) -> Document:
        """Return what a person reads."""
        ...
