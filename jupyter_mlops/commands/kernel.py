"""What the IPython around a command knows, and how it comes to show results."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, Protocol

from jupyter_mlops.commands.front_end import (
    COMM_TARGET,
    KernelFiles,
    Patience,
    list_clients,
    save_notebook,
)
from jupyter_mlops.commands.spec import Result
from jupyter_mlops.commands.workspace import Execution
from jupyter_mlops.document import Document
from jupyter_mlops.document.render_html import render_html
from jupyter_mlops.document.render_text import render_text

_SESSION_NAME = "JPY_SESSION_NAME"
OWNER_VARIABLE = "JUPYTER_MLOPS_KERNEL"
"""Which kernel was told its notebook, for those that its cells begin."""
_PID = os.getpid()
"""This kernel's, also in processes that it forks."""
_CONNECTION_FILE = re.compile(r"kernel-(.+)\.json")


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
    shell: Shell | None,
    command: Sequence[str],
    environ: Mapping[str, str] = os.environ,
    *,
    save: bool = False,
    patience: Patience | None = None,
) -> Execution:
    """Return from where ``command`` is called, as far as ``shell`` knows.

    The cells are those that the shell keeps as its input: in the order in which they ran, the one
    under way last, without those that a front end runs silently. ``%reset`` begins anew, as it does
    for the variables. With ``save`` a front end that shows the notebook saves it first, and is
    waited for with ``patience``; where there is none, nothing waits.
    """
    if shell is None:
        return Execution(command=tuple(command))
    history = shell.history_manager
    cells = tuple(history.input_hist_raw[1:]) if history is not None else ()
    notebook = find_notebook(shell, environ)
    files = find_kernel_files(shell) if save else None
    saved = save_notebook(files, _open_comm, patience) if files is not None else None
    if saved is None:
        return Execution(notebook, cells, tuple(command))
    return Execution(saved.notebook or notebook, cells, tuple(command), saved.done, saved.why)


def find_notebook(shell: Shell, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the notebook's file as VS Code, JupyterLab or Jupyter name it, None where none does.

    JupyterLab's side follows a rename; Jupyter's own answer is as old as the kernel. A file that is
    no longer there counts as unknown, as does what another kernel was told, whose cell began this
    process: :func:`claim_notebook`.
    """
    files = find_kernel_files(shell)
    for named in (
        shell.user_ns.get("__vsc_ipynb_file__"),
        *(str(client.notebook) for client in (list_clients(files) if files is not None else ())),
        _find_own_name(environ),
    ):
        if isinstance(named, str) and named.endswith(".ipynb"):
            path = Path(os.path.abspath(named))
            if path.is_file():
                return path
    return None


def claim_notebook() -> None:
    """Have kernels that a cell of this one begins not take this one's notebook for theirs."""
    told = _find_own_name(os.environ)
    if told is not None:
        os.environ[OWNER_VARIABLE] = f"{_PID} {told}"


def _find_own_name(environ: Mapping[str, str]) -> str | None:
    """Return what Jupyter told this process of its notebook, and not one that it descends from."""
    told = environ.get(_SESSION_NAME)
    pid, _, claimed = environ.get(OWNER_VARIABLE, "").partition(" ")
    return None if claimed == told and pid != str(_PID) else told


def find_kernel_files(shell: Shell) -> KernelFiles | None:
    """Return where Jupyter's server leaves files for the kernel of ``shell``; None without one."""
    app = getattr(getattr(shell, "kernel", None), "parent", None)
    named = getattr(app, "abs_connection_file", None)
    if not isinstance(named, str):
        return None
    path = Path(os.path.abspath(named))
    match = _CONNECTION_FILE.fullmatch(path.name)
    return KernelFiles(path.parent, match[1]) if match else None


def _open_comm(data: dict[str, object]) -> AbstractContextManager[object]:
    from comm import create_comm

    return closing(create_comm(target_name=COMM_TARGET, data=data))


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
