from __future__ import annotations

from typing import Any

import pytest

from jupyter_mlops.errors import UsageError
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.reports.findings import Checked, Finding
from jupyter_mlops.reports.rules import BY_ID
from jupyter_mlops.reports.selection import read_comments, select_rules


def cell(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "source": source}


def found(rule: str, index: int | None = None) -> Finding:
    place = CellPlace(index, None) if index is not None else None
    return Finding(rule, "error", "w", "f", "a.ipynb", place)


def test_all_rules_count_unless_something_is_said() -> None:
    assert select_rules((), ()).rules == BY_ID.keys()


def test_patterns_and_commas() -> None:
    chosen = select_rules(("secret-*", "cell-failed, run-failed"), ("*-output",))
    assert chosen.rules == {"secret-in-source", "cell-failed", "run-failed"}


def test_fast_rules_ask_nobody() -> None:
    chosen = select_rules((), (), fast=True).rules
    assert {"outputs-in-git", "secret-in-source", "large-file-in-git"} <= chosen
    assert not any(rule.startswith(("gate", "pointer", "metrics")) for rule in chosen)


@pytest.mark.parametrize("word", ["no-such", "", "sec?ret\x1b", "[z-a]"])
def test_a_word_that_means_no_rule_is_refused(word: str) -> None:
    with pytest.raises(UsageError) as raised:
        select_rules((word,), ())
    assert raised.value.code == "unknown-rule"


def test_a_comment_holds_for_its_cell() -> None:
    comments = read_comments([cell("x"), cell("y  # mlops: ignore[cell-failed, name-undefined]")])
    kept = comments.apply(
        Checked((found("cell-failed", 0), found("cell-failed", 1), found("run-failed", 1)))
    )
    assert [(one.rule, one.cell and one.cell.index) for one in kept.findings] == [
        ("cell-failed", 0),
        ("run-failed", 1),
    ]
    assert kept.notes == ("1 finding ignored by comments in cells.",)


def test_a_comment_in_the_first_cell_holds_for_the_notebook() -> None:
    first = [cell(""), cell("# mlops: ignore-notebook[output-drift]"), cell("x")]
    checked = Checked((found("output-drift", 2), found("replay-failed")))
    assert [one.rule for one in read_comments(first).apply(checked).findings] == ["replay-failed"]
    second = [cell("x"), *first]
    assert len(read_comments(second).apply(checked).findings) == 2


@pytest.mark.parametrize("start", ["#", "//", "<!--"])
def test_comments_of_other_languages(start: str) -> None:
    comments = read_comments([cell(f"{start} mlops: ignore[cell-failed] -->")])
    assert comments.cells == {0: frozenset({"cell-failed"})}


def test_rules_that_do_not_exist_are_told() -> None:
    comments = read_comments([cell("# mlops: ignore[cel-failed]")])
    (note,) = comments.apply(Checked()).notes
    assert "cel-failed" in note


@pytest.mark.parametrize(
    "source", ["# mlops: ignore", "mlops: ignore[cell-failed]", "# mlops:ignore"]
)
def test_what_is_no_comment_ignores_nothing(source: str) -> None:
    assert read_comments([cell(source)]).cells == {}
