"""What comes back from a forge, and how its fields are read: none is trusted to be there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any
"""What JSON can hold; each field is looked at before it is used."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers, the body as it is, and where it came from.

    Its text form shows no more than status and URL: a server may send back what it was sent.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    url: str


def text_of(value: Json, *keys: str) -> str:
    """Return the text or number under ``keys``, one in the other; empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def list_of(value: Json, *keys: str) -> list[Json]:
    """Return the list under ``keys``; empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def multipart(field_name: str, file_name: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the body of a form with one file, and its headers."""
    from urllib3.filepost import encode_multipart_formdata

    body, kind = encode_multipart_formdata({field_name: (file_name, content)})
    return body, {"Content-Type": kind}


def next_link(header: str) -> str | None:
    """Return the URL that a ``Link`` header gives the relation ``next``."""
    from requests.utils import parse_header_links

    for link in parse_header_links(header):
        if link.get("rel") == "next":
            return str(link["url"])
    return None
