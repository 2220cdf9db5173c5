from __future__ import annotations

import json
import subprocess
import sys

import pytest

import jupyter_mlops
from jupyter_mlops import errors, tracking
from jupyter_mlops.commands.python import function_names

HEAVY = frozenset(
    {
        "IPython",
        "bokeh",
        "git",
        "jupyter_core",
        "jupyter_server",
        "nbconvert",
        "nbformat",
        "numpy",
        "obstore",
        "pandas",
        "sklearn",
        "tqdm",
        "traitlets",
    }
)
"""What only some calls need."""


def modules_after(code: str) -> set[str]:
    """Return the modules that a new interpreter has after ``code``."""
    told = "\nimport json, sys; sys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code + told], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr))


def test_importing_the_package_loads_next_to_nothing() -> None:
    loaded = modules_after("import jupyter_mlops")
    ours = {name for name in loaded if name.startswith("jupyter_mlops")}
    assert ours == {"jupyter_mlops", "jupyter_mlops._version"}
    assert not HEAVY & loaded
    assert not {"msgspec", "blake3", "zstandard", "subprocess", "asyncio"} & loaded


def test_the_help_of_the_command_line_imports_no_command() -> None:
    loaded = modules_after("from jupyter_mlops.cli.main import main\nmain(['--help'])")
    assert not HEAVY & loaded
    assert "jupyter_mlops.commands.snapshot" not in loaded


def test_loading_the_magics_loads_nothing_heavy_but_ipython() -> None:
    shell = "from IPython.core.interactiveshell import InteractiveShell\n"
    shell += "shell = InteractiveShell.instance()\n"
    before = modules_after(shell)
    after = modules_after(shell + "shell.run_line_magic('load_ext', 'jupyter_mlops')")
    assert not {name.partition(".")[0] for name in after - before} & HEAVY - {"IPython"}
    assert "jupyter_mlops.commands.snapshot" not in after
    assert "jupyter_mlops.commands.candidates" not in after


def test_public_names_are_listed() -> None:
    names = set(dir(jupyter_mlops))
    assert set(function_names()) <= names
    assert {*tracking.__all__, *errors.__all__, "__version__"} <= names


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    for name in ("nonsense", "_private", "__wrapped__"):
        with pytest.raises(AttributeError, match=name):
            getattr(jupyter_mlops, name)


def test_errors_and_tracking_are_found() -> None:
    assert issubclass(jupyter_mlops.ConflictError, jupyter_mlops.MlopsError)
    assert callable(jupyter_mlops.log_metric)


def test_python_functions_are_the_commands() -> None:
    assert jupyter_mlops.help is jupyter_mlops.help
    assert jupyter_mlops.help("completion").usage == "jupyter mlops completion bash|zsh"
