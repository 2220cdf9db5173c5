"""What a check finds, and what it says of that which it could not look at."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jupyter_mlops.document.cells import shorten
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.text import visible

Severity = Literal["error", "warning"]
"""How sure it is that something is wrong; either fails a check."""

NO_FILE = "(standard input)"
"""The name of a notebook that has no file."""

_ID_WIDTH = 24
_NAMED_CELLS = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found.

    ``why`` is one sentence; ``fix`` a command that can be typed, or one short sentence. What
    belongs to the project has no ``notebook`` but a ``subject``, the tracked path, the file or the
    metric that it is about, and in ``file`` what of the project a reader opens to mend it.
    ``value`` is the number that broke a bound, and ``limit`` that bound. Texts are as they were
    found: whoever shows them makes them visible.
    """

    rule: str
    severity: Severity
    why: str
    fix: str
    notebook: str | None = None
    cell: CellPlace | None = None
    subject: str | None = None
    value: float | None = None
    limit: float | None = None
    file: str | None = None


class Checked(NamedTuple):
    """What some rules found, and what a reader must know beside: what could not be judged."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def name_cell(cell: CellPlace) -> str:
    """Return what a person calls ``cell``: its number, from 1, with its id where it has one."""
    number = f"cell {cell.index + 1}"
    return f"{number} ({shorten(visible(cell.id), _ID_WIDTH)})" if cell.id else number


def name_cells(cells: Sequence[CellPlace]) -> str:
    """Return ``cell 2 (its-id)``, or ``cells 1, 2 and 5``, or how many there are besides some."""
    if len(cells) == 1:
        return name_cell(cells[0])
    shown = [str(cell.index + 1) for cell in cells[:_NAMED_CELLS]]
    rest = len(cells) - len(shown)
    last = f"{rest} more" if rest else shown.pop()
    return f"cells {', '.join(shown)} and {last}"


def quote_path(path: str) -> str:
    r"""Return ``path`` as a word for a shell, also where it must be shown with escapes.

    A name with control characters is quoted as Bash and Zsh read it: ``$'a\x1bb'``. A notebook
    that has no file is called ``NOTEBOOK.ipynb``. No program takes the word for an option.
    """
    if path == NO_FILE:
        return "NOTEBOOK.ipynb"
    if path.startswith("-"):
        path = f"./{path}"
    if visible(path) == path:
        return shlex.quote(path)
    escaped = re.sub(r"([\\'])", r"\\\1", path)
    return f"$'{visible(escaped)}'"
