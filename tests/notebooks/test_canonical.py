from __future__ import annotations

from jupyter_mlops.notebooks.canonical import CellPlace, iter_counts, parse_notebook
from tests.notebooks.conftest import code, notebook_bytes


def test_counts_are_those_of_code_cells_that_ran() -> None:
    notebook = parse_notebook(
        notebook_bytes(
            [
                code("a", id="one", execution_count=2),
                {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "text"},
                code("b", id="two", execution_count=None),
                code("c", id="three", execution_count=5),
            ]
        )
    )
    assert list(iter_counts(notebook)) == [(CellPlace(0, "one"), 2), (CellPlace(3, "three"), 5)]


def test_what_no_kernel_counts_to_is_no_count() -> None:
    cells = [code(str(count), execution_count=count) for count in (2**53, -1, 10**4000, 0)]
    notebook = parse_notebook(notebook_bytes(cells))
    assert [count for _, count in iter_counts(notebook)] == [0]


def test_cells_may_have_no_ids() -> None:
    cell = code("a")
    del cell["id"]
    notebook = parse_notebook(notebook_bytes([cell], minor=4))
    assert list(iter_counts(notebook)) == [(CellPlace(0, None), 3)]
