"""How soon the side panel shows something after it is opened, and how big it is.

``python -m tests.benchmarks.bench_panel`` opens it in a real browser on a project of the demo's
size; each time is a page of its own, with nothing in its caches.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import jupyter_mlops
from tests.support.lab import Lab, open_browser, start_lab, write_notebook
from tests.support.programs import find_chromium
from tests.support.project import Project, hermetic_environment, make_project

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RUNS = 5
FIRST_LIMIT_MILLISECONDS = 500
SIZE_LIMIT_BYTES = 300_000
PARTS = {
    "snapshots": ".jp-Mlops-snapshot",
    "data and branch": ".jp-Mlops-one",
    "chart": ".jp-Mlops-plot[data-drawn]",
}
OPEN = """(parts) => new Promise((done, fail) => {
  const began = performance.now(), seen = {};
  setTimeout(() => fail(new Error(`only ${Object.keys(seen)} came`)), 30_000);
  const look = () => {
    for (const [name, selector] of Object.entries(parts)) {
      if (!(name in seen) && document.querySelector(`.jp-Mlops ${selector}`)) {
        seen[name] = performance.now() - began;
      }
    }
    if (Object.keys(seen).length === Object.keys(parts).length) done(seen);
    else requestAnimationFrame(look);
  };
  const tab = document.querySelector('.lm-TabBar-tab[data-id="jupyter-mlops-panel"]');
  const { x, y } = tab.getBoundingClientRect();
  for (const kind of ["pointerdown", "mousedown", "pointerup", "mouseup", "click"]) {
    tab.dispatchEvent(new PointerEvent(kind, { bubbles: true, clientX: x + 5, clientY: y + 5 }));
  }
  look();
})"""
IS_IDLE = """/\\| Idle/.test(document.querySelector("#jp-main-statusbar")?.textContent)"""


def make_measured(root: Path) -> Project:
    """Return a project with twenty commits on four branches, and a snapshot of each."""
    project = make_project(root)
    assert project.mlops("init").returncode == 0
    project.commit("Begin")
    project.write("data/train.csv", "a,b\n1,2\n" * 1000)
    for at in range(20):
        if at % 5 == 0 and at:
            project.git("switch", "--quiet", "-c", f"idea-{at}")
        project.write("model.bin", f"model {at}\n" * 1000)
        project.write("metrics/train.json", json.dumps({"accuracy": at / 20, "loss": 1 - at / 20}))
        kept = project.mlops("snapshot", "data", "model.bin", "-m", f"Try {at}")
        assert kept.returncode == 0, kept.stderr
        project.commit(f"Try {at}")
    return project


@contextmanager
def hermetic(home: Path) -> Iterator[None]:
    """Leave the user's own settings out of it."""
    before = dict(os.environ)
    after = hermetic_environment(home, before)
    os.environ.clear()
    os.environ.update(after)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def measure(browser: Browser, lab: Lab, notebook: Path) -> dict[str, float]:
    """Return after how many milliseconds each part of the panel is there."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.goto(lab.url(notebook))
    page.wait_for_function(IS_IDLE)
    seen: dict[str, float] = page.evaluate(OPEN, PARTS)
    context.close()
    return seen


def built_bytes() -> int:
    """Return the size of the built extension."""
    built = Path(jupyter_mlops.__file__).parent / "labextension"
    return sum(path.stat().st_size for path in built.rglob("*") if path.is_file())


def main() -> None:
    """Print each figure with its limit."""
    chromium = find_chromium()
    limit = f"(limit {SIZE_LIMIT_BYTES / 1000:.0f} kB)"
    print(f"{'built extension':<34} {built_bytes() / 1000:8.0f} kB  {limit}")
    if chromium is None:
        print("opening the panel: not run, no Chromium can be had here")
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "home").mkdir()
        with hermetic(place / "home"):
            project = make_measured(place / "root" / "project")
            notebook = write_notebook(project, "train.ipynb", ("1 + 1",))
            with (
                start_lab(place / "root", place / "settings") as lab,
                open_browser(chromium) as browser,
            ):
                measure(browser, lab, notebook)
                runs = [measure(browser, lab, notebook) for _ in range(RUNS)]
    for name in PARTS:
        middle = statistics.median(run[name] for run in runs)
        limit = f"  (limit {FIRST_LIMIT_MILLISECONDS} ms)" if name == "snapshots" else ""
        print(f"opened to {name:<24} {middle:8.0f} ms{limit}")


if __name__ == "__main__":
    main()
