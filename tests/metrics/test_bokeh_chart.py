from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_mlops.metrics.bokeh_chart import render_fragment, render_page
from jupyter_mlops.metrics.chart import Chart, Level, plan_chart
from jupyter_mlops.metrics.history import History
from tests.metrics.conftest import Story, grow, snapshot

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def chart(branched: Story) -> Chart:
    branched.commit("</script><b>", "m3", acc=float("inf"))
    taken = [snapshot("s", "f1", acc=0.3)]
    return plan_chart(branched.read(taken, main="</script><b>", feat="f2"), {})


def unpack(html: str) -> Any:
    """Return what the page's script is given to draw."""
    (packed,) = re.findall(r'<script type="text/plain" class="drawing">(.*)</script>', html)
    return json.loads(gzip.decompress(b64decode(packed)), parse_constant=pytest.fail)


def test_what_is_drawn_is_what_the_chart_holds(chart: Chart) -> None:
    drawn = unpack(render_fragment(chart, "text"))["chart"]
    (acc,) = drawn["metrics"]
    assert (acc["label"], acc["way"]) == ("acc", "higher")
    dots = drawn["dots"]
    ids = [
        snapshot or commit
        for snapshot, commit in zip(dots["snapshot"], dots["commit"], strict=True)
    ]
    named = dict(zip(ids, acc["values"], strict=True))
    assert named["s"] == 0.3
    assert named["m3"] == 0.6
    assert named["</script><b>"] is None
    assert drawn["branches"] == ["main", "feat"]


def test_nothing_in_the_values_ends_the_script(chart: Chart) -> None:
    html = render_fragment(chart, "text <b>&")
    assert html.count("</script>") == 3
    assert "<b>" not in html
    assert "text &lt;b&gt;&amp;" in html


def test_a_page_needs_no_network(chart: Chart) -> None:
    page = render_page(chart, "text", "Metrics <of> x")
    assert "<title>Metrics &lt;of&gt; x</title>" in page
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", page)
    assert len(page) < 600_000


def test_two_charts_have_ids_of_their_own(chart: Chart) -> None:
    ids = [
        re.findall(r'class="mlops-history" id="([^"]+)"', render_fragment(chart, ""))
        for _ in range(2)
    ]
    assert ids[0] != ids[1]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [280, 1600])
def test_a_browser_draws_it(
    browser: Any, chart: Chart, tmp_path: Path, scheme: str, width: int
) -> None:
    (tmp_path / "chart.html").write_text(render_page(chart, "text", "History"), "utf-8")
    page = browser.new_page(viewport={"width": width, "height": 600}, color_scheme=scheme)
    failures: list[object] = []
    requests: list[str] = []
    page.on("pageerror", lambda error: failures.append(error))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((tmp_path / "chart.html").as_uri())
    page.wait_for_selector(".mlops-history[data-drawn]")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "0.6" in page.inner_text(".readout")
    assert "m3 · main" in page.inner_text(".readout")
    page.focus(".plot")
    page.keyboard.press("Home")
    assert "a · main +1 · 0.1" in page.inner_text(".readout")
    page.keyboard.press("ArrowRight")
    assert "▲ +0.1 better" in page.inner_text(".readout")
    page.click("summary")
    assert "snapshot s" in page.inner_text("table")
    page.click(".legend button >> nth=1")
    assert "snapshot s" not in page.inner_text("table")
    assert failures == []
    assert [url for url in requests if not url.startswith("file:")] == []
    page.close()


@pytest.mark.browser
@pytest.mark.slow
def test_production_is_a_level_line_that_is_never_out_of_sight(
    show: Callable[..., Page], branched: Story
) -> None:
    history = branched.read(main="m3", feat="f2")
    name = plan_chart(history, {}).metrics[0].name
    page = show(history, Level("v1, 861fe23", {name: 0.8}))
    data = drawn(page, "values-0-production")
    assert data["y"] == [0.8]
    assert data["text"][0].strip() == "production v1, 861fe23"
    [low, high] = page.evaluate(
        "(({ start, end }) => [start, end])("
        "Bokeh.documents.at(-1).get_model_by_name('values-0-range'))"
    )
    assert low < 0.8 < high
    assert "in production 0.8" in str(page.get_attribute(".plot", "aria-label"))


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens the page of a history; no error may come up in it."""
    failures: list[object] = []
    pages: list[Page] = []

    def show_history(history: History, production: Level | None = None) -> Page:
        chart = plan_chart(history, {}, production=production)
        (tmp_path / "chart.html").write_text(render_page(chart, "text", "History"), "utf-8")
        page: Page = browser.new_page(viewport={"width": 900, "height": 700})
        pages.append(page)
        page.on("pageerror", lambda error: failures.append(error))
        page.goto((tmp_path / "chart.html").as_uri())
        page.wait_for_selector(".mlops-history[data-drawn]")
        return page

    yield show_history
    for page in pages:
        page.close()
    assert failures == []


def drawn(page: Page, name: str) -> dict[str, list[Any]]:
    """Return what the source ``name`` of the figure holds."""
    found: dict[str, list[Any]] = page.evaluate(
        "(name) => JSON.parse(JSON.stringify(Bokeh.documents.at(-1).get_model_by_name(name).data))",
        name,
    )
    return found


@pytest.mark.browser
@pytest.mark.slow
def test_ten_thousand_points_are_a_small_page_that_shows_each_spike(
    show: Callable[[History], Page], tmp_path: Path
) -> None:
    rough = Random(1)
    spikes = {3333: 50.0, 7777: -50.0}
    values = [spikes.get(at, rough.random()) for at in range(10_000)]
    page = show(grow(10_000, values.__getitem__, metrics=50))
    assert (tmp_path / "chart.html").stat().st_size < 2_500_000
    lines = drawn(page, "values-0-lines")
    heights = [y for ys in lines["ys"] for y in ys]
    assert {50.0, -50.0} <= set(heights)
    assert len(heights) < 2 * 4 * 900
    assert drawn(page, "values-0-dots")["x"] == []
    page.focus(".plot")
    for _ in range(7):
        page.keyboard.press("+")
    page.get_by_text(re.compile(r"^Commits 99[5-9]\d to 10000 of 10000 ")).wait_for()
    columns = drawn(page, "values-0-dots")["x"]
    assert sorted(columns) == list(range(int(min(columns)), 10_000))
    assert 20 < len(columns) < 200
    assert len(drawn(page, "tags")["text"]) <= 1
    page.get_by_text("Show all", exact=True).click()
    page.wait_for_selector(".zoom", state="hidden")
    assert len(drawn(page, "tags")["text"]) == 10
    page.click("summary")
    page.locator("tr").first.wait_for()
    assert page.locator("tr").count() == 501


_IS_DRAWN = """(count) => document.querySelectorAll(".plot").length === 1
  && document.querySelectorAll(".told").length === count"""


@pytest.mark.browser
@pytest.mark.slow
def test_metrics_stand_above_each_other_with_one_cursor(
    show: Callable[[History], Page], branched: Story
) -> None:
    history = branched.read([snapshot("s", "f1", acc=0.3)], main="m3", feat="f2", tags={"v1": "b"})
    points = [
        replace(p, values={**p.values, "m.json:loss": len(p.subject)}) for p in history.points
    ]
    page = show(replace(history, points=tuple(points)))
    assert page.locator("select").count() == 1
    page.click("text=+ metric")
    page.wait_for_function(_IS_DRAWN, arg=2)
    assert page.get_attribute(".plot", "aria-label") == (
        "acc, loss over 9 commits on 2 branches. Arrow keys move along it, plus and minus zoom."
    )
    page.focus(".plot")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    told = page.inner_text(".readout")
    assert "b · main +1 ⚑ v1" in told
    assert "acc 0.2 ▲ +0.1 better\nloss 7\n" in told
    cursors = [drawn(page, f"values-{at}-cursor") for at in range(2)]
    assert [(one["x"], one["y"]) for one in cursors] == [([1], [0.2]), ([1], [7])]
    page.get_by_label("Remove acc").click()
    page.wait_for_function(_IS_DRAWN, arg=0)
    assert page.locator("select").input_value() == "1"
    page.locator("select").focus()
    page.locator("select").select_option("0")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    page.locator("select").select_option("1")
    assert "loss over" in (page.get_attribute(".plot", "aria-label") or "")


@pytest.mark.browser
@pytest.mark.slow
def test_any_branch_can_be_brought_out(show: Callable[[History], Page], story: Story) -> None:
    story.commit("root", acc=0)
    tips = {f"b{at:02}": story.commit(f"c{at}", "root", acc=at + 1) for at in range(30)}
    page = show(story.read(main="root", branches=tips))
    legend = page.locator(".legend")
    assert "23 more" in legend.inner_text()
    assert "b03" not in legend.locator("button").all_inner_texts()
    page.get_by_label("Bring out a branch").select_option("b03")
    assert "b03" in legend.locator("button").all_inner_texts()
    dots = drawn(page, "values-0-dots")
    assert dots["marker"][dots["y"].index(4)] == "square_pin"
    legend.get_by_label("b03", exact=True).click()
    assert 4 not in drawn(page, "values-0-dots")["y"]
