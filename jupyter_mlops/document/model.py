"""The values a document is made of: notes, hints, tables of typed cells, figures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Tone = Literal["plain", "good", "warning", "bad", "quiet"]


@dataclass(frozen=True, slots=True)
class Bytes:
    """A size in bytes, shown with a binary unit."""

    count: int


@dataclass(frozen=True, slots=True)
class Number:
    """A measured number, shown with the digits that matter."""

    value: float


@dataclass(frozen=True, slots=True)
class Delta:
    """A difference; ``better`` says whether it is an improvement, None where nobody knows."""

    value: float
    better: bool | None


@dataclass(frozen=True, slots=True)
class Time:
    """A moment; shown in the reader's zone."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Code:
    """Something to be read letter by letter: an id, a path, a branch."""

    text: str


Cell = str | int | Bytes | Number | Delta | Time | Code | None


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence or line."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Hint:
    """A command that can be typed, after the words that say what it does."""

    text: str
    command: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under named columns; cells are as many as columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image as a file holds it, and in words what it shows.

    ``name`` is by the content, so that equal names are equal images: :func:`make_image`.
    """

    name: str
    alt: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gallery:
    """Images beside one another, each under its column's name where there are names.

    Without names, as many stand in a row as there is room for.
    """

    images: tuple[Image, ...]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture: as text for terminals, as HTML, made when it is shown, where that can be shown.

    ``text`` may also be what makes it for a width in characters, 80 where none is known; empty, it
    is left out where only text can stand. ``galleries`` makes the same as images. ``diagrams`` are
    the same in Mermaid's language, which some forges draw; empty where that cannot say it.
    """

    title: str
    text: str | Callable[[int], str]
    html: Callable[[], str]
    galleries: Callable[[], tuple[Gallery, ...]] = tuple
    diagrams: tuple[str, ...] = ()

    def draw_text(self, width: int | None = None) -> str:
        """Return the picture as text."""
        return self.text if isinstance(self.text, str) else self.text(width or 80)


@dataclass(frozen=True, slots=True)
class PatchLine:
    """One line: ``-`` removed, ``+`` added, a blank unchanged; ``@`` says where others begin.

    ``marks`` are parts to stand out, from one character to before another.
    """

    sign: Literal[" ", "-", "+", "@"]
    text: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """Lines that changed in one thing: the word for its change, what it is, and its lines."""

    change: str
    tone: Tone
    title: str
    lines: tuple[PatchLine, ...]


Block = Note | Hint | Table | Figure | Patch


@dataclass(frozen=True, slots=True)
class Document:
    """Blocks in reading order."""

    blocks: tuple[Block, ...] = ()


def make_image(alt: str, media_type: str, content: bytes) -> Image:
    """Return an image under the name that its content gives it."""
    ending = media_type.partition("/")[2].partition("+")[0]
    name = f"mlops-{hashlib.sha256(content).hexdigest()[:32]}.{ending}"
    return Image(name, alt, media_type, content)
