from __future__ import annotations

import random
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.notebooks.compare import CellChange, Hunk, compare_notebooks
from jupyter_mlops.notebooks.readable import EMPTY, ReadableNotebook, read_notebook
from tests.notebooks.conftest import code, notebook_bytes

LONG = "\n".join(f"line {number}" for number in range(1, 21))


def cell(source: str, id: str, **fields: Any) -> dict[str, Any]:
    return code(source, id=id, **fields)


def notebook(*cells: dict[str, Any], **metadata: Any) -> ReadableNotebook:
    return read_notebook(notebook_bytes(list(cells), **metadata))


def changes(old: ReadableNotebook, new: ReadableNotebook) -> tuple[CellChange, ...]:
    return compare_notebooks(old, new).cells


def told(found: tuple[CellChange, ...]) -> list[tuple[str, str | None, bool]]:
    return [(one.change, one.id, one.moved) for one in found]


def lines(hunk: Hunk) -> list[str]:
    return [line.sign + line.text for line in hunk.lines]


def test_what_is_equal_is_not_told() -> None:
    same = notebook(cell("x", "a"), cell("y", "b"))
    assert not compare_notebooks(same, same).any


def test_cells_are_told_in_the_order_of_the_new_notebook() -> None:
    old = notebook(cell("1", "a"), cell("gone", "b"), cell("2", "c"), cell("end", "d"))
    new = notebook(cell("new", "n"), cell("1", "a"), cell("2 and more", "c"), cell("end", "d"))
    found = changes(old, new)
    assert told(found) == [("added", "n", False), ("removed", "b", False), ("edited", "c", False)]
    assert [(one.old_index, one.new_index) for one in found] == [(None, 0), (1, None), (2, 2)]


def test_a_moved_cell_is_told_once_and_shows_how_it_begins() -> None:
    cells = [cell("1", "a"), cell("2", "b"), cell("3", "c"), cell(LONG, "d")]
    found = changes(notebook(*cells), notebook(cells[3], *cells[:3]))
    assert told(found) == [("moved", "d", True)]
    assert (found[0].old_index, found[0].new_index) == (3, 0)
    assert lines(found[0].hunks[0]) == [" line 1", " line 2", " line 3"]


def test_a_cell_that_was_moved_and_edited_is_both() -> None:
    cells = [cell("1", "a"), cell("2", "b"), cell("3", "c")]
    found = changes(notebook(*cells), notebook(cell("3 + 1", "c"), *cells[:2]))
    assert told(found) == [("edited", "c", True)]


def test_an_edited_cell_shows_what_differs_with_some_lines_around() -> None:
    edited = LONG.replace("line 2\n", "").replace("line 15", "line fifteen")
    first, second = changes(notebook(cell(LONG, "a")), notebook(cell(edited, "a")))[0].hunks
    assert lines(first) == [" line 1", "-line 2", " line 3", " line 4", " line 5"]
    assert (second.old_start, second.new_start) == (12, 11)
    assert lines(second)[3:5] == ["-line 15", "+line fifteen"]
    assert len(second.lines) == 8


def test_changes_that_are_near_each_other_share_their_lines_around() -> None:
    edited = LONG.replace("line 5\n", "").replace("line 12\n", "")
    assert len(changes(notebook(cell(LONG, "a")), notebook(cell(edited, "a")))[0].hunks) == 1


def test_within_a_line_the_words_that_differ_are_marked() -> None:
    old, new = notebook(cell("model = fit(x, 10)", "a")), notebook(cell("model = fit(x, 500)", "a"))
    minus, plus = changes(old, new)[0].hunks[0].lines
    assert [minus.text[a:b] for a, b in minus.marks] == ["10"]
    assert [plus.text[a:b] for a, b in plus.marks] == ["500"]
    other = changes(old, notebook(cell("print('nothing alike')", "a")))[0].hunks[0]
    assert all(line.marks == () for line in other.lines)


def test_tags_a_kernel_and_the_kind_of_a_cell_are_told() -> None:
    old = notebook(cell("x", "a"), kernelspec={"name": "python3"})
    new = notebook(
        cell("x", "a", cell_type="raw", metadata={"tags": ["t"]}), kernelspec={"name": "ir"}
    )
    found = compare_notebooks(old, new)
    assert [(f.key, f.old, f.new) for f in found.fields] == [("kernelspec.name", "python3", "ir")]
    assert [(f.key, f.old, f.new) for f in found.cells[0].fields] == [
        ("cell type", "code", "raw"),
        ("tags", None, "t"),
    ]
    assert found.cells[0].hunks == ()


def test_a_whole_notebook_is_added_and_removed_with_all_its_lines() -> None:
    whole = notebook(cell("x\ny", "a"), cell("", "b"))
    added = compare_notebooks(EMPTY, whole)
    assert told(added.cells) == [("added", "a", False), ("added", "b", False)]
    assert lines(added.cells[0].hunks[0]) == ["+x", "+y"]
    assert added.cells[1].hunks == ()
    removed = compare_notebooks(whole, EMPTY)
    assert lines(removed.cells[0].hunks[0]) == ["-x", "-y"]


SOURCES = st.lists(st.sampled_from(["x", "y = 2", "", "z()"]), max_size=6).map("\n".join)
CELLS = st.lists(
    st.tuples(st.sampled_from("abcdef"), SOURCES), max_size=6, unique_by=lambda c: c[0]
)


def apply(source: str, hunks: tuple[Hunk, ...]) -> str:
    """Return ``source`` with the changes of ``hunks`` made."""
    before = source.split("\n") if source else []
    after: list[str] = []
    place = 0
    for hunk in hunks:
        after += before[place : hunk.old_start - 1]
        assert len(after) == hunk.new_start - 1
        after += [line.text for line in hunk.lines if line.sign != "-"]
        place = hunk.old_start - 1 + sum(line.sign != "+" for line in hunk.lines)
    return "\n".join(after + before[place:])


@given(CELLS, CELLS)
def test_the_new_notebook_is_the_old_one_with_what_is_told(
    old: list[tuple[str, str]], new: list[tuple[str, str]]
) -> None:
    found = changes(
        notebook(*(cell(source, id) for id, source in old)),
        notebook(*(cell(source, id) for id, source in new)),
    )
    touched = {one.old_index for one in found}
    untouched = iter([source for place, (_, source) in enumerate(old) if place not in touched])
    made = {
        one.new_index: apply("" if one.old_index is None else old[one.old_index][1], one.hunks)
        for one in found
        if one.new_index is not None
    }
    assert [made[place] if place in made else next(untouched) for place in range(len(new))] == [
        source for _, source in new
    ]
    assert list(untouched) == []


def test_huge_cells_take_no_endless_time() -> None:
    chance = random.Random(5)

    def huge() -> ReadableNotebook:
        sources = ("\n".join(chance.choices("abcdefgh", k=20_000)) for _ in range(5))
        return notebook(*(cell(source, f"id{n}") for n, source in enumerate(sources)))

    old, new = huge(), huge()
    one_line = notebook(cell("a b " * 500_000, "long")), notebook(cell("b a " * 500_000, "long"))
    began = time.monotonic()
    assert len(changes(old, new)) == 5
    assert len(changes(*one_line)) == 1
    assert time.monotonic() - began < 15
