from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.lab import Lab, OpenNotebook, Theme, write_notebook
from tests.support.panel import Panel, open_panel
from tests.support.project import Project
from tests.support.readable import LEAST_CONTRAST, MEASURE

if TYPE_CHECKING:
    from playwright.sync_api import Page

_PUSHED = re.compile(r"^Pushed [0-9.]+ [KM]?i?B to store\.$")

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def place(lab: Lab, request: pytest.FixtureRequest) -> Path:
    """Where the remote is, which nobody has used yet."""
    place = lab.root / f"{request.node.name}-remote"
    place.mkdir()
    return place


@pytest.fixture
def kept(project: Project, place: Path) -> Project:
    """A project with a remote that the user named, and data that a commit names."""
    assert project.mlops("remote", "add", "store", str(place)).returncode == 0
    project.write("data/train.csv", "a,b\n1,2\n")
    project.write("model.bin", bytes(3000))
    assert project.mlops("snapshot", "data", "model.bin").returncode == 0
    project.commit("Keep data")
    return project


def open_beside(page: Page, lab: Lab, project: Project) -> Panel:
    """Open a notebook in the project, and the panel beside it."""
    return open_panel(page, lab, write_notebook(project, "x.ipynb", ("1",)), project.root.name)


def count_of(panel: Panel) -> str:
    """Return what the head of the section tells at a glance."""
    told = panel.section("data").locator(".jp-Mlops-counts")
    return told.inner_text() if told.count() else ""


def check(panel: Panel, screenshots: Path | None, name: str) -> None:
    """Let pass if all of the panel can be read in both themes, narrow and wide."""
    notebook = OpenNotebook(panel.page)
    themes: tuple[Theme, ...] = ("Light", "Dark")
    for theme in themes:
        notebook.use_theme(theme)
        for pixels in (250, 420):
            panel.widen(pixels)
            if screenshots:
                file = screenshots / f"{name}-{theme.lower()}-{pixels}.png"
                panel.root.screenshot(path=file)
            texts = panel.root.evaluate(MEASURE)
            assert [text for text in texts if text["contrast"] < LEAST_CONTRAST] == []
            assert panel.root.evaluate("(one) => one.scrollWidth <= one.clientWidth")


def test_what_is_not_pushed_is_counted_and_pushed(lab: Lab, kept: Project, page: Page) -> None:
    panel = open_beside(page, lab, kept)
    assert count_of(panel) == "2 not pushed"
    assert panel.section("data").get_by_label("not pushed").count() == 2
    panel.root.get_by_text("2.9 KiB only here, as of the last push or fetch.").wait_for()
    panel.button("Push").click()
    panel.root.get_by_text(_PUSHED).wait_for()
    panel.root.get_by_text("A remote has all of it, as of the last push or fetch.").wait_for()
    assert count_of(panel) == ""
    assert set(panel.states().values()) == {"kept"}
    assert panel.button("Push").count() == panel.button("Undo").count() == 0
    kept.write("data/train.csv", "a,b\n3,4\n")
    panel.button("Snapshot").click()
    panel.root.get_by_text("1 path waits for a commit").wait_for()
    kept.commit("Newer rows")
    panel.root.get_by_text("1 path waits for a commit").wait_for(state="detached")
    assert kept.mlops("push").returncode == 0
    panel.root.get_by_text("A remote has all of it").wait_for()


def test_a_place_that_the_project_chose_is_shown_and_asked_for(
    lab: Lab,
    kept: Project,
    page: Page,
    place: Path,
    expected_errors: list[str],
    screenshots: Path | None,
) -> None:
    expected_errors.append("/mlops/api/v1/push")
    other = place.with_name(f"{place.name}-of-somebody")
    other.mkdir()
    text = kept.read("mlops.toml").decode()
    kept.write("mlops.toml", text.replace(str(place), str(other)))
    panel = open_beside(page, lab, kept)
    panel.button("Push").click()
    asked = panel.root.get_by_role("alertdialog")
    asked.wait_for()
    assert str(other) in asked.inner_text()
    check(panel, screenshots, "place")
    asked.get_by_role("button", name="Cancel").click()
    assert asked.count() == 0
    assert list(other.iterdir()) == []
    panel.button("Push").click()
    asked.get_by_role("button", name="Use it and push").click()
    panel.root.get_by_text(_PUSHED).wait_for()
    assert (other / "packs").is_dir()
    assert list(place.iterdir()) == []


def test_a_clone_pulls_what_is_lacking(
    lab: Lab, kept: Project, page: Page, screenshots: Path | None
) -> None:
    assert kept.mlops("push").returncode == 0
    clone = kept.clone(lab.root / f"{kept.root.name}-clone")
    panel = open_beside(page, lab, clone)
    assert count_of(panel) == "2 not pulled"
    assert panel.button("Restore…").count() == 0
    check(panel, screenshots, "clone")
    panel.button("Pull").click()
    panel.root.get_by_text("Wrote 2 files.").wait_for()
    assert clone.read("data/train.csv") == b"a,b\n1,2\n"
    panel.root.get_by_text("A remote has all of it").wait_for()
    assert count_of(panel) == ""
    assert set(panel.states().values()) == {"kept"}


def test_a_remote_that_fails_says_why_and_what_mends_it(
    lab: Lab, kept: Project, page: Page, place: Path, expected_errors: list[str]
) -> None:
    expected_errors.append("/mlops/api/v1/push")
    shutil.rmtree(place)
    panel = open_beside(page, lab, kept)
    panel.button("Push").click()
    problem = panel.root.locator(".jp-mod-failed")
    problem.get_by_text(f"There is no folder at {place}").wait_for()
    assert "correct the URL in mlops.toml" in problem.inner_text()
    place.mkdir()
    panel.button("Push").click()
    panel.root.get_by_text(_PUSHED).wait_for()


def test_files_in_conflict_are_shown_with_the_ways_out(
    lab: Lab, kept: Project, page: Page, screenshots: Path | None
) -> None:
    for branch, rows in (("idea", "3,4"), ("main", "5,6")):
        kept.git("switch", "-q", *(("-c", branch) if branch != "main" else (branch,)))
        assert kept.mlops("restore").returncode == 0
        kept.write("data/train.csv", f"a,b\n{rows}\n")
        assert kept.mlops("snapshot", "data").returncode == 0
        kept.commit(f"Rows of {branch}")
    kept.git("merge", "-q", "idea", check=False)
    panel = open_beside(page, lab, kept)
    conflict = panel.root.locator(".jp-Mlops-conflict")
    conflict.wait_for()
    told = conflict.inner_text()
    assert "data/train.csv" in told
    assert "jupyter mlops resolve data --ours" in told
    assert panel.states()["data"].startswith("its pointer file is in a merge conflict")
    check(panel, screenshots, "conflict")
    assert kept.mlops("resolve", "data", "--theirs").returncode == 0
    panel.button("Refresh").click()
    conflict.wait_for(state="detached")


def test_what_can_be_freed_is_told_with_the_command(lab: Lab, kept: Project, page: Page) -> None:
    kept.write("model.bin", bytes(range(256)) * 40)
    taken = json.loads(kept.mlops("snapshot", "--json").stdout)
    kept.write("model.bin", b"smaller")
    for words in (("snapshot",), ("snapshot", "drop", taken["id"]), ("snapshot",), ("gc",)):
        assert kept.mlops(*words).returncode == 0
    panel = open_beside(page, lab, kept)
    panel.root.get_by_text("in the store can be freed:").wait_for()
    panel.section("data").get_by_text("jupyter mlops gc", exact=True).wait_for()
