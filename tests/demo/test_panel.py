"""The side panel on the demo's project, as whoever runs `make demo` sees it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.lab import Lab, OpenNotebook, Theme, start_lab, write_notebook
from tests.support.panel import Panel, open_panel
from tests.support.project import Project
from tests.support.readable import LEAST_CONTRAST, MEASURE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.demo,
    pytest.mark.browser,
    pytest.mark.slow,
]

METRIC = "metrics/cancer.json:accuracy"
LABEL = "accuracy · cancer"
WIDTHS_PIXELS = (280, 380)
THEMES: tuple[Theme, ...] = ("Light", "Dark")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """JupyterLab on a folder of its own."""
    root = tmp_path / "root"
    root.mkdir()
    with start_lab(root, tmp_path / "settings") as running:
        yield running


@pytest.fixture
def copied(demo: Project, lab: Lab) -> Project:
    """A copy of the demo's project that may be changed."""
    target = lab.root / "cancer and digits"
    shutil.copytree(demo.root, target, symlinks=True)
    copied = Project(target)
    assert copied.mlops("init").returncode == 0
    return copied


def last_values(project: Project) -> dict[str, float]:
    """Return the metric's last value on each branch, from Git alone."""
    branches = project.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    values = {}
    for branch in branches:
        shown = project.git("show", f"{branch}:metrics/cancer.json", check=False)
        if shown:
            values[branch] = json.loads(shown)["accuracy"]
    return values


def test_history_a_new_dot_a_restore_and_both_themes(
    lab: Lab, copied: Project, page: Page, screenshots: Path | None
) -> None:
    cells = (
        "%load_ext jupyter_mlops\nimport jupyter_mlops as mlops",
        "with mlops.run('cancer'):\n    mlops.log(accuracy=0.99)\n"
        "%snapshot -m 'Too good to be true' --name best",
    )
    notebook = write_notebook(copied, "try.ipynb", cells)
    page.set_viewport_size({"width": 1400, "height": 1500})
    panel = open_panel(page, lab, notebook, "cancer and digits")
    panel.wait_drawn()

    panel.choose_metric(LABEL)
    expected = last_values(copied)
    assert set(panel.branches()) == set(expected)
    assert {branch: read_last(panel, branch) for branch in expected} == {
        branch: f"{value:.5g}" for branch, value in expected.items()
    }

    before = len(panel.rows())
    OpenNotebook(page).run_all()
    panel.root.get_by_text("Too good to be true").first.wait_for()
    panel.wait_rows(before + 1)
    assert panel.snapshots()[0] == "best"

    model = copied.root / "models/cancer.json"
    kept = hashlib.sha256(model.read_bytes()).hexdigest()
    model.write_text("spoilt")
    panel.open_snapshot("best").get_by_role("button", name="Restore…").click()
    panel.button("Restore").click()
    panel.root.get_by_text("What was overwritten is kept").wait_for()
    assert hashlib.sha256(model.read_bytes()).hexdigest() == kept

    panel.button("Close").click()
    look_at_it(panel, page, screenshots)


def read_last(panel: Panel, branch: str) -> str:
    """Return the metric's value at the tip of ``branch``, as the chart's table has it."""
    commits = [row for row in panel.rows() if len(row[0].split(" ")[0]) == 7]
    return [row for row in commits if row[3].split(" +")[0] == branch][-1][1]


def look_at_it(panel: Panel, page: Page, screenshots: Path | None) -> None:
    """Try both themes and widths: all can be read, nothing sticks out; write pictures if wished."""
    notebook = OpenNotebook(page)
    for theme in THEMES:
        notebook.use_theme(theme)
        for pixels in WIDTHS_PIXELS:
            panel.widen(pixels)
            panel.wait_drawn()
            assert panel.root.evaluate("(root) => root.scrollWidth <= root.clientWidth")
            faint = [
                one for one in panel.root.evaluate(MEASURE) if one["contrast"] < LEAST_CONTRAST
            ]
            assert faint == []
            if screenshots:
                panel.root.screenshot(path=screenshots / f"panel-{theme.lower()}-{pixels}.png")
