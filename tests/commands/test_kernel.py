from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_mlops.commands.front_end import KernelFiles, Patience
from jupyter_mlops.commands.kernel import (
    OWNER_VARIABLE,
    claim_notebook,
    find_kernel_files,
    find_notebook,
    read_execution,
)
from tests.support.front_end import FrontEnd


@dataclass
class FakeShell:
    """What is read of IPython's shell."""

    user_ns: dict[str, Any] = field(default_factory=dict)
    history_manager: Any = None
    display_formatter: Any = None
    kernel: Any = None


def _kernel(connection_file: object) -> SimpleNamespace:
    return SimpleNamespace(parent=SimpleNamespace(abs_connection_file=connection_file))


def test_without_a_shell_only_the_command_is_known() -> None:
    execution = read_execution(None, ("status",), {})
    assert (execution.notebook, execution.cells, execution.command) == (None, (), ("status",))


def test_cells_are_those_that_ran_in_order() -> None:
    shell = FakeShell(history_manager=SimpleNamespace(input_hist_raw=["", "a = 1", "%snapshot"]))
    assert read_execution(shell, (), {}).cells == ("a = 1", "%snapshot")
    assert read_execution(FakeShell(), (), {}).cells == ()


def test_the_notebook_is_what_the_front_end_says(tmp_path: Path) -> None:
    notebook = tmp_path / "train.ipynb"
    notebook.touch()
    (tmp_path / "console").touch()
    assert find_notebook(FakeShell({"__vsc_ipynb_file__": str(notebook)}), {}) == notebook
    assert find_notebook(FakeShell(), {"JPY_SESSION_NAME": str(notebook)}) == notebook
    assert find_notebook(FakeShell(), {"JPY_SESSION_NAME": str(tmp_path / "console")}) is None
    assert find_notebook(FakeShell(), {"JPY_SESSION_NAME": str(tmp_path / "gone.ipynb")}) is None
    assert find_notebook(FakeShell(), {}) is None


_CHILD = """\
from types import SimpleNamespace
from jupyter_mlops.commands.kernel import find_notebook
print(find_notebook(SimpleNamespace(user_ns={}, kernel=None)))"""


def test_a_kernel_that_a_cell_begins_is_not_that_of_the_cells_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = tmp_path / "mine.ipynb", tmp_path / "other.ipynb"
    mine.touch()
    other.touch()
    monkeypatch.setenv("JPY_SESSION_NAME", str(mine))
    monkeypatch.setenv(OWNER_VARIABLE, "")
    claim_notebook()
    assert find_notebook(FakeShell()) == mine
    for told, found in ((mine, None), (other, other)):
        environment = {**os.environ, "JPY_SESSION_NAME": str(told)}
        child = subprocess.run(
            [sys.executable, "-c", _CHILD], env=environment, check=True, capture_output=True
        )
        assert child.stdout.decode().strip() == str(found)


def test_the_files_of_a_kernel_lie_beside_its_connection_file(tmp_path: Path) -> None:
    shell = FakeShell(kernel=_kernel(str(tmp_path / "kernel-a-b.json")))
    assert find_kernel_files(shell) == KernelFiles(tmp_path, "a-b")


def test_a_shell_may_have_no_kernel_or_none_that_tells_its_file(tmp_path: Path) -> None:
    assert find_kernel_files(FakeShell()) is None
    assert find_kernel_files(FakeShell(kernel=SimpleNamespace())) is None
    assert find_kernel_files(FakeShell(kernel=_kernel(None))) is None
    assert find_kernel_files(FakeShell(kernel=_kernel(str(tmp_path / "other.json")))) is None


def test_the_front_end_knows_of_renames_and_vs_code_knows_best(tmp_path: Path) -> None:
    old, new, code = (tmp_path / name for name in ("Untitled.ipynb", "train.ipynb", "code.ipynb"))
    for path in (old, new, code):
        path.touch()
    environ = {"JPY_SESSION_NAME": str(old)}
    shell = FakeShell(kernel=_kernel(str(tmp_path / "kernel-k.json")))
    assert find_notebook(shell, environ) == old
    front_end = FrontEnd(KernelFiles(tmp_path, "k"))
    front_end.register(new)
    assert find_notebook(shell, environ) == new
    front_end.register(tmp_path / "gone.ipynb")
    assert find_notebook(shell, environ) == new
    shell.user_ns["__vsc_ipynb_file__"] = str(code)
    assert find_notebook(shell, environ) == code


def test_only_a_command_that_wants_it_has_the_notebook_saved(tmp_path: Path) -> None:
    notebook = tmp_path / "train.ipynb"
    notebook.touch()
    front_end = FrontEnd(KernelFiles(tmp_path, "k"))
    client = front_end.register(notebook)
    shell = FakeShell(kernel=_kernel(str(tmp_path / "kernel-k.json")))
    patience = Patience(begin_seconds=0, save_seconds=0)
    execution = read_execution(shell, (), {}, patience=patience)
    assert (execution.notebook, execution.why_not_saved) == (notebook, None)
    assert front_end.clients() == [client]
    execution = read_execution(shell, (), {}, save=True, patience=patience)
    assert (execution.notebook, execution.notebook_saved) == (notebook, False)
    assert execution.why_not_saved == "JupyterLab did not answer"
    assert front_end.clients() == []
