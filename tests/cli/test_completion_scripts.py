from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from jupyter_mlops.commands.completion import Shell, completion
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.document.render_text import render_text
from tests.support.project import Project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with the program, its commands being the samples'."""
    folder = tmp_path / "tools"
    folder.mkdir()
    script = folder / "jupyter-mlops"
    script.write_text(
        f"#!/bin/sh\nPYTHONPATH='{ROOT}' exec '{sys.executable}' -m jupyter_mlops \"$@\"\n"
    )
    script.chmod(0o755)
    return folder


@pytest.fixture
def folder(project: Project) -> Path:
    """A project with some files."""
    project.write("mlops.toml", "")
    project.write("data/train one.csv", "x")
    project.write("data/test.csv", "x")
    project.write("metrics/train.json", '{"loss": 1, "acc": 0.5}')
    return project.root


def script_of(shell: Shell, folder: Path) -> str:
    return render_text(completion(open_here(folder), shell).describe())


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_script_is_valid_where_the_shell_is_there(tmp_path: Path, shell: Shell) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"not run: no {shell} here")
    subprocess.run([shell, "-n"], input=script_of(shell, tmp_path), text=True, check=True)


def press_tab(tools: Path, folder: Path, line: str, *, before: str = "") -> str:
    """Return the line as bash has it after Tab was pressed at its end."""
    (folder.parent / "completion").write_text(script_of("bash", folder))
    child = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-i"],
        cwd=str(folder),
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PS1": "$ ", "TERM": "dumb"},
        encoding="utf-8",
        timeout=20,
        dimensions=(24, 300),
    )
    child.sendline("bind 'set enable-bracketed-paste off'")
    child.sendline(f"{before} source ../completion; echo re''ady")
    child.expect("\r\nready\r\n")
    child.send(line + "\t" + "\x01echo '<\x05>'\r")
    child.expect(r"\r\n<(.*)>\r\n")
    completed = str(child.match.group(1)) if child.match else ""
    child.close()
    return completed


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("jupyter-mlops resto", "jupyter-mlops restore "),
        ("jupyter mlops resto", "jupyter mlops restore "),
        ("jupyter not-a-command", "jupyter not-a-command"),
        ("jupyter ml", "jupyter mlops"),  # mlops.toml is offered as well
        ("jupyter-mlops help sna", "jupyter-mlops help snapshot "),
        ("jupyter-mlops completion b", "jupyter-mlops completion bash "),
        ("jupyter-mlops completion --js", "jupyter-mlops completion --json "),
    ],
)
def test_bash_completes(tools: Path, folder: Path, line: str, completed: str) -> None:
    assert press_tab(tools, folder, line) == completed


def test_bash_keeps_the_completion_that_jupyter_had(tools: Path, folder: Path) -> None:
    before = "_other() { COMPREPLY=(notebook); }; complete -F _other jupyter;"
    assert press_tab(tools, folder, "jupyter not", before=before) == "jupyter notebook "
    ours = press_tab(tools, folder, "jupyter mlops resto", before=before)
    assert ours == "jupyter mlops restore "
