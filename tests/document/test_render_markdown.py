from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from jupyter_mlops.document import (
    Bytes,
    Code,
    Document,
    Figure,
    Hint,
    Note,
    Patch,
    PatchLine,
    Table,
)
from jupyter_mlops.document.render_markdown import escape_markdown, format_code, render_markdown


def test_blocks_become_markdown() -> None:
    document = Document(
        (
            Note("Done."),
            Hint("Get it back", "jupyter mlops restore x"),
            Table(("path", "size"), ((Code("a|b"), Bytes(2048)), ("*", -1)), title="Kept"),
            Figure("Loss", "* *\n", lambda: ""),
            Patch("added", "good", "code *1*", (PatchLine("@", "@@"), PatchLine("+", "```"))),
        )
    )
    assert render_markdown(document) == (
        "Done.\n\n"
        "Get it back: `jupyter mlops restore x`\n\n"
        "**Kept**\n\n| path | size |\n| --- | ---: |\n| `a\\|b` | 2.0 KiB |\n| \\* | -1 |\n\n"
        "**Loss**\n\n```text\n* *\n```\n\n"
        "**added** code \\*1\\*\n\n````diff\n@@\n+```\n````\n"
    )
    assert render_markdown(Document()) == ""


@pytest.mark.parametrize(
    "text",
    [
        "*a* _b_ `c` [d](e) <b> # x | y ~~z~~ ![i](j) &amp; \\",
        "- not a list",
        "1. not a list",
        "2) not a list",
        "1.5 -2",
        "# not a heading",
        "+ x\n= y\n> z",
        "<script>alert(1)</script>",
    ],
)
def test_texts_are_shown_letter_by_letter(text: str) -> None:
    [_, inline, _] = MarkdownIt("gfm-like", {"linkify": False}).parse(escape_markdown(text))
    assert inline.children is not None
    assert {child.type for child in inline.children} <= {"text", "softbreak", "text_special"}
    shown = "".join("\n" if c.type == "softbreak" else c.content for c in inline.children)
    assert shown == text


@pytest.mark.parametrize("text", ["a", "a`b", "``", "`", " a "])
def test_code_may_hold_backticks(text: str) -> None:
    [_, inline, _] = MarkdownIt().parse(format_code(text))
    assert inline.children is not None
    assert [child.type for child in inline.children] == ["code_inline"]
    assert inline.children[0].content.strip() == text.strip()
