"""What people hand over to be kept, as files: images, figures, tables, texts, files."""

from __future__ import annotations

import csv
import io
import mimetypes
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_mlops.files.copy import copy_into, write_new
from jupyter_mlops.formats.run import KeptKind, Number
from jupyter_mlops.tracking.names import clean_run_name

FOLDER_TYPE = "inode/directory"
_UNKNOWN_TYPE = "application/octet-stream"
_CHANNELS = (1, 3, 4)
_DOTS_PER_INCH = 150


class NotKeptError(Exception):
    """What was handed over cannot be kept; the message says why, and what can be done."""


@dataclass(frozen=True, slots=True)
class Content:
    """Something to keep.

    Attributes:
        kind: what it is.
        media_type: of the file.
        suffix: of the file's name, with its full stop.
        write: makes the file, or a folder, at a path.
        name: what it is called where nobody says.
    """

    kind: KeptKind
    media_type: str
    suffix: str
    write: Callable[[Path], None]
    name: str = "file"


def file_name(name: str, step: Number | None, suffix: str) -> str:
    """Return what the file of ``name`` is called: one part of a path, with step and suffix."""
    stem = name[: -len(suffix)] if suffix and name.lower().endswith(suffix.lower()) else name
    return clean_run_name(stem) + ("" if step is None else f"-{step}") + suffix


def of_bytes(kind: KeptKind, media_type: str, suffix: str, content: bytes) -> Content:
    """Return ``content`` as something to keep."""
    return Content(kind, media_type, suffix, lambda path: write_new(path, content))


def image_content(image: object) -> Content:
    """Return an image: the path of a file, one of Pillow's, or an array."""
    if isinstance(image, str | os.PathLike):
        found = file_content(image)
        if not found.media_type.startswith("image/"):
            raise NotKeptError(f"{os.fspath(image)} is not the path of an image")
        return Content("image", found.media_type, found.suffix, found.write)
    from PIL import Image

    picture = image if isinstance(image, Image.Image) else Image.fromarray(_pixels(image))
    if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        picture = picture.convert("RGB")
    return Content("image", "image/png", ".png", lambda path: picture.save(path, "PNG"))


def figure_content(figure: Any) -> Content:
    """Return a figure of matplotlib, Bokeh or plotly, found out by what it can do."""
    library = _library(figure)
    if library == "bokeh":
        from bokeh.embed import file_html
        from bokeh.resources import INLINE

        page = file_html(figure, INLINE, "")
        return of_bytes("figure", "text/html", ".html", page.encode())
    if library == "plotly":
        page = figure.to_html(include_plotlyjs=True, full_html=True)
        return of_bytes("figure", "text/html", ".html", page.encode())
    # axes, and what seaborn returns, know the figure they are in
    whole: Any = figure if hasattr(figure, "savefig") else getattr(figure, "figure", None)
    if not hasattr(whole, "savefig"):
        raise NotKeptError(f"{type(figure).__name__} is no figure of matplotlib, Bokeh or plotly")

    def save(path: Path) -> None:
        whole.savefig(path, format="png", dpi=_DOTS_PER_INCH, bbox_inches="tight")

    return Content("figure", "image/png", ".png", save)


def table_content(table: Any) -> Content:
    """Return a table: Parquet where its library writes it, else CSV."""
    library = _library(table)
    if library == "polars" and hasattr(table, "collect"):
        table = table.collect()
    if library == "polars" and hasattr(table, "write_parquet"):
        return _parquet(table.write_parquet)
    if library == "pyarrow":
        from pyarrow import parquet

        return _parquet(lambda path: parquet.write_table(table, path))
    if hasattr(table, "to_parquet"):
        return _parquet_of_pandas(table)
    if isinstance(table, Mapping):
        rows = [
            dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)
        ]
    elif isinstance(table, Sequence) and all(isinstance(row, Mapping) for row in table):
        rows = list(table)
    else:
        raise NotKeptError(
            f"{type(table).__name__} is no table of pandas, polars or pyarrow, and no list of"
            " mappings"
        )
    return of_bytes("table", "text/csv", ".csv", _csv(rows))


def text_content(name: str, text: object) -> Content:
    """Return a text; the suffix of ``name``, where it has one, tells what sort of text it is."""
    suffix = os.path.splitext(str(name))[1]
    media_type = mimetypes.guess_type(str(name))[0] or "text/plain"
    encoded = str(text).encode("utf-8", "replace")
    return of_bytes("text", media_type, suffix or ".txt", encoded)


def file_content(path: object) -> Content:
    """Return a file or folder that is to be copied.

    Raises:
        NotKeptError: there is none.
    """
    if not isinstance(path, str | os.PathLike):
        raise NotKeptError(f"{type(path).__name__} is no path")
    source = Path(path)
    if not source.exists():
        raise NotKeptError(f"there is no file or folder {source}")
    is_folder = source.is_dir()
    if not is_folder and not source.is_file():
        raise NotKeptError(f"{source} is no file and no folder")
    media_type = mimetypes.guess_type(source.name)[0] or _UNKNOWN_TYPE
    return Content(
        "file",
        FOLDER_TYPE if is_folder else media_type,
        "" if is_folder else source.suffix,
        lambda target: copy_into(source, target),
        source.resolve().name,
    )


def _library(value: object) -> str:
    """Return the library that the type of ``value``, or one that it is made from, is of."""
    roots = [kind.__module__.partition(".")[0] for kind in type(value).__mro__]
    known = ("bokeh", "plotly", "polars", "pyarrow")
    return next((root for root in roots if root in known), "")


def _parquet(write: Callable[[Path], object]) -> Content:
    def save(path: Path) -> None:
        write(path)

    return Content("table", "application/vnd.apache.parquet", ".parquet", save)


def _parquet_of_pandas(frame: Any) -> Content:
    """Return a table of pandas, whose Parquet needs another library, or columns that it can say."""
    buffer = io.BytesIO()
    try:
        frame.to_parquet(buffer)
    except Exception:
        # Whatever the other library did not like: every table can be said as text.
        encoded = frame.to_csv().encode("utf-8", "replace")
        return of_bytes("table", "text/csv", ".csv", encoded)
    return of_bytes("table", "application/vnd.apache.parquet", ".parquet", buffer.getvalue())


def _csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _pixels(image: Any) -> Any:
    """Return an array as Pillow takes it: height × width, or these × channels, of bytes."""
    import numpy

    if hasattr(image, "detach"):
        image = image.detach().cpu().numpy()
    pixels = numpy.asarray(image)
    if pixels.dtype == object or pixels.ndim not in (2, 3) or not pixels.size:
        raise NotKeptError(f"{type(image).__name__} is no image")
    if pixels.ndim == 3:
        if pixels.shape[2] not in _CHANNELS and pixels.shape[0] in _CHANNELS:
            pixels = numpy.moveaxis(pixels, 0, 2)
        if pixels.shape[2] not in _CHANNELS:
            raise NotKeptError(f"an image has 1, 3 or 4 channels, and not {pixels.shape[2]}")
        if pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
    if pixels.dtype.kind == "f":
        pixels = numpy.nan_to_num(pixels).clip(0, 1) * 255 + 0.5
    elif pixels.dtype.kind == "b":
        pixels = pixels * 255
    return numpy.ascontiguousarray(pixels.clip(0, 255).astype("uint8"))
