from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.metrics.bokeh_chart import render_fragment, render_page
from jupyter_mlops.metrics.chart import Chart, plan_chart
from tests.metrics.conftest import Story, snapshot


@pytest.fixture
def chart(branched: Story) -> Chart:
    branched.commit("</script><b>", "m3", acc=float("inf"))
    taken = [snapshot("s", "f1", acc=0.3)]
    return plan_chart(branched.read(taken, main="</script><b>", feat="f2"), {})


def given(html: str) -> Any:
    (encoded,) = re.findall(r"drawMlopsHistory\(document.getElementById\(\S+\), (.*)\);\n", html)
    return json.loads(encoded, parse_constant=pytest.fail)


def test_what_is_drawn_is_what_the_chart_holds(chart: Chart) -> None:
    drawn = given(render_fragment(chart, "text"))["chart"]
    (acc,) = drawn["metrics"]
    assert (acc["label"], acc["way"]) == ("acc", "higher")
    named = dict(
        zip([dot["snapshot"] or dot["commit"] for dot in drawn["dots"]], acc["values"], strict=True)
    )
    assert named["s"] == 0.3
    assert named["m3"] == 0.6
    assert named["</script><b>"] is None
    assert [group["branch"] for group in drawn["groups"]] == ["main", "feat", None]


def test_nothing_in_the_values_ends_the_script(chart: Chart) -> None:
    html = render_fragment(chart, "text <b>&")
    assert html.count("</script>") == 2
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
