from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.commands.notebook_verdict import notebook_verdict
from jupyter_mlops.commands.notebook_verify import (
    NotebookReplay,
    compare_metric,
    notebook_verify,
)
from jupyter_mlops.errors import NotFoundError, UsageError
from tests.notebooks.conftest import code, notebook_bytes
from tests.support.data_project import DataProject

GOOD = (
    "%load_ext jupyter_mlops\nimport jupyter_mlops as mlops",
    "x = int(open('../data/x.txt').read())",
    "mlops.log(acc=x / 10, loss=float('nan'))",
    "kept = %snapshot -m 'by the notebook'\nprint(kept.id)",
)
WAITING = """\
import pathlib, time
pathlib.Path({mark!r}).write_text(str(pathlib.Path.cwd()) + ' ' + str(__import__('os').getpid()))
time.sleep(600)"""


def write_notebook(project: DataProject, path: str, *sources: str, **metadata: Any) -> None:
    cells = [code(source, id=f"c{n}", outputs=[]) for n, source in enumerate(sources)]
    project.write(path, notebook_bytes(cells, **metadata))


def one(replays: tuple[NotebookReplay, ...]) -> NotebookReplay:
    (found,) = replays
    return found


def no_trace(project: DataProject) -> bool:
    """Return whether nothing is left of the working trees that notebooks were run in."""
    replays = project.root / ".git/mlops/replays"
    return (
        len(project.git("worktree", "list").splitlines()) == 1
        and not (replays.exists() and list(replays.iterdir()))
        and not (project.root / ".git/worktrees").exists()
    )


@pytest.fixture
def project(data_project: DataProject) -> DataProject:
    """A project with data, and a notebook whose metrics are those that it logs."""
    data_project.write("data/x.txt", "5")
    write_notebook(data_project, "deep/train.ipynb", *GOOD)
    data_project.write("metrics/train.json", '{"acc": 0.5001, "loss": "NaN"}')
    data_project.write("metrics/other.json", '{"acc": 1}')
    data_project.snapshot("data")
    data_project.commit("A run")
    return data_project


@pytest.mark.slow
def test_a_notebook_that_can_be_run_again(project: DataProject) -> None:
    # One that nbconvert or papermill ran, whose kernel was told no notebook.
    write_notebook(project, "auto.ipynb", "import jupyter_mlops as mlops\nmlops.log(zero=1e-4)")
    project.write("metrics/run.json", '{"zero": 0.0001}')
    # Metrics are named after the notebook's name alone: these are the other one's.
    write_notebook(project, "train.ipynb")
    project.commit("More")
    project.write("data/x.txt", "7, not kept")
    before = project.git("for-each-ref"), project.git("status", "--porcelain")
    paths = ("deep/train.ipynb", "auto.ipynb", "train.ipynb")
    result = notebook_verify(project.open(), "HEAD", paths)
    found, auto, empty = result.notebooks
    assert (auto.verdict, [m.name for m in auto.metrics]) == ("verified", ["metrics/run.json:zero"])
    assert (empty.verdict, empty.metrics) == ("verified", ())
    assert (found.verdict, found.cells, found.error, result.exit_status) == ("verified", 4, None, 0)
    assert next((m.name, m.replayed, m.agrees) for m in found.metrics) == (
        "metrics/train.json:acc",
        0.5,
        True,
    )
    assert len(found.metrics) == 2
    # The user's files and snapshots are as they were, and what it did is known from now on.
    assert (project.git("for-each-ref"), project.git("status", "--porcelain")) == before
    assert project.read("data/x.txt") == b"7, not kept"
    assert not (project.root / ".git/mlops/runs").exists()
    assert no_trace(project)
    (told,) = notebook_verdict(project.open(), ("deep/train.ipynb",), rev="HEAD").notebooks
    assert (told.verdict, told.replay) == ("verified", found.why)
    # Less tolerance, and it is another thing.
    stricter = notebook_verify(project.open(), "HEAD", ("deep/train.ipynb",), tolerance=1e-5)
    assert one(stricter.notebooks).verdict == "failed replay"
    assert "acc is 0.5 instead of 0.5001" in one(stricter.notebooks).why
    assert stricter.exit_status == 1
    (told,) = notebook_verdict(project.open(), ("deep/train.ipynb",)).notebooks
    assert told.verdict == "failed replay"


@pytest.mark.slow
def test_notebooks_that_cannot_be_run_again(project: DataProject) -> None:
    write_notebook(
        project, "raises.ipynb", "a = 1", "raise ValueError('\x1b[2J<b>' + 'x' * 2**21)", "b = 2"
    )
    write_notebook(project, "dies.ipynb", "import os; os._exit(3)", kernelspec=None)
    write_notebook(project, "waits.ipynb", "import time\nwhile True: time.sleep(1)")
    project.write("broken.ipynb", '{"cells": [{}], "nbformat": 4, "nbformat_minor": 5}')
    write_notebook(project, "r.ipynb", "x", kernelspec={"name": "none-such", "display_name": "R"})
    project.write("metrics/silent.json", '{"acc": 1}')
    write_notebook(project, "silent.ipynb", "a = 1")
    project.commit("More")
    names = ("r.ipynb", "raises.ipynb", "dies.ipynb", "waits.ipynb", "broken.ipynb", "silent.ipynb")
    result = notebook_verify(project.open(), "HEAD", names, timeout=3)
    other, raises, dies, waits, broken, silent = result.notebooks
    assert (other.verdict, other.error) == (
        "unknown",
        "it wants the kernel none-such, which is not installed here",
    )
    assert {replay.verdict for replay in result.notebooks[1:]} == {"failed replay"}
    known = notebook_verdict(project.open(), names, rev="HEAD").notebooks
    assert [told.replay for told in known] == [
        None,
        *(replay.why for replay in result.notebooks[1:]),
    ]
    assert (raises.failed_cell, raises.failed_id, raises.cells) == (2, "c1", 1)
    assert raises.why.startswith("Cell 2 (c1) failed: ValueError: \\x1b[2J<b>xxx")
    assert len(raises.why) < 300
    assert dies.why == "Cell 1 (c0) failed: the kernel died."
    assert waits.why == "Cell 1 (c0) failed: it took longer than allowed."
    assert broken.error == "it is not a notebook that can be read"
    assert "acc was not logged" in silent.why
    assert no_trace(project)


@contextmanager
def verifying(
    project: DataProject, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Yield the process of a verify whose cell is under way, and the folder that it runs in."""
    mark = tmp_path / "mark"
    write_notebook(project, "waits.ipynb", WAITING.format(mark=str(mark)))
    project.commit("It waits")
    command = [sys.executable, "-m", "jupyter_mlops", "notebook", "verify", "HEAD", "waits.ipynb"]
    with subprocess.Popen(command, cwd=project.root, start_new_session=True) as process:
        try:
            while not (mark.exists() and mark.read_text()):
                assert process.poll() is None
                os.sched_yield()
            yield process, mark
        finally:
            process.kill()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


@pytest.mark.slow
def test_it_can_be_interrupted(project: DataProject, tmp_path: Path) -> None:
    with verifying(project, tmp_path) as (process, mark):
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert no_trace(project)
        assert not is_alive(int(mark.read_text().split()[-1]))
    assert notebook_verdict(project.open(), rev="HEAD").notebooks[0].replay is None


@pytest.mark.slow
def test_what_a_killed_one_left_is_removed_by_the_next(
    project: DataProject, tmp_path: Path
) -> None:
    with verifying(project, tmp_path) as (process, _):
        # While it runs, another one leaves it alone.
        project.write("broken.ipynb", "{")
        project.commit("Broken")
        notebook_verify(project.open(), "HEAD", ("broken.ipynb",))
        assert len(project.git("worktree", "list").splitlines()) == 2
        process.kill()
        process.wait()
    assert not no_trace(project)
    notebook_verify(project.open(), "HEAD", ("broken.ipynb",))
    assert no_trace(project)


def test_what_it_refuses(project: DataProject) -> None:
    ws = project.open()
    with pytest.raises(NotFoundError, match="has no notebook none"):
        notebook_verify(ws, "HEAD", ("none.ipynb",))
    with pytest.raises(UsageError):
        notebook_verify(ws, "HEAD", ("mlops.toml",))
    with pytest.raises(UsageError):
        notebook_verify(ws, "HEAD", tolerance=float("nan"))
    with pytest.raises(UsageError):
        notebook_verify(ws, "HEAD", timeout=0)
    with pytest.raises(NotFoundError):
        notebook_verify(ws, "nowhere")


@pytest.mark.parametrize(("replayed", "agrees"), [(0.0, True), (0.0009, False), (-0.0, True)])
def test_a_part_of_nothing_is_nothing(replayed: float, agrees: bool) -> None:
    assert compare_metric("m.json:loss", 0.0, replayed, 0.001).agrees == agrees


def test_hooks_of_the_project_are_not_run(project: DataProject, tmp_path: Path) -> None:
    hook = project.write("hooks/post-checkout", f"#!/bin/sh\necho ran >> {tmp_path}/ran\n")
    hook.chmod(0o755)
    project.git("config", "core.hooksPath", "hooks")
    project.write("broken.ipynb", "{")
    write_notebook(project, "r.ipynb", "x", kernelspec={"name": "none-such", "display_name": "R"})
    project.commit("With hooks")
    notebook_verify(project.open(), "HEAD", ("r.ipynb",))
    assert not (tmp_path / "ran").exists()


def test_data_that_is_not_here_is_not_run_without(project: DataProject) -> None:
    for pack in (project.root / ".git/mlops/packs").rglob("*"):
        if pack.is_file():
            pack.unlink()
    with pytest.raises(NotFoundError):
        notebook_verify(project.open(), "HEAD", ("deep/train.ipynb",))
    assert no_trace(project)
