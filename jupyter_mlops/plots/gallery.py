"""Plots as images beside one another, for a place that runs no script; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from jupyter_mlops.document import Gallery, Image, make_image
from jupyter_mlops.plots.drawing import DrawnPlot, PlotSide
from jupyter_mlops.plots.svg import draw_svgs

_IN_GALLERY = 4


def make_galleries(sides: Sequence[PlotSide], drawings: Iterable[DrawnPlot]) -> tuple[Gallery, ...]:
    """Return plots as images: a few that are drawn in a gallery, and image files old beside new."""
    galleries: list[Gallery] = []
    waiting: list[Image] = []
    for drawing in drawings:
        if drawing.images:
            galleries += _iter_galleries(waiting)
            waiting = []
            galleries += _place_images(sides, drawing)
        else:
            alt = describe_drawing(sides, drawing)
            waiting += [make_image(alt, "image/svg+xml", svg) for svg in draw_svgs(drawing)]
    return (*galleries, *_iter_galleries(waiting))


def describe_drawing(sides: Sequence[PlotSide], drawing: DrawnPlot) -> str:
    """Return in words what a plot shows, and what was left out of it."""
    labels = " and ".join(side.label for side in sides)
    named = drawing.title.endswith(drawing.y_label)
    told = drawing.title if named else f"{drawing.title}: {drawing.y_label}"
    told += f" over {drawing.x_label}" if drawing.x_label else ""
    told += f", of {labels}" if labels else ""
    return "; ".join([told, *drawing.notes])


def _iter_galleries(images: Sequence[Image]) -> Iterator[Gallery]:
    for begin in range(0, len(images), _IN_GALLERY):
        yield Gallery(tuple(images[begin : begin + _IN_GALLERY]))


def _place_images(sides: Sequence[PlotSide], drawing: DrawnPlot) -> Iterator[Gallery]:
    """Yield the image of each revision that has it, under the revision's name."""
    shown = [
        (image, image.content, sides[image.side].label)
        for image in drawing.images
        if image.content is not None
    ]
    if shown:
        yield Gallery(
            tuple(
                make_image(f"{drawing.title} in {label}", image.media_type, content)
                for image, content, label in shown
            ),
            tuple(f"{drawing.title} · {label}" for *_, label in shown),
        )
