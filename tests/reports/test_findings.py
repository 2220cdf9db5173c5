from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.reports.findings import NO_FILE, name_cell, quote_path
from jupyter_mlops.text import visible

HOSTILE = ["a\nb.ipynb", "it's \x1b[31m.ipynb", "back\\slash\t.ipynb", "line\u2028end.ipynb"]


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (CellPlace(0, None), "cell 1"),
        (CellPlace(6, "load-data"), "cell 7 (load-data)"),
        (CellPlace(1, "\x1b[2J"), r"cell 2 (\x1b[2J)"),
        (CellPlace(1, "x" * 64), f"cell 2 ({'x' * 23}…)"),
    ],
)
def test_cells_are_counted_from_one_and_ids_steer_nothing(place: CellPlace, shown: str) -> None:
    assert name_cell(place) == shown


def test_plain_paths_are_quoted_as_usual() -> None:
    assert quote_path("data/a.ipynb") == "data/a.ipynb"
    assert quote_path("two words.ipynb") == "'two words.ipynb'"


def test_a_path_is_no_option() -> None:
    assert quote_path("-rf.ipynb") == "./-rf.ipynb"


def test_what_has_no_file_has_a_name_to_fill_in() -> None:
    assert quote_path(NO_FILE) == "NOTEBOOK.ipynb"


@given(st.text(min_size=1))
def test_a_quoted_path_shows_all_that_it_holds(path: str) -> None:
    assert visible(quote_path(path)) == quote_path(path)


@pytest.mark.parametrize("path", HOSTILE)
def test_bash_reads_a_quoted_path_as_it_was(path: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "-c", f"printf %s {quote_path(path)}"],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8"},
    )
    assert done.stdout.decode() == path
