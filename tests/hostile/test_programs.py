"""Nothing that a project brings along is ever started, by us or by the Git that we start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebooks.conftest import NOTEBOOKS
from tests.support.project import IDENTITY, Project, make_project

pytestmark = pytest.mark.slow

_EXECVE = re.compile(r'execve\("((?:[^"\\]|\\.)*)"')
_CANARY = "#!/bin/sh\necho ran >> {canary}\n"
_MODULE = "open({canary!r}, 'a').write('ran')\n"
_ATTRIBUTES = "* filter=evil diff=evil merge=evil\n"
_CONFIG = """
[core]
    fsmonitor = ./evil
    hooksPath = hooks
    pager = ./evil
    editor = ./evil
    sshCommand = ./evil
[filter "evil"]
    clean = ./evil
    smudge = ./evil
    process = ./evil
[diff "evil"]
    command = ./evil
    textconv = ./evil
[merge "evil"]
    driver = ./evil
[alias]
    status = !./evil
"""
_MODULES = ("git", "yaml", "msgspec", "json", "sitecustomize", "usercustomize", "jupyter_mlops")
_PROGRAMS = (
    "evil",
    "git",
    "python",
    "sh",
    "jupyter-mlops",
    "hooks/pre-commit",
    "hooks/post-checkout",
)

COMMANDS = (
    "init",
    "status",
    "doctor",
    "snapshot data -m x",
    "snapshot --commit",
    "log",
    "diff HEAD~1 HEAD",
    "metrics show",
    "metrics history",
    "params diff HEAD~1 HEAD",
    "restore HEAD~1",
    "undo",
    "strip --check",
    "check --read-data",
    "repair --yes",
    "move data elsewhere",
    "untrack elsewhere",
)
"""In this order, each in a process of its own in the root of the project."""


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def clone(tmp_path: Path, canary: Path) -> Project:
    """A clone of a project that brings programs, modules and settings along."""
    evil = make_project(tmp_path / "evil")
    for name in _PROGRAMS:
        evil.write(name, _CANARY.format(canary=canary)).chmod(0o755)
    for name in _MODULES:
        evil.write(f"{name}.py", _MODULE.format(canary=os.fspath(canary)))
    evil.write(".gitconfig", _CONFIG)
    evil.write("config", _CONFIG)
    evil.write("mlops.toml", '[metrics]\nfiles = ["metrics/*.json", "$(./evil)"]\n')
    evil.write("metrics/run.json", '{"accuracy": 1}\n')
    evil.write(".gitattributes", _ATTRIBUTES)
    evil.write("note.ipynb", NOTEBOOKS["plain"])
    evil.write("data/$(.%2fevil).csv", "a\n")
    evil.git("add", "--all")
    evil.git("commit", "--quiet", "-m", "evil")
    evil.write("metrics/run.json", '{"accuracy": 2}\n')
    evil.git("rm", "-r", "--quiet", "--cached", "data")
    evil.commit("`./evil`", "metrics")
    return evil.clone(tmp_path / "clone")


def _run_traced(project: Project, *command: str) -> list[str]:
    """Run a command in the clone and return the programs that it and its children started."""
    log = project.root.parent / "trace"
    traced = ["strace", "-f", "-qq", "-e", "trace=execve", "-o", os.fspath(log), *command]
    done = subprocess.run(
        traced,
        cwd=project.root,
        env={**os.environ, **IDENTITY},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    lines = log.read_text("utf-8", "surrogateescape").splitlines()
    started = [line for line in lines if line.endswith("= 0")]
    return [found[1] for line in started if (found := _EXECVE.search(line))]


def test_no_program_of_a_project_is_started(clone: Project, canary: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("not run: needs strace")
    told = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    ours = [os.path.realpath(clone.root / ".git" / name) for name in ("hooks", "mlops")]
    folders = tuple(f"{folder}/" for folder in (told.stdout.strip(), *ours))
    known = {os.path.realpath(sys.executable), *map(os.path.realpath, _found("git", "sh", "env"))}
    programs = [(sys.executable, "-P", "-m", "jupyter_mlops", *line.split()) for line in COMMANDS]
    clone.write("data/a.csv", "a\n")
    for command in (*programs, ("git", "add", "note.ipynb"), ("git", "checkout", "HEAD~1")):
        for program in _run_traced(clone, *command):
            real = os.path.realpath(clone.root / program)
            assert real in known or real.startswith(folders), (command, program)
        assert not canary.exists(), command


def test_a_program_that_is_started_is_seen(clone: Project, canary: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("not run: needs strace")
    clone.git("config", "filter.evil.clean", "./evil")
    clone.write("train.py", "1\n")
    assert any(program == "./evil" for program in _run_traced(clone, "git", "add", "train.py"))
    assert canary.exists()


def _found(*names: str) -> list[str]:
    return [path for name in names if (path := shutil.which(name)) is not None]
