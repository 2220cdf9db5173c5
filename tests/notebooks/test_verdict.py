from __future__ import annotations

import itertools
from typing import Any

import pytest

from jupyter_mlops.notebooks.canonical import Notebook, parse_notebook
from jupyter_mlops.notebooks.verdict import Verdict, VerdictWord, judge
from jupyter_mlops.reports.verdict_words import explain_verdict, find_run
from tests.notebooks.conftest import code, notebook_bytes
from tests.notebooks.journals import Ran, runs_of

A, B, C = Ran("a = 1", "ia"), Ran("b = 2", "ib"), Ran("c = 3", "ic")
MARKDOWN = {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "b = 2"}


def cell(ran: Ran, **fields: Any) -> dict[str, Any]:
    return code(ran.source, id=ran.id, **fields)


def notebook(*cells: dict[str, Any]) -> Notebook:
    return parse_notebook(notebook_bytes(list(cells)))


THREE = notebook(MARKDOWN, cell(A), cell(B), code(" \n", id="blank"), cell(C))


def named(verdict: Verdict) -> list[tuple[str, int | None]]:
    return [(c.role, c.place.index if c.place else None) for c in verdict.cells]


def without_ids(*runs: Ran) -> list[Ran]:
    return [Ran(run.source, None, run.outcome, run.at) for run in runs]


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize(
    ("runs", "word", "cells"),
    [
        ([A, B, C], VerdictWord.CLEAN, []),
        ([A, B], VerdictWord.CLEAN, [("not run", 4)]),
        ([A], VerdictWord.CLEAN, [("not run", 2), ("not run", 4)]),
        ([B, A, C], VerdictWord.OUT_OF_ORDER, [("out of order", 1)]),
        ([A, C], VerdictWord.OUT_OF_ORDER, [("skipped", 2)]),
        ([A, A, B, C], VerdictWord.OUT_OF_ORDER, [("ran again", 1)]),
        ([A, Ran(B.source, "ib", "failed"), B, C], VerdictWord.OUT_OF_ORDER, None),
        ([A, Ran(B.source, "ib", "failed"), C], VerdictWord.OUT_OF_ORDER, [("failed", 2)]),
        ([A, B, Ran(C.source, "ic", "failed")], VerdictWord.CLEAN, [("failed", 4)]),
        ([A, B, Ran(C.source, "ic", None)], VerdictWord.CLEAN, [("not ended", 4)]),
        ([A, Ran(B.source, "ib", None), C], VerdictWord.OUT_OF_ORDER, [("failed", 2)]),
        ([A, Ran("b =", "ib", "not-run"), B, C], VerdictWord.CLEAN, []),
        ([Ran(A.source, "ia", None, None), B, C], VerdictWord.CLEAN, []),
        ([Ran("z = 0", "gone"), A, B, C], VerdictWord.OTHER_CODE, [("deleted", None)]),
        ([A, B, C, Ran("z = 0", "gone")], VerdictWord.OTHER_CODE, [("deleted", None)]),
        ([], VerdictWord.UNKNOWN, []),
        ([Ran("z = 0", "gone")], VerdictWord.UNKNOWN, []),
    ],
)
def test_words(
    runs: list[Ran], word: VerdictWord, cells: list[tuple[str, int | None]] | None, ids: bool
) -> None:
    """Front ends that tell no ids get the same verdicts."""
    verdict = judge(THREE, runs_of(*(runs if ids else without_ids(*runs))))
    assert verdict.word is word, explain_verdict(verdict)
    if cells is not None:
        assert named(verdict) == cells


@pytest.mark.parametrize("then", [[], [B], [B, C]])
def test_a_cell_that_was_edited_after_it_ran(then: list[Ran]) -> None:
    verdict = judge(THREE, runs_of(A, Ran("b = 7", "ib"), *then, C))
    assert (verdict.word, named(verdict)) == (VerdictWord.OTHER_CODE, [("edited", 2)])
    assert verdict.cells[0].source == "b = 7"
    assert explain_verdict(verdict) == "Cell 3 (ib) has other code than ran."


def test_the_order_is_known_from_which_the_run_can_be_repeated() -> None:
    assert judge(THREE, runs_of(C, A, A, B)).order == (4, 1, 1, 2)


def test_a_cell_that_was_copied_counts_for_the_copy_that_ran() -> None:
    twice = notebook(cell(A), code(A.source, id="copy"), cell(B))
    assert judge(twice, runs_of(A, Ran(A.source, "copy"), B)).word is VerdictWord.CLEAN
    assert judge(twice, runs_of(*without_ids(A, A, B))).word is VerdictWord.CLEAN
    verdict = judge(twice, runs_of(Ran(A.source, "copy"), B))
    assert named(verdict) == [("skipped", 0)]
    # Deleted where it ran, but the same code stands elsewhere: nothing that ran is lost.
    assert (
        judge(twice, runs_of(Ran(A.source, "gone"), Ran(A.source, "copy"), B)).word
        is VerdictWord.CLEAN
    )


def test_a_cell_that_became_text_is_code_no_more() -> None:
    turned = notebook(cell(A), {**MARKDOWN, "id": "ib"}, cell(C))
    verdict = judge(turned, runs_of(A, B, C))
    assert (verdict.word, named(verdict)) == (VerdictWord.OTHER_CODE, [("deleted", None)])


def test_a_cell_that_is_meant_to_raise() -> None:
    raising = notebook(cell(A), cell(B, metadata={"tags": ["raises-exception"]}), cell(C))
    assert judge(raising, runs_of(A, Ran(B.source, "ib", "failed"), C)).word is VerdictWord.CLEAN


def test_a_cell_that_is_meant_to_be_left_out() -> None:
    tagged = [cell(one, metadata={"tags": ["skip-execution"]}) for one in (B, C)]
    skipping = notebook(cell(A), tagged[0], code("d", id="id"), tagged[1])
    verdict = judge(skipping, runs_of(A, Ran("d", "id")))
    assert (verdict.word, verdict.cells) == (VerdictWord.CLEAN, ())
    assert judge(skipping, runs_of(A, B, Ran("d", "id"), C)).word is VerdictWord.CLEAN


def test_newlines_at_the_end_make_no_other_code() -> None:
    assert judge(notebook(code("a = 1\n", id="ia")), runs_of(A)).word is VerdictWord.CLEAN
    assert judge(notebook(code("a = 1 ", id="ia")), runs_of(A)).word is VerdictWord.OTHER_CODE


def test_what_stands_aside_neither_ran_nor_was_skipped() -> None:
    show = code("%snapshot", id="s")
    with_snapshot = notebook(cell(A), show, cell(B))

    def is_aside(source: str) -> bool:
        return source.startswith("%snapshot")

    snapshot = Ran("%snapshot", "s")
    for runs in ([A, B], [A, snapshot, B], [A, B, snapshot, snapshot, Ran("%snapshot x", "gone")]):
        assert judge(with_snapshot, runs_of(*runs), is_aside).word is VerdictWord.CLEAN
    assert judge(with_snapshot, runs_of(snapshot), is_aside).word is VerdictWord.UNKNOWN


def test_a_run_that_is_clean_is_that_of_run_all() -> None:
    """Whatever is done, it is clean only where all that ran is a beginning of the notebook."""
    edited, gone = Ran("b = 7", "ib"), Ran("z", "gone")
    for count in range(5):
        for runs in itertools.product([A, B, C, edited, gone], repeat=count):
            verdict = judge(THREE, runs_of(*runs))
            is_beginning = list(runs) in ([A], [A, B], [A, B, C])
            assert (verdict.word is VerdictWord.CLEAN) == is_beginning
            if edited in runs:
                assert verdict.word is VerdictWord.OTHER_CODE
            if verdict.word is VerdictWord.OUT_OF_ORDER:
                places = {1: A, 2: B, 4: C}
                assert [places[place] for place in verdict.order] == list(runs)


def test_sentences_name_the_cells() -> None:
    verdict = judge(THREE, runs_of(B, A, A))
    told = "Cell 2 (ia) ran more than once; cell 2 (ia) ran after a cell below it;"
    assert explain_verdict(verdict) == f"{told} cell 5 (ic) did not run yet."
    (finding,) = find_run("train.ipynb", verdict)
    assert finding.rule == "executed-out-of-order"
    assert finding.why.startswith("out of order, replayable: cell 2 (ia)")
    gone = [Ran(f"gone({n})\nmore", f"g{n}") for n in range(9)]
    verdict = judge(THREE, runs_of(A, *gone))
    assert explain_verdict(verdict) == (
        "“gone(0)”, “gone(1)”, “gone(2)”, “gone(3)”, “gone(4)”, “gone(5)” and 3 more cells"
        " ran and are no cells any more."
    )
    assert find_run("train.ipynb", verdict)[0].rule == "executed-other-code"
    clean = judge(THREE, runs_of(A, B, C))
    assert explain_verdict(clean) == "Its 3 cells ran once, in order, as in the file."
    assert find_run("train.ipynb", clean) == []


def test_what_comes_from_outside_is_made_visible() -> None:
    evil = Ran("\x1b[2J<script>alert(1)</script>" + "x" * 10**6, "\x1b]0;\u202e")
    there = notebook(cell(A), code("ok", id=evil.id))
    for verdict in (judge(there, runs_of(A, evil)), judge(notebook(cell(A)), runs_of(A, evil))):
        told = explain_verdict(verdict)
        assert "\x1b" not in told
        assert "\u202e" not in told
        assert len(told) < 300
