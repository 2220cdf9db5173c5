from __future__ import annotations

import asyncio
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

from jupyter_mlops.commands.journals import Journals, journals_folder, read_journals
from jupyter_mlops.commands.verdicts import WorktreeVerdicts
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.magics.extension import load, unload
from jupyter_mlops.magics.journal import Recorder
from jupyter_mlops.notebooks.journal import MAX_JOURNAL_BYTES, Session
from jupyter_mlops.notebooks.verdict import VerdictWord
from tests.notebooks.conftest import code, notebook_bytes
from tests.notebooks.journals import Ran, journal_bytes
from tests.support.kernel import start_kernel
from tests.support.project import Project
from tests.support.sample_commands import SAMPLES


def run(shell: InteractiveShell, source: str, cell_id: str | None = None) -> ExecutionResult:
    done = shell.run_cell(source, store_history=True, cell_id=cell_id)
    assert isinstance(done, ExecutionResult)
    return done


def recorder_of(shell: InteractiveShell) -> Recorder:
    owners = [getattr(one, "__self__", None) for one in shell.events.callbacks["pre_run_cell"]]
    (found,) = [owner for owner in owners if isinstance(owner, Recorder)]
    return found


def journals(shell: InteractiveShell, project: Project) -> Journals:
    recorder_of(shell).look_again()
    return read_journals(open_repository(project.root))


def session(shell: InteractiveShell, project: Project) -> Session:
    (found,) = journals(shell, project).sessions
    return found


def told(found: Session) -> list[tuple[str, str | None, str | None]]:
    return [(one.source, one.cell_id, one.outcome) for one in found.runs]


def test_what_ran_is_written_down_in_order(shell: InteractiveShell, project: Project) -> None:
    run(shell, "a = 1", "x")
    run(shell, "1 / 0", "y")
    run(shell, "def", "y")
    run(shell, "a = 1", "\x1b[2J<b>")
    run(shell, "   \n")
    run(shell, "a = 2")
    found = session(shell, project)
    assert told(found) == [
        ("a = 1", "x", "ok"),
        ("1 / 0", "y", "failed"),
        ("def", "y", "not-run"),
        ("a = 1", "\x1b[2J<b>", "ok"),
        ("a = 2", None, "ok"),
    ]
    assert found.pid == os.getpid()
    assert all(one.seconds is not None and one.began_at is not None for one in found.runs)


def test_it_is_the_users_alone_and_outside_of_the_working_tree(
    shell: InteractiveShell, project: Project
) -> None:
    run(shell, "a = 1")
    session(shell, project)
    (file,) = journals_folder(open_repository(project.root)).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert project.git("status", "--porcelain").split() == ["??", "data/", "??", "mlops.toml"]


def test_what_ran_before_the_extension_was_loaded(project: Project, bare: InteractiveShell) -> None:
    run(bare, "a = 1", "x")
    run(bare, "%load_ext jupyter_mlops\n", "y")
    run(bare, "b = 2", "z")
    found = session(bare, project)
    assert told(found) == [
        ("a = 1", None, None),
        ("%load_ext jupyter_mlops", "y", "ok"),
        ("b = 2", "z", "ok"),
    ]
    assert [one.began_at is None for one in found.runs] == [True, True, False]


@pytest.fixture
def bare(shell: InteractiveShell) -> InteractiveShell:
    """The shell before anything of ours is in it."""
    unload(shell)
    return shell


def test_what_a_front_end_runs_silently_is_no_cell(
    shell: InteractiveShell, project: Project
) -> None:
    run(shell, "a = 1")
    shell.run_cell("hidden = 1", store_history=False)
    shell.run_cell("hidden = 2", silent=True)
    run(shell, "get_ipython().run_cell('inner = 1')\nouter = 1", "o")
    outer = "get_ipython().run_cell('inner = 1')\nouter = 1"
    assert told(session(shell, project)) == [("a = 1", None, "ok"), (outer, "o", "ok")]


def test_a_cell_under_way_is_written_down(shell: InteractiveShell, project: Project) -> None:
    run(shell, "a = 1")
    session(shell, project)
    shell.user_ns["look"] = lambda: told(read_journals(open_repository(project.root)).sessions[0])
    assert run(shell, "look()", "now").result == [("a = 1", None, "ok"), ("look()", "now", None)]


def test_an_interrupt_is_a_failure(shell: InteractiveShell, project: Project) -> None:
    run(shell, "raise KeyboardInterrupt")
    run(shell, "import asyncio\nawait asyncio.sleep(0)")
    assert [outcome for _, _, outcome in told(session(shell, project))] == ["failed", "ok"]


def test_unloading_ends_it_and_loading_begins_another(
    shell: InteractiveShell, project: Project
) -> None:
    run(shell, "a = 1", "x")
    session(shell, project)
    load(shell, SAMPLES)
    run(shell, "b = 2", "y")
    new, old = journals(shell, project).sessions
    assert (old.is_stopped, new.is_stopped) == (True, False)
    assert told(new) == [("a = 1", None, None), ("b = 2", "y", "ok")]


def test_the_notebook_is_known_and_followed(
    shell: InteractiveShell, project: Project, notebook: Path
) -> None:
    run(shell, "a = 1", "ia")
    assert session(shell, project).notebooks == ("deep/train.ipynb",)
    moved = notebook.rename(notebook.with_name("moved.ipynb"))
    repo = open_repository(project.root)
    # Its path is not known any more, but its cells are.
    assert WorktreeVerdicts(repo).judge("deep/moved.ipynb").run.word is VerdictWord.CLEAN
    shell.user_ns["__vsc_ipynb_file__"] = str(moved)
    run(shell, "b = 2", "ib")
    assert session(shell, project).notebooks == ("deep/train.ipynb", "deep/moved.ipynb")
    # A copy was not run, though its cells have the same ids.
    project.write("deep/copy.ipynb", moved.read_bytes())
    assert WorktreeVerdicts(repo).judge("deep/copy.ipynb").run.word is VerdictWord.UNKNOWN


@pytest.fixture
def notebook(project: Project, shell: InteractiveShell) -> Iterator[Path]:
    """A notebook that VS Code says that the shell is the kernel of."""
    cells = [code("a = 1", id="ia"), code("b = 2", id="ib")]
    path = project.write("deep/train.ipynb", notebook_bytes(cells))
    shell.user_ns["__vsc_ipynb_file__"] = str(path)
    yield path
    del shell.user_ns["__vsc_ipynb_file__"]


def test_a_project_that_is_made_later(shell: InteractiveShell, project: Project) -> None:
    (project.root / "mlops.toml").unlink()
    run(shell, "a = 1")
    assert journals(shell, project).sessions == ()
    project.write("mlops.toml", "")
    assert told(session(shell, project)) == [("a = 1", None, "ok")]


def test_a_journal_that_cannot_be_written_is_none(
    shell: InteractiveShell, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    run(shell, "a = 1")
    session(shell, project)
    folder = journals_folder(open_repository(project.root))
    for file in folder.iterdir():
        file.unlink()
    capfd.readouterr()
    assert run(shell, "b = 2").success
    assert run(shell, "c = 3").success
    assert list(folder.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_whatever_it_is_told_no_cell_hears_of_it(shell: InteractiveShell, project: Project) -> None:
    run(shell, "a = 1")
    session(shell, project)
    recorder = recorder_of(shell)
    recorder.begin_cell(None)
    recorder.end_cell(None)
    recorder.end_cell(object())
    assert run(shell, "b = 2").success
    # It could not be written whole, and so there is none.
    assert list(journals_folder(open_repository(project.root)).iterdir()) == []


def test_a_link_in_place_of_the_folder_is_not_followed(
    shell: InteractiveShell, project: Project, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = journals_folder(open_repository(project.root))
    folder.parent.mkdir()
    folder.symlink_to(elsewhere)
    run(shell, "a = 1")
    found = journals(shell, project)
    assert (found.sessions, list(elsewhere.iterdir())) == ((), [])


def test_it_ends_where_it_is_too_big(shell: InteractiveShell, project: Project) -> None:
    recorder = recorder_of(shell)
    for number in range(80):
        _pretend(recorder, f"x = {number}\n" + "y" * 60_000)
    found = session(shell, project)
    assert found.is_stopped
    assert MAX_JOURNAL_BYTES / 4 < len(found.encoded) <= MAX_JOURNAL_BYTES


def test_only_the_newest_are_kept(shell: InteractiveShell, project: Project) -> None:
    folder = journals_folder(open_repository(project.root))
    folder.mkdir(parents=True)
    for number in range(100):
        name = f"20250101T000000.{number:06d}Z-{number:032x}.jsonl"
        told = None if 50 <= number < 80 else "train.ipynb"
        content = journal_bytes(Ran("a"), notebook=told)
        file = project.write(f".git/mlops-worktree/journals/{name}", content)
        # The one that began first is that of a kernel that still runs.
        os.utime(file, (10**9 + (number or 1000),) * 2)
    run(shell, "a = 1")
    journals(shell, project)
    names = sorted(file.name for file in folder.iterdir())
    assert len(names) == 64
    assert [name[:22] for name in names[:2]] == [
        "20250101T000000.000000",
        "20250101T000000.000023",
    ]
    # Papermill's many do not push out those of notebooks.
    assert sum("000000.000050" <= name[9:22] < "000000.000080" for name in names) == 15


def _pretend(recorder: Recorder, source: str, cell_id: str = "x") -> None:
    info = ExecutionInfo(source, True, False, True, cell_id)
    recorder.begin_cell(info)
    recorder.end_cell(ExecutionResult(info))


def test_cells_of_other_threads_have_their_own_ends(
    shell: InteractiveShell, project: Project
) -> None:
    """As in subshells, where a cell may begin and end while another one runs."""
    recorder = recorder_of(shell)
    outer = ExecutionInfo("outer", True, False, True, "o")
    recorder.begin_cell(outer)
    thread = threading.Thread(target=_pretend, args=(recorder, "inner", "i"))
    thread.start()
    thread.join()
    failed = ExecutionResult(outer)
    failed.error_in_exec = ValueError()
    recorder.end_cell(failed)
    assert told(session(shell, project)) == [("outer", "o", "failed"), ("inner", "i", "ok")]


def test_it_takes_less_than_a_millisecond(shell: InteractiveShell, project: Project) -> None:
    recorder = recorder_of(shell)
    _pretend(recorder, "a = 1")
    session(shell, project)
    took = []
    for number in range(200):
        began = time.perf_counter()
        _pretend(recorder, f"x = {number}\n" * 40)
        took.append(time.perf_counter() - began)
    assert sorted(took)[100] < 0.001


@pytest.mark.slow
def test_a_kernel_tells_the_ids_that_a_front_end_sends(project: Project, tmp_path: Path) -> None:
    project.write("mlops.toml", "")
    cells = [code("%load_ext jupyter_mlops", id="il"), code("a = 1", id="ia")]
    path = project.write("train.ipynb", notebook_bytes([*cells, code("b = 2", id="ib")]))
    runtime = tmp_path / "runtime"
    with start_kernel(project.root, runtime, JPY_SESSION_NAME=str(path)) as kernel:
        kernel.run("%load_ext jupyter_mlops", cell_id="il")
        kernel.run("a = 1", cell_id="ia")
        kernel.run("b = 3", cell_id="ib")
        shown = kernel.run("%mlops notebook verdict", cell_id="iv").text
    assert "used deleted or edited code" in shown
    assert "Cell 3 (ib) has other code than ran." in shown
    (found,) = read_journals(open_repository(project.root)).sessions
    assert [one.cell_id for one in found.runs] == ["il", "ia", "ib", "iv"]
    assert found.notebooks == ("train.ipynb",)


def test_awaited_cells(shell: InteractiveShell, project: Project) -> None:
    """As a kernel runs them: IPython is asked for the coroutine, and its events are told."""

    async def ask() -> Any:
        done = await shell.run_cell_async(
            "await __import__('asyncio').sleep(0)\nz = 1",
            store_history=True,
            transformed_cell="await __import__('asyncio').sleep(0)\nz = 1",
            cell_id="z",
        )
        shell.events.trigger("post_run_cell", done)
        return done

    assert asyncio.run(ask()).success
    ((_, cell_id, outcome),) = told(session(shell, project))
    assert (cell_id, outcome) == ("z", "ok")
