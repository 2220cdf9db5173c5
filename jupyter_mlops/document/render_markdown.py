"""Documents as Markdown, for comments and for documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jupyter_mlops.document.cells import amount_columns, format_cell
from jupyter_mlops.document.model import (
    Block,
    Cell,
    Code,
    Document,
    Figure,
    Gallery,
    Hint,
    Image,
    Note,
    Patch,
    Table,
)
from jupyter_mlops.text import visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&])")
_AT_START = re.compile(r"(?m)^(\s*|\s*\d+)(?=[-+=.)])")


@dataclass(frozen=True, slots=True)
class Shown:
    """What can be shown beside text: images at ``urls``, by their names, and Mermaid's diagrams."""

    urls: Mapping[str, str] = field(default_factory=dict)
    diagrams: bool = False


TEXT_ONLY = Shown()


def render_markdown(document: Document, shown: Shown = TEXT_ONLY) -> str:
    """Return ``document`` as Markdown (GitHub's flavour) with a final newline.

    No text in it is taken for markup. A figure is the most vivid that ``shown`` allows: a diagram,
    else images, else text.
    """
    parts = ["\n".join(_render_block(block, shown)) for block in document.blocks]
    parts = [part for part in parts if part]
    return "\n\n".join(parts) + "\n" if parts else ""


def is_pictured(figure: Figure, shown: Shown) -> bool:
    """Return whether ``figure`` can be more than text."""
    if figure.diagrams and shown.diagrams:
        return True
    return bool(shown.urls) and any(one.name in shown.urls for one in images_of(figure))


def images_of(figure: Figure) -> list[Image]:
    """Return the images of ``figure``."""
    return [one for gallery in figure.galleries() for one in gallery.images]


def render_image(image: Image, shown: Shown) -> str:
    """Return an image, or what it shows in words where it has no URL."""
    alt = " ".join(escape_markdown(image.alt).split())
    url = shown.urls.get(image.name)
    return f"![{alt}]({url})" if url is not None else f"*{alt or 'an image'}*"


def escape_markdown(text: str) -> str:
    """Return ``text`` so that Markdown shows it letter by letter."""
    return _AT_START.sub(r"\1\\", _escape_marks(visible(text, keep_lines=True)))


def format_code(text: str) -> str:
    """Return ``text`` as a span of code, whatever backticks are in it."""
    shown = visible(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}" if shown else ""


def _render_block(block: Block, shown: Shown) -> Iterator[str]:
    match block:
        case Note(text):
            yield escape_markdown(text)
        case Hint(text, command):
            lead = escape_markdown(text).rstrip(" :")
            yield (lead + ": " if lead else "") + format_code(command)
        case Figure():
            yield from _render_figure(block, shown)
        case Patch(change, _, title, lines):
            head = f"**{escape_markdown(change)}** " if change else ""
            yield head + escape_markdown(title)
            yield ""
            signed = (("" if line.sign == "@" else line.sign) + line.text for line in lines)
            yield _fence("\n".join(visible(line, keep_lines=True) for line in signed), "diff")
        case Table():
            yield from _render_table(block)


def _render_figure(figure: Figure, shown: Shown) -> Iterator[str]:
    head = f"**{escape_markdown(figure.title)}**\n"
    if figure.diagrams and shown.diagrams:
        yield head
        yield "\n\n".join(_fence(one, "mermaid") for one in figure.diagrams)
    elif is_pictured(figure, shown):
        yield head
        yield "\n\n".join(_render_gallery(one, shown) for one in figure.galleries())
    elif text := figure.draw_text():
        yield head
        yield _fence(visible(text, keep_lines=True).rstrip(), "text")


def _render_gallery(gallery: Gallery, shown: Shown) -> str:
    images = [render_image(one, shown) for one in gallery.images]
    if not gallery.columns:
        return "\n".join(images)
    names = [escape_markdown(name) for name in gallery.columns]
    return "\n".join(map(_join, (iter(names), iter(["---"] * len(names)), iter(images))))


def _fence(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _render_table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"**{escape_markdown(table.title)}**"
        yield ""
    yield _join(escape_markdown(name) for name in table.columns)
    yield _join("---:" if to_right else "---" for to_right in amount_columns(table))
    for row in table.rows:
        yield _join(_render_cell(cell) for cell in row)


def _render_cell(cell: Cell) -> str:
    if isinstance(cell, Code):
        return format_code(cell.text).replace("|", "\\|")
    return _escape_marks(format_cell(cell))


def _escape_marks(text: str) -> str:
    """Return ``text`` with every mark taken back that works within a line."""
    return _SPECIAL.sub(r"\\\1", text)


def _join(cells: Iterator[str]) -> str:
    return "| " + " | ".join(cells) + " |"
