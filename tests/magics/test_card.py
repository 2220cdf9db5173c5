from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlops.tracking.card import CARDS_LIMIT
from tests.support.kernel import Ran, start_kernel
from tests.support.project import Project

pytestmark = pytest.mark.slow

TRAIN = """\
import time
import jupyter_mlops as mlops
until = time.monotonic() + 1.2
with mlops.run("gbm", system_seconds=0):
    step = 0
    while time.monotonic() < until:
        mlops.log(loss=1 / (step + 1))
        step += 1
        time.sleep(0.01)
print(step)
"""


def cards(ran: Ran) -> list[str]:
    """Return the cards that a cell showed, each with its updates, as text."""
    kinds = ("display_data", "update_display_data")
    contents = [one["content"] for one in ran.messages if one["msg_type"] in kinds]
    return [content["data"]["text/plain"] for content in contents]


def state_of(project: Project, run: str) -> str:
    shown = json.loads(project.mlops("runs", "show", run, "--json").stdout)
    state: str = shown["run"]["state"]
    return state


def test_a_run_shows_below_its_cell_and_what_is_kept_there_is_its_end(
    project: Project, tmp_path: Path
) -> None:
    assert project.mlops("init").returncode == 0
    with start_kernel(project.root, tmp_path / "runtime") as kernel:
        ran = kernel.run(TRAIN)
        steps = int(ran.contents("stream")[-1]["text"])
        told = cards(ran)
        assert told[0].startswith("gbm · running · ")
        assert len([one for one in told if "running" in one]) >= 2
        assert len(told) <= 5
        assert told[-1].startswith("gbm · done · 1.")
        assert f" · step {steps - 1}\nloss " in told[-1]
        identities = {
            content["transient"]["display_id"]
            for kind in ("display_data", "update_display_data")
            for content in ran.contents(kind)
        }
        assert len(ran.contents("display_data")) == len(identities) == 1
        html = ran.contents("update_display_data")[-1]["data"]["text/html"]
        assert "<script" not in html
        assert html.count("<svg") == 1

        search = "for at in range(4):\n    with mlops.run('s'): mlops.log(a=at)"
        searched = kernel.run(search)
        assert len(searched.contents("display_data")) == 1
        assert cards(searched)[-1].endswith("\na 3")
        many = "for at in range(30):\n    with mlops.run(f'm{at}'): mlops.log(a=at)"
        assert len(kernel.run(many).contents("display_data")) == CARDS_LIMIT
        assert cards(kernel.run("with mlops.run('quiet', card=False): mlops.log(a=1)")) == []
        failed = kernel.run("with mlops.run('bad'):\n    mlops.log(a=1)\n    1 / 0")
        assert cards(failed)[-1].startswith("bad · failed · ")
        assert failed.contents("error")[0]["ename"] == "ZeroDivisionError"
        assert cards(kernel.run("open = mlops.run('open'); open.log(a=1)"))[0].startswith("open · ")
        assert state_of(project, "open") == "running"
        assert cards(kernel.run("open.end()"))[-1].startswith("open · done · ")


def test_the_notebooks_own_run_ends_with_each_cell_that_logs(
    project: Project, tmp_path: Path
) -> None:
    assert project.mlops("init").returncode == 0
    with start_kernel(project.root, tmp_path / "runtime", JPY_SESSION_NAME="nb.ipynb") as kernel:
        ran = kernel.run("import jupyter_mlops as mlops\nmlops.log(a=1); print(1)")
        assert cards(ran) == []
        assert state_of(project, "nb") == "done"
        kernel.run("mlops.log(a=2)\n1 / 0")
        assert state_of(project, "nb") == "failed"
        kernel.run("1 / 0")
        kernel.run("mlops.log(a=3)")
        assert state_of(project, "nb") == "done"
    assert json.loads(project.read("metrics/nb.json")) == {"a": 3}


def test_a_script_shows_no_card(project: Project) -> None:
    assert project.mlops("init").returncode == 0
    code = "import jupyter_mlops as mlops\nwith mlops.run('x'): mlops.log(a=1)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
