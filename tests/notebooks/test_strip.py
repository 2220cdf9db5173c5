from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
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


def nbstripout(folder: Path, notebooks: list[bytes], *options: str) -> bytes:
    """Return what nbstripout's own command line makes of the notebooks, one after the other."""
    paths = []
    for number, data in enumerate(notebooks):
        path = folder / f"{number}.ipynb"
        path.write_bytes(data)
        paths.append(path.name)
    command = [sys.executable, "-m", "nbstripout", "--keep-id", "--textconv", *options, *paths]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout


def test_bytes_are_those_of_nbstripouts_command_line(tmp_path: Path) -> None:
    ours = [strip(data, DEFAULT).notebook for data in NOTEBOOKS.values()]
    assert nbstripout(tmp_path, list(NOTEBOOKS.values())) == b"".join(ours)


def test_keys_of_git_configuration_are_nbstripouts(tmp_path: Path) -> None:
    data = notebook_bytes(
        [code("a", metadata={"own": {"k": 1, "l": 2}, "scrolled": True})],
        kernelspec={"name": "python3"},
        wrong="stays",
    )
    extra, keep = "metadata.kernelspec cell.metadata.own.k wrong", "cell.metadata.scrolled"
    options = ("--extra-keys", extra, "--keep-metadata-keys", keep)
    ours = strip(data, resolve_settings(extra, keep))
    assert ours.notebook == nbstripout(tmp_path, [data], *options)
    assert json.loads(ours.notebook)["cells"][0]["metadata"] == {"own": {"l": 2}, "scrolled": True}


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
METADATA = st.dictionaries(NAMES, JSON, max_size=3)
TEXTS = st.text(max_size=8) | st.lists(st.text(max_size=5), max_size=3)
OUTPUTS = st.lists(
    st.fixed_dictionaries({"output_type": st.sampled_from(["stream"]), "text": TEXTS})
    | st.fixed_dictionaries(
        {"output_type": st.just("display_data"), "data": st.dictionaries(NAMES, JSON)}
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


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(CELLS, max_size=3), METADATA, st.sampled_from([0, 4, 5, 9]))
def test_any_json_is_stripped_once_and_for_all(
    cells: list[dict[str, object]], metadata: dict[str, object], minor: int
) -> None:
    data = notebook_bytes(cells, minor=minor, **metadata)
    once = strip(data, DEFAULT)
    again = strip(once.notebook, DEFAULT)
    assert (again.notebook, again.problem) == (once.notebook, once.problem)


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
