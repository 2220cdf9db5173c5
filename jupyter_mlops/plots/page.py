"""Plots as HTML: inline for a notebook, or one page that needs no network.

Bokeh draws lines, clouds and bars; matrices are tables, images are images. Where no script runs,
the plots' text stands there.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from secrets import token_hex

from jupyter_mlops.metrics.page import pack, packed_bokeh, page_script, wrap_page
from jupyter_mlops.plots.drawing import DrawnPlot, Mode, PlotImage, PlotMatrix, PlotSide, Scale
from jupyter_mlops.plots.figure import share_figure
from jupyter_mlops.plots.text import render_drawing
from jupyter_mlops.units import format_bytes

_FEW_CLASSES = 12
"""Up to so many, a cell of a matrix has room for its number."""

_SHORT_NAME = 2
"""Up to so many letters, the name of a class has room above its column."""


def render_fragment(sides: Sequence[PlotSide], drawings: Sequence[DrawnPlot]) -> str:
    """Return HTML to be put into a page."""
    ident = f"mlops-{token_hex(6)}"
    drawn = [one for one in drawings if one.traces]
    shapes = dict.fromkeys(_shape(one) for one in drawn)
    figures = {shape: share_figure(*shape) for shape in shapes}
    given = {
        "version": next((version for version, _ in figures.values()), None),
        "items": [item for _, item in figures.values()],
        "plots": [_encode_drawing(one, list(shapes).index(_shape(one))) for one in drawn],
    }
    encoded = json.dumps(given, allow_nan=False, separators=(",", ":")).encode("ascii")
    body = "\n".join(_render_drawing(sides, one) for one in drawings)
    script = page_script("chart_parts.js") + _asset("plots.js")
    carried = f"{packed_bokeh()}\n" if drawn else ""
    return (
        f'<div class="mlops-plots" id="{ident}">\n<style>{_asset("plots.css")}</style>\n'
        f'<div class="plots">\n{body}\n</div>\n{carried}'
        f'<script type="text/plain" class="drawing">{pack(encoded, 6)}</script>\n'
        f"<script>(() => {{\n{script}"
        f'drawMlopsPlots(document.getElementById("{ident}"));\n'
        "})();</script>\n</div>"
    )


def render_page(title: str, sides: Sequence[PlotSide], drawings: Sequence[DrawnPlot]) -> str:
    """Return a whole page, light or dark as the reader's system is."""
    return wrap_page(title, render_fragment(sides, drawings))


def _shape(drawing: DrawnPlot) -> tuple[Mode, Scale, int]:
    return drawing.mode, drawing.scale, len(drawing.traces)


def _encode_drawing(drawing: DrawnPlot, item: int) -> dict[str, object]:
    return {
        "item": item,
        "title": drawing.title,
        "xLabel": drawing.x_label,
        "yLabel": drawing.y_label,
        "mode": drawing.mode,
        "scale": drawing.scale,
        "categories": drawing.categories,
        "guide": drawing.guide,
        "traces": [
            {"label": one.label, "style": one.style, "x": one.x, "y": one.y}
            for one in drawing.traces
        ],
    }


def _render_drawing(sides: Sequence[PlotSide], drawing: DrawnPlot) -> str:
    wide = " wide" if len(drawing.matrices) + len(drawing.images) > 1 else ""
    notes = "".join(f'<p class="note">{_text(note)}</p>' for note in drawing.notes)
    same = '<p class="note">the same in all</p>' if drawing.same else ""
    return (
        f'<section class="mlops-plot{wide}"><h2>{_text(drawing.title)}</h2>\n'
        + "".join(_render_body(sides, drawing))
        + f"{same}{notes}</section>"
    )


def _render_body(sides: Sequence[PlotSide], drawing: DrawnPlot) -> Iterator[str]:
    if drawing.traces:
        text = _text(render_drawing(sides, drawing))
        yield '<div class="legend"></div>\n'
        yield f'<div class="plot" role="img" tabindex="0"><pre>{text}</pre></div>\n'
        yield '<p class="readout" aria-live="polite"></p>\n'
        yield "<details><summary>Show as table</summary></details>\n"
    if drawing.matrices:
        yield '<div class="beside">'
        for matrix in drawing.matrices:
            yield from _render_matrix(drawing, matrix)
        yield "</div>\n"
    if drawing.images:
        yield '<div class="beside images">'
        for image in drawing.images:
            yield _render_image(sides, drawing, image)
        yield from _render_difference(sides, drawing)
        yield "</div>\n"


def _render_matrix(drawing: DrawnPlot, matrix: PlotMatrix) -> Iterator[str]:
    """Yield a table whose cells are the darker the more they count, of their row.

    In a difference, cells are as dark as the largest change; blue is more, red is less.
    """
    classes = drawing.categories
    room = " few" if len(classes) <= _FEW_CLASSES else ""
    room += " short" if max(map(len, classes), default=0) <= _SHORT_NAME else ""
    yield f'<figure class="matrix{room}"><figcaption>{_text(matrix.label)}</figcaption>'
    yield '<div class="scroll"><table><thead>'
    across = f'<th colspan="{len(classes)}" class="axis">{_text(drawing.x_label)}</th>'
    yield f"<tr><td></td>{across}</tr>"
    heads = "".join(f'<th scope="col"><span>{_text(name)}</span></th>' for name in classes)
    yield f'<tr><th class="axis">{_text(drawing.y_label)}</th>{heads}</tr></thead><tbody>'
    largest = max((abs(count) for row in matrix.counts for count in row), default=0)
    for name, row in zip(classes, matrix.counts, strict=True):
        yield f'<tr><th scope="row"><span>{_text(name)}</span></th>'
        total = largest if matrix.minus is not None else sum(row)
        for at, count in enumerate(row):
            share = round(100 * abs(count) / total) if total else 0
            kind = "less" if count < 0 else "more"
            sign = "+" if matrix.minus is not None and count > 0 else ""
            told = f"{name} taken for {classes[at]}: {sign}{count:,}"
            yield (
                f'<td class="{kind}" style="--share:{share}%" title="{_text(told)}">'
                f"{sign}{count}</td>"
            )
        yield "</tr>"
    yield "</tbody></table></div></figure>"


def _render_image(sides: Sequence[PlotSide], drawing: DrawnPlot, image: PlotImage) -> str:
    label = sides[image.side].label
    size = f"{image.width:,} × {image.height:,}, " if image.width and image.height else ""
    told = f"{label} · {size}{format_bytes(image.size_bytes)}"
    shown = (
        f'<img alt="{_text(drawing.title)} in {_text(label)}" src="{_data_uri(image)}">'
        if image.content is not None
        else ""
    )
    return f'<figure class="image"><figcaption>{_text(told)}</figcaption>{shown}</figure>'


def _render_difference(sides: Sequence[PlotSide], drawing: DrawnPlot) -> Iterator[str]:
    """Yield the first image under each other one of its size, black where they are equal."""
    first = drawing.images[0]
    for image in () if drawing.same else drawing.images[1:]:
        if first.content is None or image.content is None or not first.width:
            continue
        if (image.width, image.height) == (first.width, first.height):
            told = f"{sides[image.side].label} − {sides[first.side].label}: black where equal"
            yield (
                f'<figure class="image difference"><figcaption>{_text(told)}</figcaption>'
                f'<div class="stack"><img alt="" src="{_data_uri(first)}">'
                f'<img alt="Difference" src="{_data_uri(image)}"></div></figure>'
            )


def _data_uri(image: PlotImage) -> str:
    """Return the image as a URI; its type is one of three that its bytes told."""
    assert image.content is not None
    return f"data:{image.media_type};base64,{base64.b64encode(image.content).decode('ascii')}"


def _text(text: str) -> str:
    return html.escape(text, quote=True)


@lru_cache(maxsize=4)
def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
