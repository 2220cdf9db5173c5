from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.lab import Lab, open_browser, start_lab
from tests.support.programs import find_chromium
from tests.support.project import Project, make_project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Read before the environment of the tests takes the place of the user's.
SCREENSHOTS = os.environ.get("MLOPS_SCREENSHOTS")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one module, since Playwright drives no second one in the same process."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("not run: no Chromium can be had here")
    with open_browser(chromium) as running:
        yield running


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a folder in which each test makes a project of its own."""
    root, settings = (tmp_path_factory.mktemp(name) for name in ("lab", "settings"))
    with start_lab(root, settings) as running:
        yield running


@pytest.fixture
def project(lab: Lab, request: pytest.FixtureRequest) -> Project:
    """A project below JupyterLab's folder, set up and committed."""
    project = make_project(lab.root / request.node.name)
    assert project.mlops("init").returncode == 0
    project.commit("Set up")
    return project


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page so high that every cell of a notebook is on it."""
    page = browser.new_page(viewport={"width": 1200, "height": 2400})
    failures: list[object] = []
    page.on("pageerror", lambda error: failures.append(error))
    yield page
    page.close()
    assert failures == []


@pytest.fixture
def screenshots() -> Path | None:
    """Return the folder named by ``MLOPS_SCREENSHOTS``, None where there is no wish for them."""
    if SCREENSHOTS is None:
        return None
    folder = Path(SCREENSHOTS)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
