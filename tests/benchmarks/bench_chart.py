"""The chart of a long history: planned, as a page, in a browser, and as the panel asks for it.

``python -m tests.benchmarks.bench_chart`` makes 10,000 commits on 200 branches with 50 metrics and
2,000 snapshots; what reading them takes is told by other benchmarks.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jupyter_mlops.commands.metrics_chart import metrics_chart
from jupyter_mlops.commands.metrics_history import metrics_history
from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.commands.workspace import open_workspace
from jupyter_mlops.metrics.chart import plan_chart
from jupyter_mlops.metrics.drawing import plan_drawing
from jupyter_mlops.metrics.history import History
from jupyter_mlops.metrics.page import packed_bokeh
from tests.benchmarks.history_project import HistorySize, make_history
from tests.support.lab import open_browser
from tests.support.programs import find_chromium
from tests.support.project import hermetic_environment

RUNS = 5
PANEL_POINTS = 500
PANEL_LIMIT_MILLISECONDS = 100
PAGE_LIMIT_BYTES = 2_000_000
DRAW_LIMIT_MILLISECONDS = 1_000
WIDTHS = (280, 1600)
_DRAW = """async () => {
  const root = document.querySelector(".mlops-history");
  const script = [...root.querySelectorAll("script")].at(-1).textContent;
  delete root.dataset.drawn;
  const began = performance.now();
  (0, eval)(script);
  while (!root.dataset.drawn) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""


def main() -> int:
    """Print each figure with its limit; return 1 where one is passed."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        os.environ.update(hermetic_environment(home, os.environ))
        project = make_history(Path(folder) / "project", HistorySize())
        ws = open_workspace(project.root)
        history = metrics_history(ws)
        points = History(history.branches, history.points)
        chart = plan_chart(points, {}, "main")
        _tell("plan the chart of all points", _measure(lambda: plan_chart(points, {}, "main")))
        _tell("plan its drawing", _measure(lambda: plan_drawing(chart)))

        def answer() -> bytes:
            return encode_result(metrics_chart(ws, limit=PANEL_POINTS))

        answer()
        panel = _measure(answer)
        _tell("the panel's answer, history read", panel, PANEL_LIMIT_MILLISECONDS)
        page = history.render_page()
        kept = len(page) - len(packed_bokeh())
        allowed = f"(at most {PAGE_LIMIT_BYTES / 1000:.0f})"
        print(f"{'the page beside BokehJS':<42}{kept / 1000:9.0f} kB {allowed}")
        file = Path(folder) / "page.html"
        file.write_text(page, "utf-8")
        drawn = _draw(file)
    return int(
        panel > PANEL_LIMIT_MILLISECONDS
        or kept > PAGE_LIMIT_BYTES
        or drawn > DRAW_LIMIT_MILLISECONDS
    )


def _draw(file: Path) -> float:
    """Return the longest time that drawing takes in a browser that has BokehJS, 0 without one."""
    chromium = find_chromium()
    if chromium is None:
        print("drawing: not run, no Chromium can be had here")
        return 0
    longest = 0.0
    with open_browser(chromium) as browser:
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.goto(file.as_uri())
            page.wait_for_selector(".mlops-history[data-drawn]")
            took = statistics.median(page.evaluate(_DRAW) for _ in range(RUNS))
            page.close()
            _tell(f"draw it, {width} pixels wide", took, DRAW_LIMIT_MILLISECONDS)
            longest = max(longest, took)
    return longest


def _measure(call: Callable[[], object]) -> float:
    """Return the milliseconds of CPU that a call takes in the middle."""
    took = []
    for _ in range(RUNS):
        began = time.process_time()
        call()
        took.append((time.process_time() - began) * 1000)
    return statistics.median(took)


def _tell(what: str, milliseconds: float, limit: float | None = None) -> None:
    allowed = "" if limit is None else f" (at most {limit:.0f})"
    print(f"{what:<42}{milliseconds:9.1f} ms{allowed}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
