"""What web servers say of the objects that they have: pages of links, and WebDAV; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

from jupyter_mlops.storage.etags import parse_etag

_DAV = "{DAV:}"
_SIZE = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Member:
    """What lies directly in a folder; ``size_bytes`` is None for a folder."""

    step: str
    size_bytes: int | None
    modified_at: datetime | None
    etag: str | None = None


def parse_links(page: bytes, base: str) -> list[str]:
    """Return the steps that a page links to; those into folders end in a slash.

    ``base`` is the URL of the page. Links to anything but what lies directly below it are what
    such pages have besides, and are left out.
    """
    parser = _Links()
    parser.feed(page.decode("utf-8", "replace"))
    steps = (_step(base, link) for link in parser.links)
    return list(dict.fromkeys(step for step in steps if step))


def parse_multistatus(text: bytes, folder: str) -> list[Member]:
    """Return what an answer to PROPFIND says lies in the folder with the plain path ``folder``.

    Raises:
        ValueError: with the reason; it is no such answer, or names what lies elsewhere.
    """
    if b"<!DOCTYPE" in text:
        raise ValueError("it defines entities")
    try:
        tree = ElementTree.fromstring(text)
    except (ElementTree.ParseError, LookupError, ValueError):
        raise ValueError("it is not XML") from None
    if tree.tag != f"{_DAV}multistatus":
        raise ValueError("it is not of WebDAV")
    found = [_member(element, folder) for element in tree.iter(f"{_DAV}response")]
    return [member for member in found if member is not None]


def parse_size(text: str | None) -> int | None:
    """Return a number of bytes as servers write it, None for anything else."""
    return int(text) if text and _SIZE.fullmatch(text) else None


def parse_time(text: str | None) -> datetime | None:
    """Return the time of an HTTP date, None for anything else."""
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else None


def _member(element: ElementTree.Element, folder: str) -> Member | None:
    """Return one part of the answer, None for the folder itself."""
    try:
        path = unquote(urlsplit(element.findtext(f"{_DAV}href", "")).path, errors="strict")
    except ValueError:
        raise ValueError("one of its names is no path") from None
    if path.rstrip("/") == folder.rstrip("/"):
        return None
    step = path[len(folder) :].rstrip("/")
    if not path.startswith(folder) or not step or "/" in step:
        raise ValueError("one of its names lies elsewhere")
    if element.find(f".//{_DAV}collection") is not None:
        return Member(step, None, None)
    size_bytes = parse_size(element.findtext(f".//{_DAV}getcontentlength"))
    if size_bytes is None:
        raise ValueError("it tells no size of an object")
    return Member(
        step,
        size_bytes,
        parse_time(element.findtext(f".//{_DAV}getlastmodified")),
        parse_etag(element.findtext(f".//{_DAV}getetag")),
    )


def _step(base: str, link: str) -> str | None:
    """Return the one step that ``link`` leads down from ``base``, None for all other links."""
    try:
        target = urlsplit(urljoin(base, link))
        start = urlsplit(base)
        here, path = unquote(start.path, errors="strict"), unquote(target.path, errors="strict")
    except ValueError:
        return None
    if target.query or (target.scheme, target.netloc) != (start.scheme, start.netloc):
        return None
    step = path[len(here) :]
    name = step.removesuffix("/")
    if not path.startswith(here) or not name or "/" in name or name in {".", ".."}:
        return None
    return step


class _Links(HTMLParser):
    """Collects where the links of a page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the target of a link."""
        if tag == "a":
            self.links += [value for key, value in attrs if key == "href" and value]
