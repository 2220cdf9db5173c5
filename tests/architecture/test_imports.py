"""Imports point down, stand at the top, and a bare import loads next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT, Source, sources

HEAVY = {
    "PIL": "only images that are logged need it",
    "IPython": "only a kernel has it loaded already",
    "asyncio": "50 ms; only SSH needs it",
    "asyncssh": "0.3 s, and an extra; only SSH needs it",
    "boto3": "an extra; only AWS profiles need it",
    "botocore": "comes with boto3",
    "bokeh": "0.6 s; only a chart that is shown needs it",
    "comm": "only a kernel has it",
    "detect_secrets": "0.1 s; only outputs in which something may be a secret need it",
    "git": "GitPython starts a process when it is imported",
    "jupyter_client": "only what runs notebooks",
    "importlib": "its metadata brings parsers of mail and archives along",
    "mistune": "comes with nbconvert; only a page with a project's own Markdown needs it",
    "nbclient": "only what runs notebooks",
    "nbformat": "1.3 s",
    "nbstripout": "imports nbformat",
    "numpy": "0.1 s; only images that are logged, and tables that are compared, need it",
    "obstore": "only object stores need it",
    "pyarrow": "an extra; only tables in Parquet and of it need it",
    "requests": "0.1 s; only what speaks with a forge needs it",
    "tqdm": "only a terminal that shows progress",
    "urllib3": "only web servers need it",
}
"""Libraries that may be imported inside the function that needs them, and why each."""


def _late_imports(source: Source) -> list[tuple[str, int]]:
    found = []
    for function in ast.walk(source.tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                found += [(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found.append((node.module or "", node.lineno))
    return found


def test_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_contracts_name_every_package_there_is() -> None:
    """What `forbidden` contracts list is complete: a new package joins them or says why not."""
    contracts = (ROOT / "pyproject.toml").read_text("utf-8")
    packages = {source.name.split("/")[0] for source in sources() if "/" in source.name} - {"git"}
    listed = {name for name in packages if f'"jupyter_mlops.{name}"' in contracts}
    assert listed == packages


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_imports_inside_functions_are_of_heavy_libraries_only(source: Source) -> None:
    unlisted = [
        f"{module} (line {line})"
        for module, line in _late_imports(source)
        if module.split(".")[0] not in HEAVY
    ]
    assert not unlisted, "imported inside a function, and not in HEAVY"


def test_the_list_of_heavy_libraries_is_no_longer_than_it_must_be() -> None:
    late = {module.split(".")[0] for source in sources() for module, _ in _late_imports(source)}
    assert late == set(HEAVY)


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_imports_are_absolute(source: Source) -> None:
    relative = [
        node.lineno
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative


def _modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules, sep='\\n')"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.splitlines()}


LEFT_OUT = {
    "IPython",
    "bokeh",
    "git",
    "jupyter_client",
    "jupyter_core",
    "jupyter_server",
    "nbconvert",
    "nbformat",
    "numpy",
    "obstore",
    "tornado",
    "traitlets",
}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not _modules_after("import jupyter_mlops") & (LEFT_OUT | {"asyncio", "msgspec"})


def test_help_loads_nothing_heavy() -> None:
    loaded = _modules_after("from jupyter_mlops.cli.main import main; main(['--help'])")
    assert not loaded & LEFT_OUT


def test_the_notebook_filter_loads_nothing_heavy() -> None:
    """Git starts it for a ``git status``, which people wait for."""
    loaded = _modules_after(
        "from jupyter_mlops.cli.main import main; main(['filter', 'clean', 'empty.ipynb'])"
    )
    assert not loaded & (LEFT_OUT | {"jsonschema", "nbstripout"})


def test_a_remote_that_is_a_folder_loads_nothing_of_the_web() -> None:
    """What TLS and web pages need takes as long to import as a push with nothing new has to do."""
    loaded = _modules_after("from jupyter_mlops.commands.push import push")
    assert not loaded & {"ssl", "urllib3", "xml"}


def test_logging_a_metric_loads_nothing_heavy() -> None:
    assert not _modules_after("import jupyter_mlops; jupyter_mlops.log") & LEFT_OUT


@pytest.mark.parametrize("name", ["git_textconv", "git_external_diff"])
def test_what_git_starts_once_a_file_loads_little(name: str) -> None:
    loaded = _modules_after(f"import jupyter_mlops.cli.{name}")
    assert not loaded & (LEFT_OUT | {"asyncio", "msgspec", "blake3", "subprocess"})
