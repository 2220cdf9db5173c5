"""What the IPython around a command knows, and how it comes to show results."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from jupyter_mlops.commands.spec import Result
from jupyter_mlops.commands.workspace import Execution
from jupyter_mlops.document import Document
from jupyter_mlops.document.render_html import render_html
from jupyter_mlops.document.render_text import render_text


class Shell(Protocol):
    """The part of IPython's InteractiveShell that is used here."""

    user_ns: dict[str, Any]
    history_manager: Any
    display_formatter: Any


def find_shell() -> Shell | None:
    """Return the IPython shell of this process, None where there is none; imports nothing."""
    ipython = sys.modules.get("IPython")
    shell: Shell | None = ipython.get_ipython() if ipython else None
    return shell


def read_execution(
    shell: Shell | None, command: Sequence[str], environ: Mapping[str, str] = os.environ
) -> Execution:
    """Return from where ``command`` is called, as far as ``shell`` knows.

    The cells are those that the shell keeps as its input: in the order in which they ran, the one
    under way last, without those that a front end runs silently. ``%reset`` begins anew, as it does
    for the variables.
    """
    if shell is None:
        return Execution(command=tuple(command))
    history = shell.history_manager
    cells = tuple(history.input_hist_raw[1:]) if history is not None else ()
    return Execution(find_notebook(shell, environ), cells, tuple(command))


def find_notebook(shell: Shell, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the notebook's file as VS Code or Jupyter name it, None where neither does.

    Jupyter's answer is as old as the kernel; a file that is no longer there counts as unknown.
    """
    for named in (shell.user_ns.get("__vsc_ipynb_file__"), environ.get("JPY_SESSION_NAME")):
        if isinstance(named, str) and named.endswith(".ipynb"):
            path = Path(os.path.abspath(named))
            if path.is_file():
                return path
    return None


def show_results_of(
    shell: Shell, kind: type[Result], adapt: Callable[[Document], Document] = lambda d: d
) -> None:
    """Have ``shell`` show every result of class ``kind`` as text and as HTML."""

    def bundle(result: Result) -> dict[str, str]:
        document = adapt(result.describe())
        return {
            "text/plain": render_text(document).rstrip("\n"),
            "text/html": render_html(document),
        }

    shell.display_formatter.mimebundle_formatter.for_type(kind, bundle)
