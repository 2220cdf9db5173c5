"""Plots as images that stand alone."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jupyter_mlops.metrics
from jupyter_mlops.plots.drawing import STYLES, DrawnPlot, Mode, PlotImage, PlotMatrix, PlotSide
from jupyter_mlops.plots.drawing import PlotTrace as Trace
from jupyter_mlops.plots.gallery import make_galleries
from jupyter_mlops.plots.pictures import parse_picture
from jupyter_mlops.plots.svg import DARK, DASHES, LIGHT, draw_svgs

_FEW = (0.0, 1.0, 2.0)
_PLOT = DrawnPlot(
    name="loss",
    title="Loss & <accuracy>",
    template="line",
    source="plots/loss.csv",
    x_label="step",
    y_label="loss",
    traces=(Trace("main", 0, 0, _FEW, (3.0, 2.0, 1.0), 3), Trace("here", 1, 1, _FEW, _FEW, 3)),
)
_SIDES = (PlotSide("main", "main", "1" * 40), PlotSide("working tree", None, None))
_VALUES = st.none() | st.floats(allow_nan=False, allow_infinity=False)


def _parse(svg: bytes) -> ElementTree.Element:
    assert parse_picture(svg).media_type == "image/svg+xml"
    return ElementTree.fromstring(svg)


def _texts(svg: bytes) -> list[str]:
    return ["".join(one.itertext()) for one in _parse(svg).iter() if one.tag.endswith("text")]


def test_lines_with_a_name_each_and_round_numbers() -> None:
    [svg] = draw_svgs(_PLOT)
    texts = _texts(svg)
    assert {"Loss & <accuracy>", "main", "here", "step"} <= set(texts)
    assert {"0", "1", "2", "3"} <= set(texts)
    lines = re.findall(r'class="line c(\d)"[^>]* d="(M[^"]+L[^"]+)"', svg.decode())
    assert [style for style, _ in lines] == ["0", "1"]
    heights = [[float(y) for y in re.findall(r" (-?[\d.]+)", path)] for _, path in lines]
    assert heights[0] == sorted(heights[0])  # downwards: y grows
    assert heights[1] == sorted(heights[1], reverse=True)
    assert svg == draw_svgs(replace(_PLOT))[0]


def test_a_gap_stays_a_gap() -> None:
    x = (0.0, 1.0, 2.0, 3.0, 4.0)
    plot = replace(_PLOT, traces=(Trace("a", 0, 0, x, (1.0, 2.0, None, 3.0, 4.0), 4),))
    [svg] = draw_svgs(plot)
    assert svg.decode().count('class="line c0"') - svg.decode().count("h28") == 2


@pytest.mark.parametrize("mode", ["line", "outline", "dots"])
@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(_VALUES, _VALUES), max_size=5))
def test_any_numbers_lie_within_the_image(mode: Mode, points: list[Any]) -> None:
    trace = Trace("a", 0, 0, tuple(x for x, _ in points), tuple(y for _, y in points), 5)
    _check_within(replace(_PLOT, mode=mode, traces=(trace,)))


@settings(max_examples=30, deadline=None)
@given(st.lists(_VALUES, min_size=1, max_size=5))
def test_any_bars_lie_within_the_image(heights: list[float | None]) -> None:
    places = tuple(map(float, range(len(heights))))
    trace = Trace("a", 0, 0, places, tuple(heights), len(heights))
    names = tuple(f"word {at}" for at in range(len(heights)))
    bars = replace(_PLOT, mode="bars", scale="category", categories=names)
    _check_within(replace(bars, traces=(trace, replace(trace, style=1))))


def _check_within(drawing: DrawnPlot) -> None:
    [svg] = draw_svgs(drawing)
    root = _parse(svg)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for found in re.findall(r'(?:x|y)="(-?[\w.]+)"', svg.decode()):
        assert math.isfinite(float(found))
        assert -1 <= float(found) <= max(width, height)


def test_matrices_one_image_each() -> None:
    matrices = (
        PlotMatrix("main", 0, None, ((5, 1), (0, 4))),
        PlotMatrix("here − main", 1, 0, ((1, -1), (0, 0))),
    )
    plot = replace(_PLOT, traces=(), matrices=matrices, categories=("cat", "dog"))
    old, change = draw_svgs(plot)
    assert {"5", "1", "0", "4", "cat", "dog", "main"} <= set(_texts(old))
    assert {"+1", "-1", "here − main"} <= set(_texts(change))
    assert b'class="c1"' in change and b'class="c1"' not in old


def test_image_files_stand_old_beside_new() -> None:
    images = tuple(PlotImage(side, "image/png", 1, 1, 3, bytes([side])) for side in (0, 1))
    shown = replace(_PLOT, traces=(), images=images)
    drawn, files = make_galleries(_SIDES, [_PLOT, shown])
    assert [one.media_type for one in drawn.images] == ["image/svg+xml"]
    assert [one.content for one in files.images] == [b"\0", b"\1"]
    assert [name.rpartition(" · ")[2] for name in files.columns] == ["main", "working tree"]


def test_notes_are_in_the_words_of_the_image() -> None:
    [gallery] = make_galleries(_SIDES, [replace(_PLOT, notes=("30 of 90 drawn",))])
    assert gallery.images[0].alt == (
        "Loss & <accuracy>: loss over step, of main and working tree; 30 of 90 drawn"
    )


def test_looks_are_those_of_the_page() -> None:
    parts = Path(jupyter_mlops.metrics.__file__).with_name("chart_parts.js").read_text("utf-8")
    for mode, colours in (("light", LIGHT), ("dark", DARK)):
        palette = re.search(rf"{mode}: \[([^\]]*)\]", parts)
        grey = re.search(rf'grey = .*{mode}: "([^"]*)"', parts)
        assert palette is not None and grey is not None
        assert tuple(re.findall(r'"(#\w+)"', palette[1])) == colours[:STYLES]
        assert grey[1] == colours[STYLES]
    assert re.findall(r'dash: "([^"]*)"', parts) == [*DASHES]
