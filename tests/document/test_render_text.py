from __future__ import annotations

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
)
from jupyter_mlops.document.render_text import render_text

TABLE = Table(
    ("path", "state", "size"),
    (
        (Code("data/train.csv"), "changed since the last snapshot", Bytes(2048)),
        (Code("漢字"), None, Bytes(10)),
    ),
    title="Tracked",
)


def test_blocks_follow_each_other_and_tables_stand_apart() -> None:
    document = Document((Note("One."), Hint("Type", "x"), TABLE, Note("Two."), Note("Three.")))
    assert render_text(document) == (
        "One.\n"
        "Type: x\n"
        "\n"
        "Tracked\n"
        "  path            state                               size\n"
        "  data/train.csv  changed since the last snapshot  2.0 KiB\n"
        "  漢字            –                                   10 B\n"
        "\n"
        "Two.\n"
        "Three.\n"
    )


PATCH = Patch(
    "edited",
    "warning",
    "code cell 1\n",
    (
        PatchLine("@", "@@ -2,2 +2,2 @@"),
        PatchLine(" ", "same"),
        PatchLine("-", "\tx\x1b = 1", ((6, 7),)),
        PatchLine("+", ""),
    ),
)


def test_a_patch_is_a_line_that_names_it_and_signed_lines() -> None:
    assert render_text(Document((Note("a"), PATCH, PATCH)), width=5) == (
        "a\n" + 2 * "\n── edited · code cell 1\\n\n@@ -2,2 +2,2 @@\n same\n-\tx\\x1b = 1\n+\n"
    )


def test_a_painted_patch_keeps_its_colour_on_its_line() -> None:
    painted = render_text(Document((PATCH,)), colour=True).splitlines()
    assert painted[0] == "\x1b[1m\x1b[33m── edited · code cell 1\\n\x1b[0m"
    assert painted[3] == "\x1b[31m-\tx\\x1b = \x1b[0m\x1b[31m\x1b[7m1\x1b[0m\x1b[31m\x1b[0m"
    assert painted[4] == "\x1b[32m+\x1b[0m"
    assert painted[2] == " same"


def test_an_empty_document_is_no_text() -> None:
    assert render_text(Document()) == ""


def test_words_are_shortened_and_paths_never() -> None:
    lines = render_text(Document((TABLE,)), width=45).splitlines()
    assert all(len(line) <= 45 for line in lines[:3])
    assert "data/train.csv  changed since" in lines[2]
    assert "…" in lines[2]
    assert "data/train.csv" in render_text(Document((TABLE,)), width=10)


def test_notes_and_last_columns_go_on_in_the_next_line() -> None:
    table = Table(("", ""), ((Code("--check"), "Write nothing at all."), (Code("-h"), "Explain.")))
    assert render_text(Document((Note("Remove outputs and noise."), table)), width=24) == (
        "Remove outputs and\n"
        "noise.\n"
        "\n"
        "  --check  Write nothing\n"
        "           at all.\n"
        "  -h       Explain.\n"
    )
    script = "source <(jupyter-mlops completion bash)\nand more"
    assert render_text(Document((Note(script),)), width=10) == script + "\n"


def test_tables_without_names_have_no_head() -> None:
    table = Table(("", ""), ((Code("a"), "b"),))
    assert render_text(Document((table,))) == "  a  b\n"
    assert render_text(Document((Table(("a", "b"), ()),))) == "  a  b\n"


def test_colours_carry_the_tone_and_change_no_letter() -> None:
    document = Document(
        (
            Note("Good.", "good"),
            Note("Bad.", "bad"),
            Hint("Type", "x"),
            Table(("n", "d"), ((1, Delta(2, True)), (2, Delta(-1, False)))),
            Figure("Loss", "*", lambda: ""),
        )
    )
    coloured = render_text(document, colour=True)
    assert "\x1b[32mGood.\x1b[0m" in coloured
    assert "\x1b[31m▼ -1 worse\x1b[0m" in coloured
    plain = coloured
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"):
        plain = plain.replace(code, "")
    assert plain == render_text(document)


def test_figures_are_drawn_as_text() -> None:
    figure = Figure("Loss", "* \n *\n", lambda: "<svg>")
    assert render_text(Document((figure,))) == "Loss\n* \n *\n"


def test_hints_need_no_lead() -> None:
    assert render_text(Document((Hint("", "git status"), Hint("Then: ", "x")))) == (
        "git status\nThen: x\n"
    )


def test_texts_cannot_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07"
    document = Document(
        (
            Note(evil),
            Hint(evil, evil),
            Table((evil,), ((evil,), (Code(evil),)), title=evil),
            Figure(evil, evil, lambda: ""),
        )
    )
    assert not {"\x1b", "\x07"} & set(render_text(document))
