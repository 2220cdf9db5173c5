from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jupyter_mlops.commands.verifications import Verification, write_verification
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.notebooks.verdict import VerdictWord
from tests.notebooks.conftest import code, notebook_bytes
from tests.notebooks.journals import Ran, put_journal
from tests.support.lab import Lab, OpenNotebook, Theme, write_notebook
from tests.support.panel import Panel, open_panel
from tests.support.project import Project
from tests.support.readable import LEAST_CONTRAST, MEASURE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCRIPT = "<img src=x onerror=alert(1)>\x1b[2J"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
CELLS = ("rows = load('data/train.csv')", "model = fit(rows)", "mlops.log(acc=score(model))")


def wait_for_verdict(panel: Panel, path: str, verdict: str) -> None:
    """Wait until the section says so of a notebook."""
    row = panel.section("notebooks").locator(f'[data-verdict="{verdict}"]')
    row.get_by_text(path, exact=True).wait_for()


def test_what_is_run_is_judged(lab: Lab, project: Project, page: Page) -> None:
    cells = ("%load_ext jupyter_mlops", "a = 1", "b = a + 1")
    path = write_notebook(project, "train.ipynb", cells)
    panel = open_panel(page, lab, path, project.root.name)
    wait_for_verdict(panel, "train.ipynb", "unknown")
    notebook = OpenNotebook(page)
    notebook.run_all()
    wait_for_verdict(panel, "train.ipynb", "clean")
    notebook.run_cell(1)
    wait_for_verdict(panel, "train.ipynb", "out of order, replayable")
    panel.section("notebooks").get_by_text("train.ipynb", exact=True).click()
    panel.section("notebooks").get_by_text("ran more than once").wait_for()
    head = panel.section("notebooks").locator(".jp-Mlops-counts")
    assert head.inner_text() == "1 ran out of order"
    # Edited and run, but not saved: what the file has is told, and that it is old.
    notebook.cell(2).locator(".cm-content").click()
    page.keyboard.type("  # edited")
    notebook.run_cell(2)
    section = panel.section("notebooks")
    section.get_by_text("not saved since").wait_for()
    notebook.save()
    section.get_by_text("not saved since").wait_for(state="detached")


@pytest.fixture
def judged(project: Project) -> Project:
    """A project with a notebook for each word."""
    ran = [Ran(source, f"cell-{n}") for n, source in enumerate(CELLS)]
    cells = [code(one.source, id=one.id, outputs=[]) for one in ran]
    names = (
        *("deep/features-of-customers.ipynb", "evaluate.ipynb", "old.ipynb", "replayed.ipynb"),
        *("train.ipynb", "tried.ipynb", "weekly.ipynb"),
    )
    for name in names:
        project.write(name, notebook_bytes(cells, kernelspec=KERNEL))
    project.commit("Notebooks")
    gone = Ran(f"rows = rows.dropna()  # {SCRIPT}", SCRIPT)
    edited = Ran("model = fit(rows, depth=9)", "cell-1")
    put_journal(project, *ran, notebook="evaluate.ipynb")
    put_journal(project, gone, ran[0], edited, ran[2], notebook="train.ipynb", later=1)
    put_journal(
        project,
        *(ran[1], ran[0], ran[0]),
        notebook="deep/features-of-customers.ipynb",
        later=2,
    )
    repo = open_repository(project.root)
    head = project.git("rev-parse", "HEAD").strip()
    at = datetime(2026, 5, 1, tzinfo=UTC)
    for name, word, why in (
        ("replayed.ipynb", VerdictWord.VERIFIED, "3 cells ran in 4 s, and 1 metric came out."),
        ("tried.ipynb", VerdictWord.FAILED_REPLAY, "Cell 3 (cell-2) failed: NameError: score."),
    ):
        write_verification(repo, Verification(head, name, word, why, at))
    return project


def test_each_word_is_told_from_the_others(
    lab: Lab, judged: Project, page: Page, screenshots: Path | None
) -> None:
    panel = open_panel(page, lab, judged.root / "evaluate.ipynb", judged.root.name)
    section = panel.section("notebooks")
    for path, verdict in (
        ("evaluate.ipynb", "clean"),
        ("replayed.ipynb", "verified"),
        ("tried.ipynb", "failed replay"),
        ("train.ipynb", "used deleted or edited code"),
        ("deep/features-of-customers.ipynb", "out of order, replayable"),
    ):
        wait_for_verdict(panel, path, verdict)
    section.get_by_text("2 unknown notebooks").click()
    wait_for_verdict(panel, "old.ipynb", "unknown")
    section.get_by_text("2 unknown notebooks").click()
    head = section.locator(".jp-Mlops-counts").inner_text()
    assert head == "3 to look into"
    section.get_by_text("train.ipynb", exact=True).click()
    section.get_by_text("deleted since", exact=True).wait_for()
    # What ran is text, whatever it holds.
    assert section.locator("img").count() == 0
    assert "onerror=alert(1)" in section.inner_text()
    assert "\x1b" not in section.inner_text()
    section.scroll_into_view_if_needed()
    notebook = OpenNotebook(page)
    themes: tuple[Theme, ...] = ("Light", "Dark")
    for theme in themes:
        notebook.use_theme(theme)
        for pixels in (250, 420):
            panel.widen(pixels)
            if screenshots:
                section.screenshot(path=screenshots / f"notebooks-{theme.lower()}-{pixels}.png")
            texts = panel.root.evaluate(MEASURE)
            assert [text for text in texts if text["contrast"] < LEAST_CONTRAST] == []
            assert panel.root.evaluate("(one) => one.scrollWidth <= one.clientWidth")
