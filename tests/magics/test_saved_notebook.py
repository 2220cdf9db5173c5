"""Snapshots from real kernels, beside a front end that the test plays over their channels."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pexpect
import pytest
from nbconvert.preprocessors import ExecutePreprocessor

from tests.support.data_project import DataProject, make_data_project
from tests.support.front_end import FrontEnd
from tests.support.kernel import Kernel, Ran, start_kernel

pytestmark = pytest.mark.slow

LOAD = "%load_ext jupyter_mlops"
LOAD_IMPATIENT = """\
from jupyter_mlops.commands.front_end import Patience
from jupyter_mlops.magics.extension import load
load(get_ipython(), patience=Patience(begin_seconds=0.2, save_seconds=0.2))"""
AS_LAST_SAVED = "train.ipynb is kept as it was last saved"


def write_notebook(path: Path, *cells: str) -> nbformat.NotebookNode:
    made: nbformat.NotebookNode = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    nbformat.write(made, path)
    return made


@pytest.fixture
def kept(tmp_path: Path) -> DataProject:
    """A project with data, and a notebook as it was last saved."""
    project = make_data_project(tmp_path / "project")
    project.write("data/a.csv", "a,b\n")
    write_notebook(project.root / "train.ipynb", "old = 1")
    return project


@pytest.fixture
def notebook(kept: DataProject) -> Path:
    return kept.root / "train.ipynb"


@pytest.fixture
def kernel(kept: DataProject, notebook: Path, tmp_path: Path) -> Iterator[Kernel]:
    """A kernel as JupyterLab starts it for the notebook."""
    with start_kernel(kept.root, tmp_path / "runtime", JPY_SESSION_NAME=str(notebook)) as kernel:
        yield kernel


class Player:
    """A front end that does what a test says when it is asked to save."""

    def __init__(self, kernel: Kernel) -> None:
        self.front_end = FrontEnd(kernel.files)
        self._kernel = kernel

    def run(self, code: str, save: Callable[[FrontEnd], None] = lambda front_end: None) -> Ran:
        def on_comm(content: dict[str, Any]) -> None:
            assert self.front_end.hear(content)
            save(self.front_end)

        return self._kernel.run(code, on_comm)


@pytest.fixture
def player(kernel: Kernel) -> Player:
    return Player(kernel)


def newest_ref(project: DataProject) -> str:
    newest = ("--sort=-creatordate", "--count=1", "--format=%(refname)")
    return project.git("for-each-ref", *newest, "refs/mlops/snapshots").strip()


def snapshot_files(project: DataProject) -> dict[str, str]:
    """Return the notebooks of the newest snapshot, by name."""
    ref = newest_ref(project)
    names = project.git("ls-tree", "--name-only", ref).split()
    return {name: project.git("show", f"{ref}:{name}") for name in names if ".ipynb" in name}


def recorded_notebook(project: DataProject) -> object:
    """Return what the newest snapshot's record calls the notebook it was taken from."""
    return json.loads(project.git("show", f"{newest_ref(project)}:.mlops/snapshot.json"))[
        "notebook"
    ]


@pytest.mark.parametrize(
    "load, call",
    [
        (LOAD, "%snapshot data"),
        (LOAD, "s = %mlops snapshot data\ns"),
        ("import jupyter_mlops", "jupyter_mlops.snapshot('data')"),
    ],
)
def test_a_snapshot_has_what_was_not_saved_and_the_new_name(
    kept: DataProject, notebook: Path, player: Player, load: str, call: str
) -> None:
    client = player.front_end.register(notebook)
    player.run(load)
    renamed = notebook.with_name("renamed.ipynb")

    def save(front_end: FrontEnd) -> None:
        front_end.answer("begun", notebook)
        notebook.rename(renamed)
        write_notebook(renamed, "edited = 2")
        front_end.answer("saved", renamed)

    ran = player.run(call, save)
    assert "Get it back" in ran.text
    assert "last saved" not in ran.text
    (kept_notebook,) = snapshot_files(kept).items()
    assert kept_notebook[0] == recorded_notebook(kept) == "renamed.ipynb"
    assert "edited = 2" in kept_notebook[1]
    assert [asked["client"] for asked in player.front_end.asked] == [client]
    assert (player.front_end.clients(), player.front_end.requests()) == ([client], [])
    assert len(ran.contents("comm_close")) == 1


def test_the_result_and_the_record_tell_the_notebook(
    kept: DataProject, notebook: Path, player: Player
) -> None:
    player.front_end.register(notebook)
    player.run(LOAD)
    player.run("s = %snapshot data", lambda front_end: front_end.answer("saved", notebook))
    assert (
        "NotebookResult(path='train.ipynb', saved=True, why=None)" in player.run("s.notebook").text
    )
    assert recorded_notebook(kept) == "train.ipynb"


@pytest.mark.parametrize("call", ["%snapshot data", "%mlops snapshot data"])
def test_without_a_front_end_no_comm_is_opened(player: Player, call: str) -> None:
    player.run(LOAD)
    ran = player.run(call)
    assert AS_LAST_SAVED + "." in ran.text
    assert ran.contents("comm_open") == []


def test_help_and_other_commands_ask_nobody(notebook: Path, player: Player) -> None:
    player.front_end.register(notebook)
    player.run(LOAD)
    for call in ("%snapshot --help", "%snapshot list", "%mlops status", "%snapshot --nonsense"):
        assert player.run(call).contents("comm_open") == []


def test_a_client_that_never_begins_is_asked_once(notebook: Path, player: Player) -> None:
    player.front_end.register(notebook)
    player.run(LOAD_IMPATIENT)
    first = player.run("%snapshot data")
    assert f"{AS_LAST_SAVED}: JupyterLab did not answer." in first.text
    assert len(first.contents("comm_open")) == 1
    assert (player.front_end.clients(), player.front_end.requests()) == ([], [])
    second = player.run("%snapshot data")
    assert AS_LAST_SAVED + "." in second.text
    assert second.contents("comm_open") == []


def test_a_failure_is_told_and_the_snapshot_taken(
    kept: DataProject, notebook: Path, player: Player
) -> None:
    player.front_end.register(notebook)
    player.run(LOAD)
    ran = player.run(
        "%snapshot data",
        lambda front_end: front_end.answer("failed", notebook, "It changed on disk."),
    )
    assert f"{AS_LAST_SAVED}: It changed on disk." in ran.text
    assert "old = 1" in snapshot_files(kept)["train.ipynb"]
    assert player.front_end.requests() == []


def test_a_save_that_takes_too_long_is_not_waited_for(notebook: Path, player: Player) -> None:
    client = player.front_end.register(notebook)
    player.run(LOAD_IMPATIENT)
    ran = player.run("%snapshot data", lambda front_end: front_end.answer("begun", notebook))
    assert f"{AS_LAST_SAVED}: JupyterLab had not saved it after 0.2 s." in ran.text
    assert (player.front_end.clients(), player.front_end.requests()) == ([client], [])


def test_of_two_clients_the_newest_is_asked(notebook: Path, player: Player) -> None:
    player.front_end.register(notebook)
    newest = player.front_end.register(notebook)
    player.run(LOAD)
    ran = player.run("%snapshot data", lambda front_end: front_end.answer("saved", notebook))
    assert "last saved" not in ran.text
    assert [asked["client"] for asked in player.front_end.asked] == [newest]


def test_an_interrupt_ends_the_wait(
    kept: DataProject, notebook: Path, kernel: Kernel, player: Player
) -> None:
    client = player.front_end.register(notebook)
    player.run(LOAD)

    def save(front_end: FrontEnd) -> None:
        front_end.answer("begun", notebook)
        kernel.interrupt()

    ran = player.run("%snapshot data", save)
    assert "Interrupted; run the cell again to go on." in ran.text
    assert kept.git("for-each-ref", "refs/mlops/") == ""
    assert (player.front_end.clients(), player.front_end.requests()) == ([client], [])
    again = player.run("%snapshot data", lambda front_end: front_end.answer("saved", notebook))
    assert "Get it back" in again.text


def test_nbconvert_opens_no_comm(kept: DataProject) -> None:
    heard: list[str] = []

    class Listening(ExecutePreprocessor):
        def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
            heard.append(msg["msg_type"])
            return super().process_message(msg, cell, cell_index)

    cells = (LOAD, "%snapshot data")
    executed = write_notebook(kept.root / "run.ipynb", *cells)
    runner = Listening(kernel_name="python3")  # type: ignore[no-untyped-call]
    runner.preprocess(executed, {"metadata": {"path": str(kept.root)}})
    shown = executed.cells[1]["outputs"][0]["data"]["text/plain"]
    assert "Get it back" in shown
    assert len(shown.splitlines()) == 4
    assert "execute_result" in heard
    assert "comm_open" not in heard


def test_ipython_in_a_terminal_has_no_notebook(kept: DataProject) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=nocolor"],
        cwd=str(kept.root),
        env={**os.environ, "TERM": "dumb"},
        encoding="utf-8",
        timeout=60,
    )
    child.expect_exact("In [1]: ")
    child.sendline(LOAD)
    child.expect_exact("In [2]: ")
    child.sendline("s = %snapshot data")
    child.expect_exact("In [3]: ")
    child.sendline("print(s.notebook, len(str(s.id)))")
    child.expect_exact("None 12")
    child.sendline("s")
    child.expect_exact("Get it back")
    child.expect_exact("In [5]: ")
    assert "last saved" not in str(child.before)
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()
