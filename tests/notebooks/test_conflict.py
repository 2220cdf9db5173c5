from __future__ import annotations

import pytest

from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.conflict import find_marked, is_marked, join_sources
from tests.notebooks.conftest import NOT_NOTEBOOKS, code, notebook_bytes


@pytest.mark.parametrize(
    "source",
    [
        join_sources("a", "b"),
        join_sources("", "b\n", notes=("the cell is deleted", "")),
        join_sources("a", "b", mark_bytes=20),
        "x\n<<<<<<< HEAD\na\n||||||| base\n=======\nb\n>>>>>>> topic\ny",
        "<<<<<<< ours\r\na\r\n=======\r\nb\r\n>>>>>>> theirs\r\n",
    ],
)
def test_a_conflict_is_seen(source: str) -> None:
    assert is_marked(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "Title\n=======\n",
        "print('<<<<<<< ours')\n=======\n>>>>>>> theirs",
        "=======\n<<<<<<< ours\n>>>>>>> theirs",
        "<<<<<<< ours\n=======",
        "<<<<<<<ours\n=======\n>>>>>>> theirs",
        " <<<<<<< ours\n =======\n >>>>>>> theirs",
    ],
)
def test_what_only_looks_like_one_is_not(source: str) -> None:
    assert not is_marked(source)


def test_cells_are_named_by_place_and_id_whatever_the_rest_holds() -> None:
    marked = join_sources("a", "b")
    cells = [code("a"), code(marked, id="m"), code(marked, id=7), code("b") | {"source": marked}]
    found = [CellPlace(1, "m"), CellPlace(2, None)]
    data = notebook_bytes(cells, odd=float("nan"))
    assert find_marked(data)[:2] == found
    assert len(find_marked(data)) == 3


@pytest.mark.parametrize("data", NOT_NOTEBOOKS.values(), ids=list(NOT_NOTEBOOKS))
def test_what_is_no_notebook_has_no_marked_cells(data: bytes) -> None:
    assert find_marked(data) == []
