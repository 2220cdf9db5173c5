from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.strip import (
    StripSettings,
    carries_outputs,
    find_unstripped,
    resolve_settings,
    strip,
)
from tests.notebooks.conftest import FIGURE, NOTEBOOKS, code, notebook_bytes

DEFAULT = StripSettings()


def test_stripping_twice_changes_nothing(notebook: bytes) -> None:
    once = strip(notebook, DEFAULT)
    again = strip(once.notebook, DEFAULT)
    assert once.problem is None
    assert again.notebook == once.notebook
    assert again.removed is None


def test_what_is_not_a_notebook_passes_unchanged_and_says_why(not_notebook: bytes) -> None:
    stripped = strip(not_notebook, DEFAULT)
    assert stripped.notebook == not_notebook
    assert stripped.removed is None
    assert stripped.problem is not None


def test_an_empty_file_passes_without_a_word() -> None:
    assert strip(b"", DEFAULT).notebook == b""
    assert strip(b"", DEFAULT).problem is None


def test_ids_are_neither_renumbered_nor_invented() -> None:
    missing = notebook_bytes([{k: v for k, v in code("a").items() if k != "id"}])
    cell = json.loads(strip(missing, DEFAULT).notebook)["cells"][0]
    assert "id" not in cell
    double = notebook_bytes([code("a", id="same"), code("b", id="same")])
    ids = [cell["id"] for cell in json.loads(strip(double, DEFAULT).notebook)["cells"]]
    assert ids == ["same", "same"]


def test_half_of_a_surrogate_pair_is_kept_as_an_escape() -> None:
    data = notebook_bytes([code("x")]).replace(b'"x"', b'"\\ud83d"')
    once = strip(data, DEFAULT)
    assert b"\\ud83d" in once.notebook
    assert strip(once.notebook, DEFAULT).notebook == once.notebook


def test_notebooks_that_carry_outputs_are_told_without_nbformat() -> None:
    assert carries_outputs(NOTEBOOKS["plain"])
    assert carries_outputs(NOTEBOOKS["figure"])
    assert carries_outputs(notebook_bytes([code("x", outputs=[])]))
    kept = code("x", metadata={"tags": ["keep_output"]}, execution_count=None, outputs=[FIGURE])
    assert not carries_outputs(notebook_bytes([kept]))
    assert not carries_outputs(b"")
    assert not carries_outputs(b"<<<<<<<")


def test_no_stripped_notebook_carries_outputs(notebook: bytes) -> None:
    assert not carries_outputs(strip(notebook, DEFAULT).notebook)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(["a", "tags", "keep_output", "init_cell", "scrolled", "trusted", "b.c"])
TAGS = st.lists(st.sampled_from(["a", "keep_output"]), max_size=2)
METADATA = st.dictionaries(NAMES, JSON | TAGS, max_size=3)
TEXTS = st.text(max_size=8) | st.lists(st.text(max_size=5), max_size=3)
OUTPUTS = st.lists(
    st.fixed_dictionaries({"output_type": st.sampled_from(["stream"]), "text": TEXTS})
    | st.fixed_dictionaries(
        {"output_type": st.just("display_data"), "data": st.dictionaries(NAMES, JSON)},
        optional={"execution_count": st.integers(0, 9)},
    ),
    max_size=2,
)
CELLS = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "markdown", "raw"]),
        "metadata": METADATA,
        "source": TEXTS,
    },
    optional={"id": st.text(max_size=3), "outputs": OUTPUTS, "execution_count": JSON},
)


SETTINGS = [
    DEFAULT,
    DEFAULT,
    resolve_settings("cell.metadata.tags metadata.keep_output cell.metadata.init_cell"),
    resolve_settings("cell.outputs cell.id", command="nbstripout --drop-empty-cells"),
    resolve_settings(command="nbstripout --max-size 40 --drop-tagged-cells 'a keep_output'"),
    resolve_settings(command="nbstripout --keep-output-type stream --keep-count"),
]


@given(
    st.lists(CELLS, max_size=3),
    METADATA,
    st.sampled_from([0, 4, 5, 9]),
    st.sampled_from(SETTINGS),
)
def test_any_json_is_stripped_once_and_for_all(
    cells: list[dict[str, object]],
    metadata: dict[str, object],
    minor: int,
    settings: StripSettings,
) -> None:
    data = notebook_bytes(cells, minor=minor, **metadata)
    once = strip(data, settings)
    again = strip(once.notebook, settings)
    assert (again.notebook, again.problem) == (once.notebook, once.problem)


def test_what_keeps_outputs_is_not_taken_away_before_them() -> None:
    """nbstripout keeps these outputs, and strips them when it sees its own result."""
    tagged = notebook_bytes([code("a", metadata={"tags": ["keep_output"]})])
    assert b"one" not in strip(tagged, resolve_settings("cell.metadata.tags")).notebook
    counted = {"execution_count": 1, "data": {}, "metadata": {}, "output_type": "execute_result"}
    data = notebook_bytes([code("a", outputs=[counted])])
    for size, kept in ((15, False), (18, True)):
        once = strip(data, resolve_settings(command=f"nbstripout --max-size {size}"))
        assert (b"execute_result" in once.notebook) is kept


def test_unstripped_cells_are_named_by_place_and_id() -> None:
    data = notebook_bytes(
        [
            {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "text"},
            code("a", id="counted", outputs=[]),
            code("b", id="clean", outputs=[], execution_count=None),
            code("c", id=7, execution_count=None),
            code("d", id="kept", execution_count=None, metadata={"tags": ["keep_output"]}),
        ]
    )
    assert find_unstripped(data) == [CellPlace(1, "counted"), CellPlace(3, None)]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"cells": 3}', b"\xff", b"[" * 100_000])
def test_what_is_no_notebook_has_no_unstripped_cells(data: bytes) -> None:
    assert find_unstripped(data) == []
