from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyter_mlops.commands.kernel import find_notebook, read_execution


@dataclass
class FakeShell:
    """What is read of IPython's shell."""

    user_ns: dict[str, Any] = field(default_factory=dict)
    history_manager: Any = None
    display_formatter: Any = None


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
