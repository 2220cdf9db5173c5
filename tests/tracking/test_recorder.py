from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from jupyter_mlops.files.owner import parse_owner
from jupyter_mlops.formats.run import Environment, System, parse_line
from tests.support.project import Project
from tests.tracking.scripts import end, first, metrics, run_script, series, values


def test_a_script_that_ends_at_once_loses_nothing(project: Project) -> None:
    printed = run_script(
        project,
        "import jupyter_mlops as mlops\n"
        "for step in range(1000):\n"
        "    mlops.log(loss=1 / (step + 1), step=step)\n"
        "mlops.log_params({'depth': 3})\n",
        "src/train.py",
    )
    assert printed == ""
    assert values(project, "metrics/train.json") == {"loss": 0.001}
    assert values(project, "params/train.json") == {"depth": 3}
    (lines,) = series(project, "train")
    began, ended = first(lines), end(lines)
    assert (began.run, began.commit, began.branch) == ("train", project.head(), "main")
    assert began.source == "src/train.py"
    assert parse_owner(began.owner) is not None
    assert metrics(lines) == [(step, {"loss": 1 / (step + 1)}) for step in range(1000)]
    assert ended is not None
    assert ended.outcome == "done"
    assert not list((project.root / ".git/mlops-worktree/runs/open").iterdir())


def test_a_script_that_fails_is_told_so_and_its_values_are_written(project: Project) -> None:
    code = "import jupyter_mlops as m\nm.log(loss=1)\nraise LookupError('no data')\n"
    run_script(project, code, status=1)
    assert values(project, "metrics/train.json") == {"loss": 1}
    ended = end(series(project, "train")[0])
    assert ended is not None
    assert (ended.outcome, ended.why) == ("failed", "LookupError: no data")


def test_values_are_written_while_it_runs(project: Project) -> None:
    printed = run_script(
        project,
        "import time, pathlib\n"
        "import jupyter_mlops as mlops\n"
        "mlops.log(loss=1)\n"
        "until = time.monotonic() + 30\n"
        "path = pathlib.Path('metrics/train.json')\n"
        "while not path.exists() and time.monotonic() < until:\n"
        "    time.sleep(0.02)\n"
        "print(path.read_text())\n",
    )
    assert json.loads(printed) == {"loss": 1}


_FLUSHED_BESIDE = """\
import threading
from pathlib import Path
import jupyter_mlops as mlops
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.tracking.calls import recorder
from jupyter_mlops.tracking.place import resolve_place
mlops.log(loss=1)
mlops.flush()
flushing = threading.Event()
with hold_lock(resolve_place(Path()).state_dir / "train.lock"):
    mlops.log(loss=2)
    while recorder()._waiting:  # until the thread that writes behind has taken it
        pass
    done = threading.Thread(target=lambda: (flushing.set(), mlops.flush(), print(values())))
    values = lambda: Path("metrics/train.json").read_text()
    done.start()
    flushing.wait()
done.join()
"""


def test_a_flush_waits_for_what_another_thread_is_writing(project: Project) -> None:
    assert json.loads(run_script(project, _FLUSHED_BESIDE)) == {"loss": 2}


def test_runs_have_files_of_their_own(project: Project) -> None:
    run_script(
        project,
        "import jupyter_mlops as mlops\n"
        "mlops.log(loss=1)\n"
        "with mlops.run('gbm/deep') as gbm:\n"
        "    mlops.log(loss=2)\n"
        "    with mlops.run('inner'):\n"
        "        mlops.log(loss=3)\n"
        "    mlops.log(acc=1)\n"
        "mlops.log(acc=3)\n"
        "mlops.run('last')\n"
        "mlops.log(loss=4)\n"
        "gbm.log_metric('late', 5)\n",
    )
    assert values(project, "metrics/train.json") == {"acc": 3, "loss": 1}
    assert values(project, "metrics/gbm-deep.json") == {"acc": 1, "late": 5, "loss": 2}
    assert values(project, "metrics/inner.json") == {"loss": 3}
    assert values(project, "metrics/last.json") == {"loss": 4}
    (gbm,) = series(project, "gbm-deep")
    assert end(gbm) is not None
    assert (
        len(
            {
                first(lines).id
                for name in ("train", "inner", "last")
                for lines in series(project, name)
            }
            | {first(gbm).id}
        )
        == 4
    )


def test_a_run_that_is_begun_again_ends_the_one_before(project: Project) -> None:
    run_script(
        project,
        "import os\n"
        "import jupyter_mlops as mlops\n"
        "mlops.run('a').log(loss=1)\n"
        "mlops.run('a').log(loss=2)\n"
        "mlops.flush()\n"
        "os._exit(0)\n",
    )
    one, two = series(project, "a")
    assert (end(one) is None, end(two) is None) == (False, True)
    assert values(project, "metrics/a.json") == {"loss": 2}


def test_a_run_is_there_when_it_begins(project: Project) -> None:
    printed = run_script(
        project,
        "import pathlib\n"
        "import jupyter_mlops as mlops\n"
        "with mlops.run('long'):\n"
        "    print(len(list(pathlib.Path('.git/mlops/runs/long').iterdir())))\n",
    )
    assert printed == "1\n"
    assert not (project.root / "metrics").exists()


def test_a_metrics_folder_that_refuses_is_told_once_and_the_series_goes_on(
    project: Project,
) -> None:
    project.write("metrics", "a file where the folder should be")
    printed = run_script(
        project,
        "import jupyter_mlops as mlops\n"
        "for step in range(3):\n"
        "    mlops.log(loss=step)\n"
        "    mlops.flush()\n"
        "print('trained')\n",
    )
    assert printed.count("cannot be written") == 1
    assert "trained\n" in printed
    assert len(metrics(series(project, "train")[0])) == 3


def test_a_store_that_refuses_is_told_once_and_the_values_are_written(project: Project) -> None:
    project.write(".git/mlops", "a file where the store should be")
    printed = run_script(
        project,
        "import jupyter_mlops as mlops\n"
        "for step in range(3):\n"
        "    mlops.log(loss=step)\n"
        "    mlops.log_note('x')\n"
        "    mlops.flush()\n"
        "mlops.log_text('a', 'b')\n"
        "print('trained')\n",
    )
    assert printed.count("cannot be written") == 1
    assert printed.count("log_text could not be kept") == 1
    assert "trained\n" in printed
    assert values(project, "metrics/train.json") == {"loss": 2}


def test_the_values_do_not_follow_a_changed_folder(project: Project, tmp_path: Path) -> None:
    run_script(
        project,
        "import os\n"
        "import jupyter_mlops as mlops\n"
        "mlops.log(loss=1)\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "mlops.log(loss=2)\n",
    )
    assert values(project, "metrics/train.json") == {"loss": 2}


def test_a_folder_that_is_gone_harms_no_training(project: Project, tmp_path: Path) -> None:
    printed = run_script(
        project,
        "import os, tempfile\n"
        "import jupyter_mlops as mlops\n"
        "folder = tempfile.mkdtemp()\n"
        "os.chdir(folder)\n"
        "os.rmdir(folder)\n"
        "mlops.log(loss=1)\n"
        "mlops.log_text('a', 'b')\n"
        "with mlops.run('x'):\n"
        "    mlops.log(loss=1)\n"
        "print('trained')\n",
    )
    assert "trained\n" in printed
    assert "Traceback" not in printed


def test_outside_of_a_project_values_stay_in_the_folder(project: Project, tmp_path: Path) -> None:
    printed = run_script(
        project,
        "import os\n"
        "import jupyter_mlops as mlops\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "mlops.log(loss=1)\n"
        "mlops.log_note('x')\n",
    )
    assert printed.count("Metrics are kept in") == 1
    assert json.loads((tmp_path / "metrics/train.json").read_bytes()) == {"loss": 1}
    assert not (project.root / ".git/mlops/runs").exists()


def test_a_new_execution_replaces_and_a_resumed_one_goes_on(project: Project) -> None:
    log = (
        "import jupyter_mlops as mlops\nmlops.run('a'{})\nmlops.log({})\nmlops.log_param('{}', 1)\n"
    )
    run_script(project, log.format("", "loss=1, old=1", "p"))
    run_script(project, log.format(", resume=True", "loss=2", "q"))
    assert values(project, "metrics/a.json") == {"loss": 2, "old": 1}
    assert values(project, "params/a.json") == {"p": 1, "q": 1}
    one, two = series(project, "a")
    assert first(one).id == first(two).id
    assert [step for step, _ in metrics(two)] == [1]
    run_script(project, log.format("", "loss=3", "r"))
    assert values(project, "metrics/a.json") == {"loss": 3}
    assert values(project, "params/a.json") == {"r": 1}
    assert first(series(project, "a")[2]).id != first(one).id


def test_a_run_to_be_resumed_that_never_was_adds_to_its_files(project: Project) -> None:
    project.write("metrics/a.json", '{"mine": 1}')
    code = "import jupyter_mlops as mlops\nmlops.run('a', resume=True)\nmlops.log(loss=2)\n"
    run_script(project, code)
    assert values(project, "metrics/a.json") == {"loss": 2, "mine": 1}


def test_what_it_runs_in_and_what_the_machine_does_is_noted(project: Project) -> None:
    project.write("uv.lock", "version = 1\n")
    project.write("README.md", "before")
    project.commit("README")
    project.write("README.md", "changed")
    run_script(
        project,
        "import threading\n"
        "import jupyter_mlops as mlops\n"
        "mlops.log(loss=1)\n"
        "threading.Event().wait(1.2)\n",
        env={"JUPYTER_MLOPS_SYSTEM_SECONDS": "0.1"},
    )
    (lines,) = series(project, "train")
    (environment,) = [line.values for line in lines if isinstance(line, Environment)]
    assert environment["python"].startswith("3.")
    assert "package:msgspec" in environment
    assert environment["lock:uv.lock"].startswith("blake3:")
    assert (environment["git"], environment["git:changed"]) == ("1 changed", "README.md")
    system = [line.values for line in lines if isinstance(line, System)]
    assert system
    assert system[0]["process_memory_bytes"] > 1_000_000
    assert 0 <= system[0]["cpu_percent"] <= 100


def test_the_machine_is_not_looked_at_where_it_is_not_wanted(project: Project) -> None:
    run_script(
        project,
        "import threading\n"
        "import jupyter_mlops as mlops\n"
        "mlops.run('a', system_seconds=0)\n"
        "mlops.log(loss=1)\n"
        "threading.Event().wait(0.7)\n",
        env={"JUPYTER_MLOPS_SYSTEM_SECONDS": "0.1"},
    )
    (lines,) = series(project, "a")
    assert not [line for line in lines if isinstance(line, System)]


@pytest.mark.skipif(sys.platform == "win32", reason="files have no limits there")
def test_lines_that_a_full_disk_cut_are_written_again_whole(project: Project) -> None:
    printed = run_script(
        project,
        "import resource, signal\n"
        "import jupyter_mlops as mlops\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "run = mlops.run('a', system_seconds=0)\n"
        "mlops.log(loss=0)\n"
        "_, most = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, most))\n"
        "for step in range(1, 50):\n"
        "    mlops.log(loss=step)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))\n"
        "run.end()\n"
        "print('trained')\n",
    )
    assert printed.count("cannot be written") == 1
    (file,) = (project.root / ".git/mlops/runs/a").glob("*.jsonl")
    kept, cut = [], 0
    for line in file.read_bytes().splitlines():
        try:
            kept.append(parse_line(line, origin="a"))
        except ValueError:
            cut += 1
    assert cut == 1
    assert [values["loss"] for _, values in metrics(kept)] == list(range(50))
