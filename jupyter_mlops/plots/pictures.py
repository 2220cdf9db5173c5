"""Images as they may stand in a page: what they are is read from their bytes; pure."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from xml.parsers import expat

PICTURE_LIMIT_BYTES = 4 * 1024**2
PIXELS_LIMIT = 50_000_000
USES_LIMIT = 100_000
_SUFFIXES = (".png", ".jpg", ".jpeg", ".svg")
_SVG_HEAD_BYTES = 16_384
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BLANK = r"(?:\s|<!--.*?-->)*"
_SVG = re.compile(
    rf"\s*(?:<\?xml[^>]*\?>)?{_BLANK}(?:<!DOCTYPE svg[^>\[]*>)?{_BLANK}<svg[\s>]", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image: its type, and its size in pixels where the file says it."""

    media_type: str
    width: int | None
    height: int | None
    content: bytes


def is_image(path: str) -> bool:
    """Return whether the end of ``path`` is an image's."""
    return path.lower().endswith(_SUFFIXES)


def parse_picture(content: bytes) -> Picture:
    """Return a PNG, JPEG or SVG image, as an ``img`` element may show it.

    Nothing in it is decoded. A browser that shows an SVG so runs no script of it and loads nothing.

    Raises:
        ValueError: it is none of them, or too large, in bytes or in pixels.
    """
    if len(content) > PICTURE_LIMIT_BYTES:
        raise ValueError(f"it is larger than {PICTURE_LIMIT_BYTES // 1024**2} MiB")
    if content.startswith(_PNG):
        picture = _parse_png(content)
    elif content.startswith(_JPEG):
        picture = _parse_jpeg(content)
    else:
        return _parse_svg(content)
    if (picture.width or 0) * (picture.height or 0) > PIXELS_LIMIT:
        size = f"{picture.width:,} × {picture.height:,}"
        raise ValueError(f"it has {size} pixels; shown are {PIXELS_LIMIT // 10**6} million")
    return picture


def _parse_png(content: bytes) -> Picture:
    if len(content) < 33 or content[12:16] != b"IHDR":
        raise ValueError("it is a PNG that was cut short")
    width, height = struct.unpack(">II", content[16:24])
    return Picture("image/png", width, height, content)


def _parse_jpeg(content: bytes) -> Picture:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _SIZES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return Picture("image/jpeg", width, height, content)
        if marker == 0xFF:
            at += 1
            continue
        at += 2 + struct.unpack(">H", content[at + 2 : at + 4])[0]
    raise ValueError("it is a JPEG that does not say its size")


def _parse_svg(content: bytes) -> Picture:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is no PNG, JPEG or SVG") from None
    if not _SVG.match(text[:_SVG_HEAD_BYTES]):
        raise ValueError("it is no PNG, JPEG or SVG")
    if "<!ENTITY" in text or "data:image/svg" in text:
        raise ValueError("it is an SVG that may grow without bound")
    if _count_uses(content) > USES_LIMIT:
        raise ValueError(f"it is an SVG that draws more than {USES_LIMIT:,} copies of its parts")
    return Picture("image/svg+xml", None, None, content)


def _count_uses(content: bytes) -> int:
    """Return how many elements ``use`` make of an SVG, however they are nested; capped."""
    uses: dict[str, list[str]] = {"": []}
    within: list[str] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        within.append(attributes.get("id", ""))
        if name.rpartition(":")[2] == "use":
            target = attributes.get("href") or attributes.get("xlink:href") or ""
            for holder in {"", *within}:
                uses.setdefault(holder, []).append(target.lstrip("#"))

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _: within.pop()
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(f"it is an SVG that is no XML: {error}") from None
    counted: dict[str, int] = {}
    return _expand("", uses, counted, frozenset())


def _expand(
    holder: str, uses: dict[str, list[str]], counted: dict[str, int], above: frozenset[str]
) -> int:
    if holder in above or len(above) > 50:
        return USES_LIMIT + 1
    if holder not in counted:
        counted[holder] = 0
        total = 0
        for target in uses.get(holder, ()):
            total += 1
            if target in uses and target:
                total += _expand(target, uses, counted, above | {holder})
            if total > USES_LIMIT:
                break
        counted[holder] = total
    return counted[holder]
