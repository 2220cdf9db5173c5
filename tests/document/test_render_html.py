from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

from jupyter_mlops.document import (
    Bytes,
    Code,
    Delta,
    Document,
    Figure,
    Hint,
    Note,
    Patch,
    PatchLine,
    Table,
    Time,
)
from jupyter_mlops.document.render_html import render_html, render_html_page, render_progress_html

VOID = frozenset({"br", "progress"})


class Reader(HTMLParser):
    """Collects tags and text, and checks that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def test_every_block_is_there_and_every_tag_is_closed() -> None:
    table = Table(("path", "size"), ((Code("a b"), Bytes(2048)), (None, Delta(1, True))), "Kept")
    document = Document(
        (
            Note("Done.", "good"),
            Hint("Type", "%restore"),
            table,
            Figure("Loss", "* *", lambda: "<svg><title>x</title></svg>"),
        )
    )
    reader = read(render_html(document))
    assert {"table", "caption", "th", "td", "code", "figure", "svg"} <= set(reader.tags)
    text = "".join(reader.text)
    for expected in ("Done.", "Type: %restore", "a b", "2.0 KiB", "▲ +1 better", "Loss"):
        assert expected in text


def test_names_reach_the_page_as_text_only() -> None:
    evil = "<script>alert(1)</script><img src=x onerror='x'>&amp;\""
    document = Document(
        (
            Note(evil, "bad"),
            Hint(evil, evil),
            Table((evil,), ((evil,), (Code(evil),)), title=evil),
            Figure(evil, evil, lambda: ""),
            Patch(evil, "bad", evil, (PatchLine("-", evil), PatchLine("+", evil, ((3, 9),)))),
        )
    )
    reader = read(render_html(document))
    assert not {"script", "img"} & set(reader.tags)
    assert "".join(reader.text).count(evil) == 12


def test_lines_of_a_patch_are_lines_also_without_the_style_sheet() -> None:
    lines = (
        PatchLine("@", "@@ -2,2 +2,2 @@"),
        PatchLine(" ", "same"),
        PatchLine("-", "\tx = 1", ((5, 6),)),
        PatchLine("+", "\tx = 2\x1b", ((5, 6),)),
    )
    reader = read(render_html(Document((Patch("edited", "warning", "code cell 1", lines),))))
    assert "".join(reader.text).strip() == (
        "edited code cell 1@@ -2,2 +2,2 @@\n  same\n- \tx = 1\n+ \tx = 2\\x1b"
    )
    assert [tag for tag in reader.tags if tag in ("ins", "del", "mark")] == [
        *("del", "mark", "ins", "mark"),
    ]


def test_a_page_stands_alone_and_loads_nothing() -> None:
    page = render_html_page(Document((Note("Done."),)), "<script>a {b}")
    assert page.startswith("<!DOCTYPE html>")
    assert "default-src 'none'" in page
    assert page.count("&lt;script&gt;a {b}") == 2
    assert "<script" not in page


def test_colours_come_from_the_theme_with_something_to_fall_back_on() -> None:
    html = render_html(Document((Note("x", "good"),)))
    assert "var(--jp-success-color0, var(--mlops-good))" in html
    assert "var(--jp-content-font-color1, var(--vscode-foreground, inherit))" in html
    assert "prefers-color-scheme: dark" in html
    assert "background: #" not in html


def test_amounts_stand_to_the_right_and_times_on_one_line() -> None:
    row = (Code("a"), Bytes(2048), Time(datetime(2026, 1, 2, tzinfo=UTC)))
    html = render_html(Document((Table(("path", "size", "when"), (row,)),)))
    assert "<td><code>a</code></td>" in html
    assert '<td class="mlops-amount">2.0 KiB</td><td class="mlops-time">2026-01-0' in html


def test_a_progress_bar_says_its_share_and_its_text() -> None:
    assert 'value="0.2500"' in render_progress_html("Keeping <x>", 0.25)
    assert "Keeping &lt;x&gt;" in render_progress_html("Keeping <x>", 0.25)
    assert "value" not in render_progress_html("Keeping", None)
