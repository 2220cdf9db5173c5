"""Makes the demo's project: runs its notebooks and commits what they leave, step by step."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jupyter_mlops.commands.demo_steps import STEPS, NotebookRun, Step
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.kernels import private_kernel
from jupyter_mlops.commands.remote_add import remote_add
from jupyter_mlops.commands.workspace import Here, open_here, open_workspace
from jupyter_mlops.errors import ConflictError, InternalError, UnsupportedError
from jupyter_mlops.files.durable import make_folder
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.git.config import read_setting, write_setting
from jupyter_mlops.git.process import run_git, run_git_in, try_git
from jupyter_mlops.git.repository import Repository, open_repository

REMOTE = "shared"
"""The remote of the demo, and the folder in its project where that is."""

MADE_KEY = "mlops.demo"
"""The setting that says that a repository is a demo, made to its end."""

_IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "jupyter-mlops demo"), ("EMAIL", "demo@localhost"))
}
_NEEDED = {"sklearn": "scikit-learn", "ipykernel": "ipykernel", "PIL": "Pillow"}
_PARAMETERS_TAG = "parameters"
_CELL_SECONDS = 300


def open_demo(folder: Path) -> Repository | None:
    """Return the finished demo at ``folder``, None where there is nothing yet.

    Raises:
        ConflictError: something else is there, or a demo that was broken off.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    if (folder / ".git").is_dir():
        repo = open_repository(folder)
        if read_setting(repo, MADE_KEY) is not None:
            return repo
    raise ConflictError(
        f"{folder} is not empty and holds no finished demo, so nothing was written there.",
        code="folder-not-empty",
        hints=("jupyter mlops demo another-folder",),
    )


def build_demo(here: Here, folder: Path) -> Repository:
    """Make the demo's project at ``folder``, which is empty or not there.

    Notebooks run in kernels of this very interpreter. Commits are the user's own where Git knows
    who that is. Outside of ``folder`` only what Jupyter knows of the user is written: that the
    notebooks are trusted, so that their charts are drawn when they are opened, and the place of the
    remote.

    Raises:
        UnsupportedError: the packages of the extra ``lab`` are missing.
        MlopsError: whatever the commands that the notebooks call raise.
    """
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise UnsupportedError(
            f"The demo needs packages that are not installed: {', '.join(missing)}.",
            code="lab-missing",
            hints=(f"{sys.executable} -m pip install 'jupyter-mlops[lab]'",),
        )
    make_folder(folder)
    run_git_in(folder, "init", "--quiet", "--initial-branch=main")
    tree = WorkTree(folder)
    tree.write_file("README.md", _read_packaged("README.md"))
    tree.write_file(".gitignore", f"/history.html\n/{REMOTE}/\n".encode())
    init(open_here(folder, clock=here.clock, progress=here.progress))
    repo = open_repository(folder)
    environment = _identity(repo)
    with here.progress.task("Running the demo's notebooks", len(STEPS), "commits") as task:
        for step in STEPS:
            _make(repo, step, environment)
            task.advance(1)
    write_setting(repo, MADE_KEY, "complete")
    return repo


def _make(repo: Repository, step: Step, environment: Mapping[str, str]) -> None:
    def git(*args: str) -> bytes:
        return run_git(repo, "-c", "commit.gpgSign=false", *args, env=environment)

    if step is not STEPS[0]:
        known, _, _ = try_git(repo, "rev-parse", "--verify", "--quiet", f"refs/heads/{step.branch}")
        git("switch", "--quiet", *(("-c", step.branch, "main") if known else (step.branch,)))
    match step.kind:
        case "merge":
            git("merge", "--quiet", "--no-ff", "-m", step.message, str(step.other))
        case "revert":
            git("revert", "--no-commit", "HEAD")
            git("commit", "--quiet", "-m", step.message)
        case "remote":
            remote_add(open_workspace(repo.root), REMOTE, str(repo.root / REMOTE))
            git("commit", "--quiet", "--all", "-m", step.message)
        case "commit":
            for run in step.runs:
                _execute(repo.root, run)
            git("add", "--all")
            git("commit", "--quiet", "-m", step.message)
    if step.tag is not None:
        git("tag", step.tag)


def _execute(root: Path, run: NotebookRun) -> None:
    """Change the notebook's parameters, run all of it, and write it with its outputs."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbformat.sign import NotebookNotary

    path = root / run.notebook
    source = path.read_bytes() if path.exists() else _read_packaged(run.notebook)
    notebook = nbformat.reads(source.decode(), as_version=4)
    _set_parameters(notebook, run.parameters)
    WorkTree(root).write_file(run.notebook, _encode(notebook))
    try:
        with private_kernel() as manager:
            NotebookClient(
                notebook,
                km=manager,
                resources={"metadata": {"path": str(root)}},
                timeout=_CELL_SECONDS,
                extra_arguments=["--log-level=ERROR"],
            ).execute(cleanup_kc=True, env={**os.environ, "JPY_SESSION_NAME": str(path)})
    except CellExecutionError as error:
        raise InternalError(
            f"{run.notebook} of the demo failed: {error.ename}: {error.evalue}",
            code="demo-notebook-failed",
        ) from error
    NotebookNotary().sign(notebook)
    WorkTree(root).write_file(run.notebook, _encode(notebook))


def _set_parameters(notebook: Any, parameters: Mapping[str, object]) -> None:
    """Replace the values in the cell tagged ``parameters``, line by line, as a person would."""
    for cell in notebook.cells:
        if _PARAMETERS_TAG in cell.metadata.get("tags", ()):
            lines = cell.source.splitlines()
            for number, line in enumerate(lines):
                name, equals, rest = line.partition(" = ")
                if equals and name in parameters:
                    comment = rest.partition("  # ")[2]
                    lines[number] = f"{name} = {_literal(parameters[name])}" + (
                        f"  # {comment}" if comment else ""
                    )
            cell.source = "\n".join(lines)


def _literal(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value).replace("'", '"')


def _encode(notebook: Any) -> bytes:
    import nbformat

    return (str(nbformat.writes(notebook)) + "\n").encode()


def _read_packaged(name: str) -> bytes:
    return (resources.files("jupyter_mlops.commands") / "demo_project" / name).read_bytes()


def _identity(repo: Repository) -> dict[str, str]:
    """Return what Git needs to know who commits: nothing, where the user has told it."""
    status, _, _ = try_git(repo, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    return {} if status == 0 else dict(_IDENTITY)
