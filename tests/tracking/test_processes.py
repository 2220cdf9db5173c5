"""Several processes that log to one run, and processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlops.tracking.executions import RUN_VARIABLE, find_inherited
from jupyter_mlops.tracking.last_values import settle_values
from jupyter_mlops.tracking.place import resolve_place
from tests.support.project import Project
from tests.tracking.scripts import (
    TIMEOUT_SECONDS,
    end,
    first,
    metrics,
    run_script,
    series,
    start_script,
    values,
)

_WORKER = """\
import sys
import jupyter_mlops as mlops
mlops.log({sys.argv[1]: 1})
mlops.log_param(sys.argv[1], 2)
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")


def test_what_a_process_starts_logs_to_its_run(project: Project) -> None:
    project.write("worker.py", _WORKER)
    run_script(
        project,
        "import subprocess, sys\n"
        "import jupyter_mlops as mlops\n"
        "mlops.log(main=1)\n"
        "start = lambda name: subprocess.Popen([sys.executable, 'worker.py', name])\n"
        "assert [child.wait() for child in [start('a'), start('b')]] == [0, 0]\n"
        "with mlops.run('other'):\n"
        "    start('c').wait()\n"
        "start('d').wait()\n",
    )
    assert values(project, "metrics/train.json") == {"a": 1, "b": 1, "d": 1, "main": 1}
    assert values(project, "params/train.json") == {"a": 2, "b": 2, "d": 2}
    assert values(project, "metrics/other.json") == {"c": 1}
    lines = series(project, "train")
    assert len(lines) == 4
    assert len({first(one).id for one in lines}) == 1
    assert len({first(one).owner for one in lines}) == 4
    assert all(end(one) for one in lines)


def test_a_run_of_another_project_is_not_joined(project: Project, tmp_path: Path) -> None:
    told = '{"run": "x", "id": "k7abc234mnop", "began_at": 1.5, "root": "/elsewhere"}'
    run_script(project, "import jupyter_mlops as m\nm.log(a=1)\n", env={RUN_VARIABLE: told})
    assert values(project, "metrics/train.json") == {"a": 1}


@pytest.mark.parametrize(
    "told",
    [
        "",
        "x",
        "[]",
        "null",
        "[" * 100_000,
        '{"run": "x", "id": "k7abc234mnop", "root": "/r"}',
        '{"run": "../x", "id": "k7abc234mnop", "began_at": 1, "root": "/r"}',
        '{"run": "x", "id": "../../etc", "began_at": 1, "root": "/r"}',
        '{"run": "x", "id": 3, "began_at": 1, "root": "/r"}',
        '{"run": "x", "id": "k7abc234mnop", "began_at": [], "root": "/r"}',
    ],
)
def test_what_is_no_run_is_not_joined(told: str) -> None:
    good = '{"run": "x", "id": "k7abc234mnop", "began_at": 1, "root": "/r"}'
    assert find_inherited(good, Path("/r")) is not None
    assert find_inherited(told, Path("/r")) is None


@needs_fork
def test_a_forked_child_logs_on_its_own(project: Project) -> None:
    run_script(
        project,
        "import os\n"
        "import jupyter_mlops as mlops\n"
        "mlops.log(parent=1)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    mlops.log(child=2)\n"
        "    with mlops.run('child'):\n"
        "        mlops.log(child=2)\n"
        "    mlops.flush()\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n",
    )
    assert values(project, "metrics/train.json") == {"child": 2, "parent": 1}
    assert values(project, "metrics/child.json") == {"child": 2}
    parent, child = series(project, "train")
    assert first(parent).id == first(child).id
    assert metrics(parent) == [(0, {"parent": 1})]
    assert metrics(child) == [(0, {"child": 2})]


@pytest.mark.parametrize("method", [pytest.param("fork", marks=needs_fork), "spawn"])
def test_workers_of_multiprocessing_end_their_part(project: Project, method: str) -> None:
    run_script(
        project,
        "import multiprocessing\n"
        "import jupyter_mlops as mlops\n"
        "def work(number, run):\n"
        "    mlops.log({f'w{number}': number})\n"
        "    run.log({f'r{number}': number})\n"
        "if __name__ == '__main__':\n"
        "    mlops.log(main=1)\n"
        "    with mlops.run('deep') as run:\n"
        f"        context = multiprocessing.get_context({method!r})\n"
        "        workers = [context.Process(target=work, args=(n, run)) for n in range(2)]\n"
        "        for worker in workers: worker.start()\n"
        "        for worker in workers: worker.join()\n"
        "        assert [worker.exitcode for worker in workers] == [0, 0]\n",
    )
    assert values(project, "metrics/deep.json") == {"r0": 0, "r1": 1, "w0": 0, "w1": 1}
    lines = series(project, "deep")
    assert len({first(one).id for one in lines}) == 1
    assert all(end(one) for one in lines)
    assert not list((project.root / ".git/mlops-worktree/runs/open").iterdir())


def test_workers_of_a_launcher_share_an_execution(project: Project) -> None:
    again = "with mlops.run('again'):\n    mlops.log({os.environ['RANK']: 1})\n"
    worker = _WORKER.replace("sys.argv[1]", "os.environ['RANK']")
    project.write("train.py", f"import os\n{worker}{again}{again}")
    workers = [
        subprocess.Popen(
            [sys.executable, "train.py"],
            cwd=project.root,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "RANK": str(rank),
                "WORLD_SIZE": "2",
                "LOCAL_WORLD_SIZE": "2",
            },
        )
        for rank in (1, 0)
    ]
    assert [worker.wait(TIMEOUT_SECONDS) for worker in workers] == [0, 0]
    assert values(project, "metrics/train.json") == {"0": 1, "1": 1}
    assert len({first(lines).id for lines in series(project, "train")}) == 1
    assert len({first(lines).id for lines in series(project, "again")}) == 2
    assert values(project, "metrics/again.json") == {"0": 1, "1": 1}


def test_a_killed_process_loses_nothing_and_its_values_are_brought_up(project: Project) -> None:
    process = start_script(
        project,
        "import jupyter_mlops as mlops\n"
        "mlops.log_param('depth', 6)\n"
        "mlops.flush()\n"
        "for step in range(2000):\n"
        "    mlops.log(loss=step, step=step)\n"
        "mlops.log(last=1)\n"
        "print('logged', flush=True)\n"
        "input()\n",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "logged\n"
    place = resolve_place(project.root)
    settle_values(place)
    assert list((project.root / ".git/mlops-worktree/runs/open").iterdir())
    process.send_signal(signal.SIGKILL)
    process.wait(TIMEOUT_SECONDS)
    process.communicate()
    (lines,) = series(project, "train")
    assert metrics(lines)[-2:] == [(1999, {"loss": 1999}), (0, {"last": 1})]
    assert end(lines) is None
    project.write("metrics/train.json", '{"loss": 3}')
    settle_values(place)
    assert values(project, "metrics/train.json") == {"last": 1, "loss": 1999}
    assert values(project, "params/train.json") == {"depth": 6}
    project.write("metrics/train.json", '{"mine": 3}')
    settle_values(place)
    assert values(project, "metrics/train.json") == {"mine": 3}


_DIES = "import jupyter_mlops as mlops\nmlops.log(loss=9)\nprint('logged', flush=True)\ninput()\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="not run: no pipes in folders here")
def test_what_is_no_file_in_the_place_of_values_is_left_and_told(project: Project) -> None:
    process = start_script(project, _DIES)
    assert process.stdout is not None
    assert process.stdout.readline() == "logged\n"
    process.kill()
    process.communicate(timeout=TIMEOUT_SECONDS)
    path = project.root / "metrics/train.json"
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    (left,) = settle_values(resolve_place(project.root))
    assert left.path == "metrics/train.json"
    assert "is not a file" in left.why
    path.unlink()
    assert settle_values(resolve_place(project.root)) == ()
    assert values(project, "metrics/train.json") == {"loss": 9}


def test_what_died_after_a_later_run_had_begun_is_not_brought_up(project: Project) -> None:
    process = start_script(project, _DIES)
    assert process.stdout is not None
    assert process.stdout.readline() == "logged\n"
    run_script(project, "import jupyter_mlops as mlops\nmlops.log(loss=1)\n")
    process.kill()
    process.communicate(timeout=TIMEOUT_SECONDS)
    settle_values(resolve_place(project.root))
    assert values(project, "metrics/train.json") == {"loss": 1}


def test_a_mark_that_is_not_ours_is_removed(project: Project) -> None:
    run_script(project, "import jupyter_mlops as mlops\nmlops.log(loss=1)\n")
    folder = project.root / ".git/mlops-worktree/runs/open"
    for name in ("x", "20260131T120000.000000Z-1.jsonl"):
        (folder / name).write_text('{"at":1,"note":"x"}\n')
    settle_values(resolve_place(project.root))
    assert not list(folder.iterdir())
    assert values(project, "metrics/train.json") == {"loss": 1}
