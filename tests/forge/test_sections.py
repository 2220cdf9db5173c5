"""A comment as text: read back as it was written, whatever its names and texts hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.forge.protocol import MarkStyle
from jupyter_mlops.forge.sections import (
    format_comment,
    is_report,
    make_section,
    parse_comment,
    report_mark,
    section_cost,
)

_STYLES: st.SearchStrategy[MarkStyle] = st.sampled_from(["comment", "reference"])
_NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    st.sampled_from(
        [
            "<!-- mlops-section-end -->",
            "[//]: # (mlops-section-end)",
            "a\n<!-- mlops-section =x =y 0123456789abcdef -->\nb",
            report_mark("train", "comment"),
        ]
    ),
)


@given(_NAMES, st.dictionaries(_NAMES, _TEXTS, max_size=4), _STYLES)
def test_read_back_as_written(name: str, texts: dict[str, str], style: MarkStyle) -> None:
    sections = [make_section(job, "c0ffee", text) for job, text in texts.items()]
    body = format_comment(name, sections, style)
    found = parse_comment(body, style)
    assert set(found) == set(texts)
    for section in sections:
        back = found[section.job]
        assert (back.commit, back.digest) == ("c0ffee", section.digest)
    assert format_comment(name, found.values(), style).split() == body.split()
    assert is_report(body, name, style)


@given(_NAMES, _STYLES)
def test_a_mark_is_one_line_that_no_name_ends(name: str, style: MarkStyle) -> None:
    mark = report_mark(name, style)
    assert mark.isprintable()
    if style == "comment":
        assert mark.index("-->") == len(mark) - 3
        assert "--" not in mark[4:-3]
    else:
        assert mark.index(")") == len(mark) - 1


def test_reports_are_told_apart_by_their_names() -> None:
    body = format_comment("train", [], "comment")
    assert is_report("\ufeff" + body.replace("\n", "\r\n"), "train", "comment")
    assert not is_report(body, "train2", "comment")
    assert not is_report(body, "train", "reference")
    assert not is_report("Look:\n" + body, "train", "comment")


def test_what_a_forge_does_to_blanks_changes_no_digest() -> None:
    section = make_section("", "c0ffee", "| a |  \n|---|\n\n\ntext  ")
    body = format_comment("train", [section], "comment")
    changed = "\r\n".join(line.rstrip() for line in body.split("\n"))
    assert parse_comment(changed, "comment")[""].digest == section.digest


def test_what_is_torn_is_left_out() -> None:
    sections = [make_section(job, "c0ffee", f"of {job}") for job in ("a", "b")]
    body = format_comment("train", sections, "comment")
    torn = body[: body.rindex("<!-- mlops-section-end")]
    assert set(parse_comment(torn, "comment")) == {"a"}


@given(st.text(max_size=300) | st.lists(_TEXTS, max_size=6).map("\n".join), _STYLES)
def test_any_comment_is_read(body: str, style: MarkStyle) -> None:
    for job, section in parse_comment(body, style).items():
        assert job == section.job


def test_cost_is_what_a_section_adds() -> None:
    a, b = make_section("a", "c0ffee", "text of a"), make_section("b", "c0ffee", "b")
    both = format_comment("train", [a, b], "comment")
    empty = format_comment("train", [], "comment")
    assert len(both) == len(empty) + section_cost(a, "comment") + section_cost(b, "comment")
