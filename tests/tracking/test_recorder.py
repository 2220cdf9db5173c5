from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import Project

TIMEOUT_SECONDS = 60


def run_script(project: Project, code: str, name: str = "train.py") -> str:
    """Run ``code`` as a script of the project and return what it printed on both streams."""
    project.write(name, code)
    done = subprocess.run(
        [sys.executable, name],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    return done.stdout


def values(project: Project, path: str) -> object:
    return json.loads(project.read(path))


def series(project: Project, run: str) -> list[dict[str, object]]:
    files = sorted((project.root / ".git/mlops/runs" / run).glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_a_script_that_ends_at_once_loses_nothing(project: Project) -> None:
    printed = run_script(
        project,
        "import jupyter_mlops as mlops\n"
        "for step in range(1000):\n"
        "    mlops.log(loss=1 / (step + 1), step=step)\n"
        "mlops.log_params({'depth': 3})\n",
    )
    assert printed == ""
    assert values(project, "metrics/train.json") == {"loss": 0.001}
    assert values(project, "params/train.json") == {"depth": 3}
    assert len(series(project, "train")) == 1002


def test_values_are_written_when_a_script_fails(project: Project) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run_script(project, "import jupyter_mlops as m\nm.log(loss=1)\nraise SystemExit(3)\n")
    assert values(project, "metrics/train.json") == {"loss": 1}


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


def test_runs_have_files_of_their_own(project: Project) -> None:
    run_script(
        project,
        "import jupyter_mlops as mlops\n"
        "mlops.log(loss=1)\n"
        "with mlops.run('gbm/deep') as gbm:\n"
        "    mlops.log(loss=2)\n"
        "mlops.log(acc=3)\n"
        "mlops.run('last')\n"
        "mlops.log(loss=4)\n"
        "gbm.log_metric('late', 5)\n",
    )
    assert values(project, "metrics/train.json") == {"acc": 3, "loss": 1}
    assert values(project, "metrics/gbm-deep.json") == {"late": 5, "loss": 2}
    assert values(project, "metrics/last.json") == {"loss": 4}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_child_logs_on_its_own(project: Project) -> None:
    run_script(
        project,
        "import os\n"
        "import jupyter_mlops as mlops\n"
        "mlops.log(parent=1)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    mlops.run('child')\n"
        "    mlops.log(child=2)\n"
        "    mlops.tracking.flush()\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n",
    )
    assert values(project, "metrics/train.json") == {"parent": 1}
    assert values(project, "metrics/child.json") == {"child": 2}
    assert [line.get("values") for line in series(project, "train")] == [None, {"parent": 1}]


def test_a_metrics_folder_that_refuses_is_told_once(project: Project) -> None:
    project.write("metrics", "a file where the folder should be")
    printed = run_script(
        project,
        "import jupyter_mlops as mlops\n"
        "for step in range(3):\n"
        "    mlops.log(loss=step)\n"
        "    mlops.tracking.flush()\n"
        "print('trained')\n",
    )
    assert printed.endswith("trained\n")
    assert printed.count("cannot be written") == 1


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
