"""What the page's script leaves out of a line, tried in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jupyter_mlops.metrics

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Line = list[tuple[int, int | None]]
"""The bucket and the value of each dot, in order; None is a gap."""

_THIN = """(lines) => lines.map((line) => thin(
  line.map((_, at) => at), (at) => line[at][0], (at) => line[at][1]))"""
_POINTS = st.tuples(st.integers(0, 3), st.none() | st.integers(-5, 5))


@pytest.fixture(scope="module")
def script(browser: Browser) -> Page:
    """A page in which the chart's parts can be called."""
    parts = Path(jupyter_mlops.metrics.__file__).with_name("chart_parts.js")
    page = browser.new_page()
    page.add_script_tag(content=parts.read_text("utf-8").replace("\nexport ", "\n"))
    return page


def stretches(line: Line) -> list[list[int]]:
    """Return the dots of each stretch in one bucket without a gap."""
    found: list[list[int]] = []
    for at, (bucket, value) in enumerate(line):
        if value is None:
            continue
        before = line[at - 1] if at else (None, None)
        if before[0] == bucket and before[1] is not None:
            found[-1].append(at)
        else:
            found.append([at])
    return found


@settings(max_examples=30)
@given(
    st.lists(
        st.lists(_POINTS, max_size=40).map(lambda line: sorted(line, key=lambda one: one[0])),
        min_size=1,
        max_size=20,
    )
)
def test_the_highest_and_the_lowest_of_each_pixel_survive(script: Page, lines: list[Line]) -> None:
    for line, kept in zip(lines, script.evaluate(_THIN, lines), strict=True):
        dots = [at for at in kept if at is not None]
        assert dots == sorted(set(dots))
        for stretch in stretches(line):
            left = [at for at in stretch if at in dots]
            assert {stretch[0], stretch[-1]} <= set(left)
            assert len(left) == len(stretch) if len(stretch) <= 2 else len(left) <= 4
            values = [line[at][1] or 0 for at in stretch]
            drawn = [line[at][1] or 0 for at in left]
            assert (min(drawn), max(drawn)) == (min(values), max(values))


def test_a_gap_stays_a_gap(script: Page) -> None:
    line: Any = [(0, None), (0, 1), (0, None), (0, None), (0, 2), (1, 3), (1, None)]
    assert script.evaluate(_THIN, [line]) == [[1, None, 4, 5, None]]
