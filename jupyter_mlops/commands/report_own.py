"""The project's own sections of a report: Markdown files, and cells tagged ``report``."""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Image
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.notebooks.canonical import Notebook, cell_source, iter_cells, parse_notebook
from jupyter_mlops.plots.pictures import PICTURE_LIMIT_BYTES
from jupyter_mlops.reports.own_text import Own, parse_image, parse_own
from jupyter_mlops.reports.state_report import Section
from jupyter_mlops.units import format_bytes

TAG = "report"
LIMIT_BYTES = 256 * 1024
"""The largest file that is taken as a section."""

IMAGES_LIMIT_BYTES = 32 * 1024**2
"""How much of images is read for one report."""

_NOTEBOOK_LIMIT_BYTES = 64 * 1024**2
_PRIORITY = 45
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/svg+xml")


def read_own_sections(ws: Workspace, executed: Mapping[str, Notebook]) -> list[Section]:
    """Return the files that ``[report] sections`` names, then the tagged cells of each notebook.

    Of a notebook in ``executed``, by its path, those are taken instead of the file's. A file that
    is missing or too large is said in its place. Images come along, of files in the project, of
    attachments and outputs of cells.
    """
    tree = WorkTree(ws.root)
    reader = ImageReader(tree)
    sections = [_read_file(tree, path, reader) for path in ws.config.report.sections]
    for path in sorted({*list_index(ws.git, "*.ipynb"), *executed}):
        notebook = executed.get(path) or _read_notebook(tree, path)
        own = tuple(_iter_tagged(notebook, path, reader)) if notebook else ()
        if own:
            sections.append(Section("own", path, "", own=own, priority=_PRIORITY))
    return sections


class ImageReader:
    """Reads the images that Markdown names, within ``tree`` and as much as a report may have."""

    def __init__(self, tree: WorkTree) -> None:
        self._tree = tree
        self._left_bytes = IMAGES_LIMIT_BYTES

    def read(self, beside: str, target: str) -> bytes:
        """Return the file that ``target`` means in the Markdown file or notebook ``beside``.

        Raises:
            ValueError: there is none, it is elsewhere, or there were too many before.
        """
        wanted = unquote(target.partition("?")[0].partition("#")[0])
        path = posixpath.normpath(posixpath.join(posixpath.dirname(beside), wanted))
        if path.startswith(("/", "..")) or "\0" in path or "\\" in path:
            raise ValueError("its file is outside of the project")
        try:
            content = self._tree.read(path, limit_bytes=PICTURE_LIMIT_BYTES)
        except NotFoundError as error:
            raise ValueError(f"there is no {path}") from error
        except MlopsError as error:
            raise ValueError(f"{path} is a link, too large, or not to be read") from error
        return self.count(content)

    def count(self, content: bytes) -> bytes:
        """Return ``content`` if there is room for it.

        Raises:
            ValueError: there were too many before.
        """
        self._left_bytes -= len(content)
        if self._left_bytes < 0:
            limit = format_bytes(IMAGES_LIMIT_BYTES)
            raise ValueError(f"all images of the report together are larger than {limit}")
        return content


def _read_file(tree: WorkTree, path: str, reader: ImageReader) -> Section:
    try:
        text = tree.read(path, limit_bytes=LIMIT_BYTES).decode("utf-8", "replace").strip()
    except MlopsError as error:
        return Section("own", path, error.message, priority=_PRIORITY, tone="warning")
    own = parse_own(text, lambda target: reader.read(path, target))
    return Section("own", path, "", own=own, priority=_PRIORITY)


def _read_notebook(tree: WorkTree, path: str) -> Notebook | None:
    try:
        return parse_notebook(tree.read(path, limit_bytes=_NOTEBOOK_LIMIT_BYTES))
    except (MlopsError, ValueError):
        return None


def _iter_tagged(notebook: Notebook, path: str, reader: ImageReader) -> Iterator[str | Image]:
    """Yield what Markdown cells with the tag say, and what code cells with it showed."""
    begun = False
    for cell in iter_cells(notebook):
        tags = cell.get("metadata", {}).get("tags", ())
        if not isinstance(tags, list) or TAG not in tags:
            continue
        for own in _iter_cell(cell, path, reader):
            if begun:
                yield "\n\n"
            begun = True
            yield from own


def _iter_cell(cell: Notebook, path: str, reader: ImageReader) -> Iterator[Own]:
    if cell.get("cell_type") == "markdown":
        yield from _iter_markdown(cell_source(cell), cell, path, reader)
        return
    outputs = cell.get("outputs", ())
    for output in outputs if isinstance(outputs, list) else ():
        data = output.get("data", {}) if isinstance(output, dict) else {}
        if not isinstance(data, dict):
            continue
        image = next((data[kind] for kind in _IMAGE_TYPES if kind in data), None)
        alt = _join(data.get("text/plain", "")).strip()
        if image is not None:
            yield (_read_image(_join(image), alt, reader),)
        elif "text/markdown" in data:
            yield from _iter_markdown(_join(data["text/markdown"]), cell, path, reader)
        elif alt:
            yield (_fence(_join(data["text/plain"])),)
        elif output.get("output_type") == "stream":
            yield (_fence(_join(output.get("text", ""))),)


def _iter_markdown(text: str, cell: Notebook, path: str, reader: ImageReader) -> Iterator[Own]:
    """Yield Markdown of a cell, whose images may be attached to it."""

    def read(target: str) -> bytes:
        return reader.read(path, target)

    attached = _attachments(cell)
    for name, content in attached.items():
        text = text.replace(f"(attachment:{name})", f"(data:image;base64,{content})")
    own = parse_own(text.strip(), read)
    if own:
        yield own


def _attachments(cell: Notebook) -> dict[str, str]:
    """Return the images attached to a cell, in Base64, by their names."""
    found = {}
    attachments = cell.get("attachments", {})
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        for kind in _IMAGE_TYPES if isinstance(bundle, dict) else ():
            if kind in bundle:
                found[str(name)] = "".join(_join(bundle[kind]).split())
    return found


def _read_image(content: str, alt: str, reader: ImageReader) -> str | Image:
    """Return an output that is an image, or why it is none."""
    try:
        raw = content.encode() if content.lstrip().startswith("<") else _decode(content)
        return parse_image(alt.partition("\n")[0][:200] or "output", reader.count(raw))
    except ValueError as error:
        return f"*an image is left out: {error}*"


def _decode(content: str) -> bytes:
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except binascii.Error:
        raise ValueError("it is no Base64") from None


def _join(text: object) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _fence(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text.rstrip()}\n{fence}"
