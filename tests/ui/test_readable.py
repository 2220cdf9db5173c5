from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.lab import Lab, OpenNotebook, Theme, open_notebook, write_notebook
from tests.support.project import Project
from tests.support.readable import LEAST_CONTRAST, MEASURE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MAKE_DATA = """\
%load_ext jupyter_mlops
import jupyter_mlops as mlops
from pathlib import Path
Path("data").mkdir()
Path("data/train.csv").write_text("a,b\\n" * 1000)
Path("model.bin").write_bytes(bytes(300))
mlops.log(accuracy=0.85, loss=0.6)"""
CELLS = {
    "data": MAKE_DATA,
    "snapshot": "%snapshot data model.bin -m 'a first try'",
    "change": "Path('model.bin').unlink()",
    "status": "%mlops status",
    "log": "%mlops log",
    "history": "%metrics history",
    "diff": "%metrics diff",
    "restore": "%restore",
    "help": "%mlops",
    "error": "%snapshot nothing-there",
}


@pytest.fixture
def notebook(lab: Lab, project: Project, page: Page) -> OpenNotebook:
    """A notebook that ran all magics on a project with two branches."""
    for branch, values in (
        ("main", (0.6, 0.65, 0.7)),
        ("idea/other", (0.75, 0.8)),
        ("main", (0.72,)),
    ):
        project.git("switch", "-q", *(() if branch == "main" else ("-c",)), branch)
        for value in values:
            project.write("metrics/train.json", f'{{"accuracy": {value}, "loss": {1 - value}}}')
            project.commit(f"Accuracy {value}")
    path = write_notebook(project, "train.ipynb", tuple(CELLS.values()))
    notebook = open_notebook(page, lab, path)
    notebook.run_all()
    chart = notebook.output(list(CELLS).index("history")).locator(".mlops-history[data-drawn]")
    chart.locator("summary").click()
    notebook.save()
    return notebook


def test_every_output_can_be_read_in_both_themes(
    notebook: OpenNotebook, screenshots: Path | None
) -> None:
    themes: tuple[Theme, ...] = ("Light", "Dark")
    for theme in themes:
        notebook.use_theme(theme)
        for at, name in enumerate(CELLS):
            if screenshots:
                file = screenshots / f"{name}-{theme.lower()}.png"
                notebook.cell(at).screenshot(path=file)
            if name != "error":
                texts = [
                    text
                    for output in notebook.output(at).all()
                    for text in output.evaluate(MEASURE)
                ]
                check(texts)


def check(texts: list[dict[str, Any]]) -> None:
    """Fail where a text is too faint, or where words in a table do not stand to the left."""
    assert [text for text in texts if text["contrast"] < LEAST_CONTRAST] == []
    assert [text for text in texts if text["right"] and not text["amount"]] == []
