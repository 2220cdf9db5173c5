from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.lab import Lab, OpenNotebook, Theme, write_notebook
from tests.support.panel import Panel, open_panel
from tests.support.project import Project
from tests.support.readable import LEAST_CONTRAST, MEASURE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Request

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HTML = "<img src=x onerror=alert(1)>"
TRAIN = f"""\
import sys
import jupyter_mlops as mlops

mlops.log_params({{"epochs": 20}})
for line in sys.stdin:
    first, last = map(int, line.split())
    for step in range(first, last):
        mlops.log(
            {{"val_loss": 9 if step == 33 else 2 / (step + 4), "{HTML}": 1, "epoch": step // 10}},
            step=step,
        )
    print("logged", flush=True)
if len(sys.argv) > 1:
    raise ValueError(sys.argv[1])
"""


class Training:
    """``python train.py`` in a terminal of its own, which logs when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def log(self, first: int, last: int) -> None:
        """Log these steps, and wait until that is done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{first} {last}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "logged\n"

    def end(self) -> None:
        """Let the script come to its end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def kill(self) -> None:
        """Kill it, as the kernel does where memory runs out."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def train(project: Project, name: str = "train", *words: str) -> Iterator[Training]:
    """Start a script that logs."""
    project.write(f"{name}.py", TRAIN)
    process = subprocess.Popen(
        [sys.executable, f"{name}.py", *words],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            yield Training(process)
        finally:
            process.kill()


def open_beside(page: Page, lab: Lab, project: Project) -> Panel:
    return open_panel(page, lab, write_notebook(project, "a.ipynb", ("1",)), project.root.name)


def run_of(panel: Panel, name: str, state: str) -> Locator:
    return panel.root.locator(f".jp-Mlops-run[data-run='{name}'][data-state={state}]")


def test_a_script_shows_while_it_runs_and_as_died_when_it_is_killed(
    lab: Lab, project: Project, page: Page
) -> None:
    project.write("metrics/train.json", json.dumps({"val_loss": 0.5}))
    project.commit("Last time")
    panel = open_beside(page, lab, project)
    assert panel.section("running").count() == 0
    with train(project) as training:
        training.log(0, 60)
        run = run_of(panel, "train", "running")
        run.get_by_text("epoch 5/20").wait_for()
        series = run.locator("[data-metric=val_loss]")
        assert series.locator("b").inner_text() == "0.031746"
        assert "▼ −0.46825 better" in series.inner_text()
        label = series.locator("svg").get_attribute("aria-label")
        assert label == "val_loss: 60 values from 0.031746 to 9"
        assert HTML in run.locator(".jp-Mlops-curves").inner_text()
        training.log(60, 61)
        series.locator("b").get_by_text("0.03125").wait_for()
        before = run.locator(".jp-Mlops-elapsed").inner_text()
        page.wait_for_function(
            "(before) => document.querySelector('.jp-Mlops-elapsed').innerText !== before",
            arg=before,
        )
        training.kill()
        died = run_of(panel, "train", "died")
        died.wait_for(timeout=10_000)
        assert died.locator("[data-metric=val_loss] b").inner_text() == "0.03125"
        # Another page knows it as well, and has the whole curve.
        page.reload()
        died.wait_for()
        curve = died.locator("[data-metric=val_loss] svg")
        assert curve.get_attribute("aria-label") == "val_loss: 61 values from 0.03125 to 9"
    with page.expect_request(_saves_that_it_is_dismissed):
        panel.button("Dismiss train").click()
    panel.section("running").wait_for(state="detached")
    with train(project) as training:
        training.log(0, 1)
        run_of(panel, "train", "running").wait_for()
        training.end()
        panel.section("running").wait_for(state="detached")


def test_several_runs_show_at_once_and_one_that_failed_says_why(
    lab: Lab, project: Project, page: Page, screenshots: Path | None
) -> None:
    panel = open_beside(page, lab, project)
    with train(project, "one") as one, train(project, "two", "no <b>data</b>") as two:
        one.log(0, 100)
        two.log(0, 50)
        run_of(panel, "one", "running").wait_for()
        two.end()
        failed = run_of(panel, "two", "failed")
        failed.wait_for()
        assert "ValueError: no <b>data</b>" in failed.inner_text()
        order = panel.root.locator(".jp-Mlops-run").evaluate_all(
            "(runs) => runs.map((run) => run.dataset.run)"
        )
        assert order == ["one", "two"]
        themes: tuple[Theme, ...] = ("Light", "Dark")
        for theme in themes:
            OpenNotebook(page).use_theme(theme)
            for width in (250, 420):
                panel.widen(width)
                section = panel.section("running")
                if screenshots:
                    section.screenshot(path=screenshots / f"running-{width}-{theme.lower()}.png")
                texts = section.evaluate(MEASURE)
                assert [text for text in texts if text["contrast"] < LEAST_CONTRAST] == []
                assert section.evaluate("(root) => root.scrollWidth <= root.clientWidth")


def _saves_that_it_is_dismissed(request: Request) -> bool:
    return '"dismissed":["' in (request.post_data or "")
