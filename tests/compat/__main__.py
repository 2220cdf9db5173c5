"""Tries the wheel with every JupyterLab and Notebook that it promises to work with.

``python -m tests.compat [VERSION...]`` installs each into an environment of its own, which takes
the package index and some minutes, and walks through the panel in a real browser: history, a
cell that logs and snapshots, the notebook saved before that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.bench_panel import hermetic, make_measured
from tests.support.lab import Application, Lab, open_browser, start_lab, write_notebook
from tests.support.panel import Panel
from tests.support.programs import find_chromium
from tests.support.project import Project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
PATIENCE_MILLISECONDS = 15_000
CELLS = (
    "%load_ext jupyter_mlops\nimport jupyter_mlops as mlops",
    "mlops.log(accuracy=0.99)\ns = %snapshot -m 'seen live'\nprint(s.notebook.saved)",
)


@dataclass(frozen=True, slots=True)
class Version:
    """One application in one version, as pip is asked for it."""

    application: Application
    wanted: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.application}=={self.wanted}"


VERSIONS = (
    *(Version("jupyterlab", f"4.{minor}.*") for minor in range(2, 7)),
    Version("notebook", "7.2.*"),
    Version("notebook", "7.*"),
)


def try_version(version: Version, wheel: Path, browser: Browser) -> str:
    """Return what came of the walk in a new environment: ``works``, or why not."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        venv.create(place / "env", with_pip=True)
        binaries = place / "env" / ("Scripts" if os.name == "nt" else "bin")
        python = binaries / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        wanted = [str(wheel), version.requirement, "ipykernel"]
        subprocess.run([*pip, *wanted], check=True, stderr=subprocess.DEVNULL)
        (place / "home").mkdir()
        with hermetic(place / "home"):
            os.environ["PATH"] = os.pathsep.join([str(binaries), os.environ["PATH"]])
            project = make_measured(place / "root" / "project")
            lab = start_lab(
                place / "root",
                place / "settings",
                python=python,
                application=version.application,
            )
            with lab as running:
                return _walk(browser, running, version, project)


def _walk(browser: Browser, lab: Lab, version: Version, project: Project) -> str:
    page = browser.new_page(viewport={"width": 1400, "height": 1100})
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    try:
        notebook = write_notebook(project, "try.ipynb", CELLS)
        panel = _open(page, lab, version, notebook)
        panel.wait_drawn()
        page.locator(".jp-CodeCell .cm-content").first.click()
        for _ in CELLS:
            page.keyboard.press("Shift+Enter")
        panel.root.get_by_text("seen live").first.wait_for()
        page.locator(".jp-OutputArea-output").get_by_text("True").wait_for()
    except Exception as error:  # what is wrong with one version must not hide the others
        return str(error).splitlines()[0]
    finally:
        page.close()
    return "works"


def _open(page: Page, lab: Lab, version: Version, notebook: Path) -> Panel:
    panel = Panel(page)
    if version.application == "jupyterlab":
        page.goto(lab.url(notebook))
        page.locator(".jp-Notebook").wait_for()
        panel.toggle()
        return panel
    inside = notebook.relative_to(lab.root).as_posix()
    page.goto(f"{lab.address}/notebooks/{inside}?token={lab.token}")
    page.locator(".jp-Notebook").wait_for()
    page.get_by_role("menuitem", name="View", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Show MLOps Panel", exact=True).click()
    return panel


def main(chosen: list[str]) -> int:
    """Try the versions whose requirement begins with one of ``chosen``, all when there are none."""
    chromium = find_chromium()
    if chromium is None:
        print("not run: no Chromium can be had here", file=sys.stderr)
        return 1
    failed = False
    with tempfile.TemporaryDirectory() as folder, open_browser(chromium) as browser:
        build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
        subprocess.run([*build, folder, str(ROOT)], check=True, stderr=subprocess.DEVNULL)
        (wheel,) = Path(folder).glob("*.whl")
        for version in VERSIONS:
            if not chosen or any(version.requirement.startswith(one) for one in chosen):
                outcome = try_version(version, wheel, browser)
                print(f"{version.requirement:<20} {outcome}", flush=True)
                failed |= outcome != "works"
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
