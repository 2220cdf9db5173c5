"""The project's own Markdown as text between its images; pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from html import unescape

from jupyter_mlops.document import Image, make_image
from jupyter_mlops.document.render_markdown import Shown, escape_markdown, render_image
from jupyter_mlops.plots.pictures import parse_picture
from jupyter_mlops.text import visible

Own = tuple[str | Image, ...]

_LONGEST = 1_000
_TARGET = (
    r"\(\s*(?:<(?P<angled>[^<>\n]*)>|(?P<plain>[^\s()<>]+))(?:\s+\"[^\"\n]*\"|\s+'[^'\n]*')?\s*\)"
)
_ELEMENT = r"<img\b(?P<element>[^<>\n]{0,1000})>"
_PARTS = re.compile(
    rf"(?P<code>(?P<ticks>(?<!`)`+(?!`))[^\n]{{1,{_LONGEST}}}?(?<!`)(?P=ticks)(?!`))"
    rf"|!\[(?P<alt>(?:\\[^\n]|[^\[\]\\\n]){{0,{_LONGEST}}})\]{_TARGET}|{_ELEMENT}"
)
_DATA = re.compile(r"data:[\w/.+-]*(?:;[\w=-]+)*;base64,", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|#")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_ATTRIBUTE = re.compile(r"\b(alt|src)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")

Read = Callable[[str], bytes]
"""Returns what a path, as the text has it, holds; raises ValueError, with the reason."""


def parse_own(text: str, read: Read) -> Own:
    """Return Markdown between the images that it shows, of files and of its own ``data:`` URLs.

    What has another URL, or stands in code, is left as it is. In the place of an image that
    ``read`` does not give stand its words and why.
    """
    parts: list[str | Image] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~") and (not fence or mark == fence):
            fence = "" if fence else mark
            parts.append(line)
        elif fence or ("![" not in line and "<img" not in line):
            parts.append(line)
        else:
            parts += _parse_line(line, read)
    return tuple(_merge(parts))


def parse_image(alt: str, content: bytes) -> Image:
    """Return a PNG, JPEG or SVG file as an image; what it is, its bytes tell.

    Raises:
        ValueError: it is none of them, or too large.
    """
    return make_image(alt, parse_picture(content).media_type, content)


def render_own(own: Own, shown: Shown) -> str:
    """Return the Markdown again, with the images that can be shown."""
    return "".join(one if isinstance(one, str) else render_image(one, shown) for one in own)


def _parse_line(line: str, read: Read) -> Iterator[str | Image]:
    at = 0
    for found in _PARTS.finditer(line):
        if found["code"] is not None:
            continue
        alt, target = _name(found)
        if not target or (_SCHEME.match(target) and not _DATA.match(target)):
            continue
        yield line[at : found.start()]
        at = found.end()
        try:
            yield parse_image(alt, _decode(target) if _DATA.match(target) else read(target))
        except ValueError as error:
            told = f"{alt}: {error}" if alt else str(error)
            yield f"*{escape_markdown(visible(told))}*"
    yield line[at:]


def _name(found: re.Match[str]) -> tuple[str, str]:
    """Return the words and the target of an image."""
    if found["element"] is None:
        return _ESCAPED.sub(r"\1", found["alt"]), found["plain"] or found["angled"] or ""
    told = {
        one[1]: unescape(one[2] or one[3] or "") for one in _ATTRIBUTE.finditer(found["element"])
    }
    return told.get("alt", ""), told.get("src", "")


def _decode(target: str) -> bytes:
    try:
        return base64.b64decode(target.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("its URL is no image") from None


def _merge(parts: list[str | Image]) -> Iterator[str | Image]:
    """Yield the parts, texts that follow one another as one."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        text = ""
        yield part
    if text:
        yield text
