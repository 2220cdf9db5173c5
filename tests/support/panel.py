"""The side panel in a real JupyterLab, as a person uses it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.support.lab import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SectionName = Literal["running", "history", "snapshots", "data", "notebooks"]

_TAB = '.lm-TabBar-tab[data-id="jupyter-mlops-panel"]'
_DRAWN = ".jp-Mlops-plot[data-drawn]"
_READ = ".jp-Mlops-all[data-reading=false]"


class Panel:
    """The panel in JupyterLab's left area."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".jp-Mlops")

    def toggle(self) -> None:
        """Click the panel's icon, which opens it, or closes it where it is open."""
        self.page.locator(_TAB).click()

    def wait_drawn(self) -> None:
        """Wait until the chart is drawn and nothing is being read."""
        self.root.locator(_DRAWN).wait_for()
        self.root.locator(_READ).wait_for()

    def wait_read(self) -> None:
        """Wait until nothing is being read."""
        self.root.locator(_READ).wait_for()

    def section(self, name: SectionName) -> Locator:
        """Return a section."""
        return self.root.locator(f".jp-Mlops-{name}")

    def button(self, label: str) -> Locator:
        """Return the button that has exactly this label."""
        return self.root.get_by_role("button", name=label, exact=True)

    def metrics(self) -> list[str]:
        """Return the labels of the metrics to choose from."""
        return self.root.get_by_label("Metric", exact=True).locator("option").all_inner_texts()

    def choose_metric(self, label: str) -> None:
        """Choose a metric by its label, and wait until it is drawn."""
        picker = self.root.get_by_label("Metric", exact=True)
        picker.select_option(label=label)
        self.wait_drawn()

    def wait_metric_drawn(self, label: str) -> None:
        """Wait until the chart of this metric stands alone."""
        self.page.wait_for_function(
            """(label) => {
              const plots = [...document.querySelectorAll(".jp-Mlops-plot")];
              return plots.length === 1 && "drawn" in plots[0].dataset
                && plots[0].ariaLabel.startsWith(`${label} over`);
            }""",
            arg=label,
        )

    def branches(self) -> list[str]:
        """Return the branches that have a chip."""
        return self.root.locator(".jp-Mlops-chip .jp-Mlops-name").all_inner_texts()

    def metric(self) -> str:
        """Return the label of the metric that is drawn."""
        picked: str = self.root.get_by_label("Metric", exact=True).evaluate(
            "(picker) => picker.selectedOptions[0].innerText"
        )
        return picked

    def wait_readout(self, start: str) -> None:
        """Wait until the chart's cursor stands on a dot that is told so."""
        self.page.wait_for_function(
            "(start) => document.querySelector('.jp-Mlops-readout').innerText.startsWith(start)",
            arg=start,
        )

    def wait_rows(self, count: int) -> None:
        """Wait until the chart's table has so many rows."""
        self.page.wait_for_function(
            "(count) => document.querySelectorAll('.jp-Mlops-table tbody tr').length === count",
            arg=count,
        )

    def readout(self) -> str:
        """Return what the chart's cursor stands on."""
        return self.root.locator(".jp-Mlops-readout").inner_text()

    def rows(self) -> list[list[str]]:
        """Return the rows of the chart's table, which is opened where it is not."""
        table = self.root.locator(".jp-Mlops-table")
        if table.get_attribute("open") is None:
            table.locator("summary").click()
        table.locator("tbody tr").first.wait_for()
        texts: list[list[str]] = table.locator("tbody").evaluate(_ROWS)
        return texts

    def snapshots(self) -> list[str]:
        """Return what the shown snapshots are called, the newest first."""
        return self.root.locator(
            ".jp-Mlops-snapshot :is(.jp-Mlops-called, .jp-Mlops-id)"
        ).all_inner_texts()

    def open_snapshot(self, called: str) -> Locator:
        """Show a snapshot's details, and return its row."""
        row = self.root.locator(".jp-Mlops-snapshot").filter(has_text=called).first
        row.locator(".jp-Mlops-rowTitle").click()
        row.locator(".jp-Mlops-details").wait_for()
        return row

    def states(self) -> dict[str, str]:
        """Return what is said of each tracked path."""
        told: dict[str, str] = self.section("data").locator(".jp-Mlops-tracked").evaluate(_STATES)
        return told

    def widen(self, pixels: int) -> None:
        """Drag the panel's edge until it is so wide.

        A drag that begins while the page lays itself out misses the edge: it is done again.
        """
        handle = self.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle").first
        for _ in range(10):
            width = self.root.evaluate("(root) => root.offsetWidth")
            if abs(width - pixels) <= 1:
                return
            at = handle.bounding_box()
            assert at is not None
            x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
            self.page.mouse.move(x, y)
            self.page.mouse.down()
            self.page.mouse.move(x + pixels - width, y, steps=8)
            self.page.mouse.up()
            self.page.evaluate("() => new Promise(requestAnimationFrame)")
        raise AssertionError(f"the panel cannot be made {pixels} pixels wide")


_ROWS = "(body) => [...body.rows].map((row) => [...row.cells].map((cell) => cell.innerText))"
_STATES = """(list) => Object.fromEntries([...list.children].map(
  (one) => [".jp-Mlops-path", ".jp-Mlops-state"].map((part) => one.querySelector(part).innerText)
))"""


def open_panel(page: Page, lab: Lab, path: Path, project: str | None) -> Panel:
    """Open the file ``path`` in ``page`` and the panel beside it, and wait until it was read.

    ``project`` is the name that the panel tells, None where there is no repository.
    """
    page.goto(lab.url(path))
    page.locator("#jp-main-statusbar").wait_for()
    panel = Panel(page)
    panel.toggle()
    name = panel.root.locator(".jp-Mlops-project")
    name.get_by_text(project or "MLOps", exact=True).wait_for()
    panel.wait_read()
    return panel


def is_panel_request(url: str) -> bool:
    """Return whether a request goes to the server's side of this package."""
    return re.search(r"/mlops/api/v1/", url) is not None
