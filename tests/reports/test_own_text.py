"""The project's own Markdown: what in it is an image, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.document import Image
from jupyter_mlops.document.render_markdown import Shown
from jupyter_mlops.reports.own_text import parse_own, render_own
from tests.support.images import make_png


def read(target: str) -> bytes:
    """Return an image for each file that ends so."""
    if not target.endswith(".png"):
        raise ValueError("there is none")
    return make_png(len(target))


@pytest.mark.parametrize(
    ("text", "alt"),
    [
        ("![a b](x.png)", "a b"),
        ("![](x.png)", ""),
        ('![a](x.png "title")', "a"),
        ("![a](<x y.png>)", "a"),
        (r"![a \[b\]](x.png)", "a [b]"),
        ('<img width="3" src="x.png" alt="a &amp; b"/>', "a & b"),
        ("| ![a](x.png) | cell |", "a"),
    ],
)
def test_images_are_found(text: str, alt: str) -> None:
    [image] = [one for one in parse_own(text, read) if isinstance(one, Image)]
    assert image.alt == alt
    shown = render_own(parse_own(text, read), Shown({image.name: "https://forge/x.png"}))
    assert "](https://forge/x.png)" in shown


@pytest.mark.parametrize(
    "text",
    [
        "`![a](x.png)`",
        "```\n![a](x.png)\n```",
        "![a](https://example.org/x.png)",
        "![a](//example.org/x.png)",
        "[a](x.png)",
        "![a][x]",
        "![a](x.png",
        '<img alt="a">',
    ],
)
def test_what_is_no_image_of_a_file_stays_as_it_is(text: str) -> None:
    assert parse_own(text, read) == (text,)


@given(st.text(alphabet="!`[](){}<>img src=x.png\"'\\ \n~:;,"))
def test_nothing_but_images_is_lost(text: str) -> None:
    own = parse_own(text, read)
    kept = "".join(one for one in own if isinstance(one, str))
    if all("*" not in one for one in own if isinstance(one, str)):
        rest = iter(text)
        assert all(letter in rest for letter in kept)
    if len(own) == 1 and isinstance(own[0], str) and "*" not in own[0]:
        assert own[0] == text


@pytest.mark.parametrize("repeated", ["![", "<img ", "![a](b ", "` ", '<img src="'])
def test_what_looks_like_many_images_is_read_soon(repeated: str) -> None:
    text = "![a](x.png) " + repeated * (256 * 1024 // len(repeated))
    own = parse_own(text, read)
    assert isinstance(own[0], Image)
    assert own[1:] == (text.removeprefix("![a](x.png)"),)
