from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from jupyter_mlops.plots.pictures import parse_picture

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">%s</svg>'


def made(form: str) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (30, 20)).save(written, form)
    return written.getvalue()


def png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + crc


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_type_and_size_are_read_from_the_bytes(form: str) -> None:
    picture = parse_picture(made(form))
    assert picture.media_type == f"image/{form.lower()}"
    assert (picture.width, picture.height) == (30, 20)


@pytest.mark.parametrize(
    "text",
    [
        SVG % "",
        '<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd">\n'
        + SVG % "",
        "\ufeff<!-- made by hand -->\n" + SVG % "<g/>",
        SVG % ('<defs><path id="a"/></defs>' + '<use href="#a"/>' * 1000),
    ],
)
def test_svg(text: str) -> None:
    assert parse_picture(text.encode()).media_type == "image/svg+xml"


def _nested(depth: int) -> str:
    inner = '<g id="a0"><path/></g>'
    for level in range(1, depth):
        inner += f'<g id="a{level}">' + f'<use xlink:href="#a{level - 1}"/>' * 10 + "</g>"
    xlink = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    return f"{xlink}<defs>{inner}</defs><use xlink:href='#a{depth - 1}'/></svg>"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no PNG, JPEG or SVG"),
        (b"GIF89a", "no PNG, JPEG or SVG"),
        (b"\xff\xfe<svg>", "no PNG, JPEG or SVG"),
        (b"<html><svg></svg></html>", "no PNG, JPEG or SVG"),
        (made("PNG")[:20], "cut short"),
        (made("JPEG")[:30], "does not say its size"),
        (png(60_000, 60_000), "has 60,000 × 60,000 pixels; shown are 50 million"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5 * 1024**2), "larger than 4 MiB"),
        (('<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG % "&a;").encode(), "no PNG, JPEG or SVG"),
        ((SVG % '<!-- <!ENTITY a "b"> -->').encode(), "grow without bound"),
        ((SVG % '<image href="data:image/svg+xml,x"/>').encode(), "grow without bound"),
        ((SVG % "<g>").encode(), "no XML"),
        (_nested(9).encode(), "more than 100,000 copies"),
        ((SVG % '<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>').encode(), "copies"),
    ],
)
def test_what_may_not_be_shown_says_why(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_picture(content)


def test_parts_that_are_used_in_parts_are_shown_where_they_are_few() -> None:
    assert parse_picture(_nested(4).encode()).media_type == "image/svg+xml"
