from __future__ import annotations

import itertools
import random
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.notebooks.match import CellPair, match_cells

Cells = list[dict[str, Any]]


def cells(*sources: str, kind: str = "code") -> Cells:
    """Return cells without ids."""
    return [{"cell_type": kind, "metadata": {}, "source": source} for source in sources]


def named(**sources: str) -> Cells:
    """Return cells by their ids."""
    return [{"cell_type": "code", "id": name, "source": text} for name, text in sources.items()]


def places(old: Cells, new: Cells) -> list[tuple[int, int]]:
    return [(pair.old, pair.new) for pair in match_cells(old, new)]


def moved(old: Cells, new: Cells) -> list[tuple[int, int]]:
    return [(pair.old, pair.new) for pair in match_cells(old, new) if pair.moved]


LOAD = 'import pandas as pd\nframe = pd.read_csv("train.csv")'
FIT = "model = RandomForest(n_estimators=100)\nmodel.fit(frame[columns], frame.target)"
PLOT = 'ax = frame.plot.scatter("age", "income")\nax.set_title("Income by age")'


def test_an_id_decides_even_when_all_else_has_changed() -> None:
    assert places(named(a=LOAD, b=FIT), named(b=PLOT, a=FIT)) == [(1, 0), (0, 1)]


def test_an_id_that_two_cells_have_decides_nothing() -> None:
    twice = [*named(a=LOAD), *named(a=FIT)]
    assert places(twice, [*named(a=FIT), *named(a=LOAD)]) == [(1, 0), (0, 1)]


def test_ids_that_number_the_cells_are_no_names() -> None:
    old = named(**{"0": LOAD, "1": FIT})
    new = named(**{"0": PLOT, "1": LOAD, "2": FIT})
    assert places(old, new) == [(0, 1), (1, 2)]
    assert moved(old, new) == []


def test_cells_without_ids_are_told_by_their_sources() -> None:
    edited = FIT.replace("100", "500")
    assert places(cells(LOAD, FIT), cells(LOAD, PLOT, edited)) == [(0, 0), (1, 2)]


def test_ids_that_a_notebook_got_on_the_way_do_not_make_its_cells_new() -> None:
    new = named(a=LOAD, b=FIT.replace("100", "500"))
    assert places(cells(LOAD, FIT), new) == [(0, 0), (1, 1)]


def test_cells_whose_ids_differ_must_be_very_much_alike_to_be_the_same() -> None:
    rewritten = "boosting = Boosting(depth=3)\nboosting.fit(frame[columns])"
    assert places(cells(FIT), cells(rewritten)) == [(0, 0)]
    assert places(named(a=FIT), named(b=rewritten)) == []
    assert places(named(a=FIT), named(b=FIT.replace("100", "500"))) == [(0, 0)]


def test_a_cell_of_another_kind_with_the_same_id_is_the_same_cell() -> None:
    old = named(a=LOAD)
    assert places(old, [old[0] | {"cell_type": "markdown"}]) == [(0, 0)]


def test_what_has_nothing_in_common_is_another_cell() -> None:
    assert places(cells(LOAD), cells(PLOT)) == []
    assert places(cells("x = 1", PLOT, "y"), cells(LOAD, "x = 1")) == [(0, 1)]


def test_of_several_that_resemble_it_a_cell_is_the_most_alike() -> None:
    variant = FIT.replace("100", "100, max_depth=3, criterion='gini'")
    assert places(cells(FIT), cells(variant, FIT.replace("100", "200"))) == [(0, 1)]


def test_equal_cells_keep_their_neighbours() -> None:
    old = cells(LOAD, "frame.head()", FIT, "frame.head()", PLOT)
    new = cells(FIT, "frame.head()", PLOT)
    assert places(old, new) == [(2, 0), (3, 1), (4, 2)]


def test_empty_cells_are_told_by_where_they_stand_and_never_moved() -> None:
    assert places(cells("", LOAD, "", FIT), cells(LOAD, "", FIT)) == [(1, 0), (2, 1), (3, 2)]
    assert moved(cells("", LOAD, FIT), cells(LOAD, FIT, "")) == []


def test_a_moved_cell_is_told_as_moved_and_those_that_it_passed_are_not() -> None:
    old = named(a=LOAD, b=FIT, c=PLOT, d="done()")
    assert moved(old, [old[3], *old[:3]]) == [(3, 0)]
    assert moved(old, [*old[1:], old[0]]) == [(0, 3)]
    assert moved(old, old) == []


def test_a_moved_cell_without_id_is_known_by_its_source_also_when_edited() -> None:
    edited = FIT.replace("100", "500")
    assert moved(cells(FIT, LOAD, PLOT), cells(LOAD, PLOT, edited)) == [(0, 2)]


def test_what_is_short_and_far_away_is_not_taken_for_the_same() -> None:
    assert moved(cells("x = 1", LOAD, FIT), cells(LOAD, FIT, "x = 2")) == []


SOURCES = st.sampled_from(["", "x", "x = 1", "x = 2", LOAD, FIT, PLOT, FIT + "\nx"])
CELLS = st.lists(
    st.fixed_dictionaries(
        {"cell_type": st.sampled_from(["code", "markdown"]), "source": SOURCES},
        optional={"id": st.sampled_from(["0", "1", "a", "b", "c", 7])},
    ),
    max_size=8,
)


@given(CELLS, CELLS)
def test_each_cell_is_in_one_pair_at_most_and_as_few_as_possible_are_moved(
    old: Cells, new: Cells
) -> None:
    pairs = match_cells(old, new)
    assert [pair.new for pair in pairs] == sorted({pair.new for pair in pairs})
    assert len({pair.old for pair in pairs}) == len(pairs)
    assert all(pair.old < len(old) and pair.new < len(new) for pair in pairs)
    staying = [pair.old for pair in pairs if not pair.moved]
    assert staying == sorted(staying)
    longest = max(
        size
        for size in range(len(pairs) + 1)
        for chosen in itertools.combinations([pair.old for pair in pairs], size)
        if list(chosen) == sorted(chosen)
    )
    assert len(staying) == longest
    assert match_cells(old, new) == pairs


@given(CELLS)
def test_a_notebook_is_matched_with_itself_cell_by_cell(same: Cells) -> None:
    assert match_cells(same, same) == tuple(CellPair(n, n, False) for n in range(len(same)))


def test_the_time_does_not_grow_with_the_square_of_the_notebook() -> None:
    words = random.Random(1)

    def big(count: int, length: int) -> Cells:
        return cells(*(" ".join(words.choices("abcdefghij+-*/", k=length)) for _ in range(count)))

    began = time.monotonic()
    match_cells(big(10_000, 20), big(10_000, 20))
    match_cells(big(300, 5_000), big(300, 5_000))
    assert time.monotonic() - began < 20
