from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jupyter_mlops.config import PlotConfig
from jupyter_mlops.plots.drawing import DrawnPlot, PlotImage, PlotSide
from jupyter_mlops.plots.page import render_fragment, render_page
from tests.plots.conftest import draw

EVIL = "</script><img src=x onerror=alert(1)>"
SIDES = (PlotSide("main", "main", "1" * 40), PlotSide(EVIL, EVIL, "2" * 40))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>parent.hacked = 1</script></svg>'


def _image(side: int, colour: str) -> PlotImage:
    written = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(written, "PNG")
    return PlotImage(side, "image/png", 60, 40, len(written.getvalue()), written.getvalue())


@pytest.fixture(scope="module")
def plots() -> tuple[DrawnPlot, ...]:
    """A plot of each kind, over two revisions, with names that are markup."""
    y = PlotConfig(file="a.csv", x="x", y=(EVIL,), title=EVIL)
    (line,) = draw(
        "line", y, main={"x": [1, 2, 3], EVIL: [1, 2, 3]}, evil={"x": [1, 2], EVIL: [5, 6]}
    )
    (bars,) = draw("bar", y, main={"x": ["a", EVIL], EVIL: [1, 2]})
    (roc,) = draw("roc", PlotConfig(), main={"actual": [0, 1, 1], "score": [0.1, 0.2, 0.05]})
    pair = {"actual": ["a", EVIL], "predicted": ["a", EVIL]}
    (matrix,) = draw("confusion", PlotConfig(), main=pair, evil={**pair, "predicted": ["a", "a"]})
    image = DrawnPlot("i", EVIL, "image", "i.png", images=(_image(0, "red"), _image(1, "blue")))
    svg = PlotImage(0, "image/svg+xml", None, None, len(SVG), SVG)
    drawn = DrawnPlot("s", "svg", "image", "s.svg", images=(svg,))
    return line, bars, roc, matrix, image, drawn


def test_nothing_in_names_is_markup(plots: tuple[DrawnPlot, ...]) -> None:
    html = render_fragment(SIDES, plots)
    assert html.count("</script>") == 3
    assert "<img src=x" not in html
    assert "parent.hacked" not in html


def test_a_page_needs_no_network(plots: tuple[DrawnPlot, ...]) -> None:
    page = render_page("Plots <of> x", SIDES, plots)
    assert "<title>Plots &lt;of&gt; x</title>" in page
    carried = set(re.findall(r'(?:src|href)="([^",]*)', page))
    assert carried == {"data:image/png;base64", "data:image/svg+xml;base64"}
    assert not re.search(r"@import|url\(", page)
    assert len(page) < 700_000


def test_without_lines_there_is_no_bokeh(plots: tuple[DrawnPlot, ...]) -> None:
    assert len(render_fragment(SIDES, plots[3:4])) < 60_000


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1200, "dark")])
def test_a_browser_draws_it(
    browser: Any, plots: tuple[DrawnPlot, ...], tmp_path: Path, width: int, scheme: str
) -> None:
    (tmp_path / "plots.html").write_text(render_page("Plots", SIDES, plots), "utf-8")
    page = browser.new_page(viewport={"width": width, "height": 600}, color_scheme=scheme)
    failures: list[object] = []
    requests: list[str] = []
    page.on("pageerror", lambda error: failures.append(error))
    page.on("dialog", lambda dialog: failures.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((tmp_path / "plots.html").as_uri())
    page.wait_for_selector(".mlops-plots[data-drawn]")
    assert page.get_attribute(".mlops-plots", "data-mode") == scheme
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".mlops-plot canvas").count() >= 3
    first = page.locator(".mlops-plot").first
    first.locator(".plot").focus()
    page.keyboard.press("Home")
    assert "main · x 1 · 1" in first.locator(".readout").inner_text()
    page.keyboard.press("ArrowRight")
    assert "main · x 2 · 2" in first.locator(".readout").inner_text()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    assert "evil · x 2 · 6" in first.locator(".readout").inner_text()
    first.locator("summary").click()
    first.locator("td").first.wait_for()
    assert first.locator("td").count() == 5 * 3
    first.locator(".legend button").nth(1).click()
    assert first.locator("td").count() == 3 * 3
    assert page.evaluate("[...document.images].every((one) => one.complete)")
    assert page.evaluate("window.hacked") is None
    assert failures == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    page.close()
