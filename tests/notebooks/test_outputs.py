from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.notebooks.outputs import (
    Removed,
    RemovedCell,
    attach_outputs,
    decode_outputs,
    encode_outputs,
    same_outputs,
)
from jupyter_mlops.notebooks.strip import StripSettings, strip
from tests.notebooks.conftest import NOT_NOTEBOOKS, NOTEBOOKS, code, notebook_bytes

DEFAULT = StripSettings()
GOLDEN = (
    b'{"format":0,"created_at":"2026-01-02T12:00:00.000000Z","notebook":"","cells":['
    b'{"source":"blake3:6ff0ad1a893d4cc58ce8cb84c7c8a2b9bc4ac2ad8a8ad5ae5ae8a29aeb1b7d1f",'
    b'"id":"a","fields":"{\\"execution_count\\":1,\\"outputs\\":[NaN,\\"\\\\u00e9\\"]}"},'
    b'{"source":"blake3:6ff0ad1a893d4cc58ce8cb84c7c8a2b9bc4ac2ad8a8ad5ae5ae8a29aeb1b7d1f"}]}'
)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ONE = datetime(2026, 1, 2, 13, tzinfo=UTC)


def test_stripping_what_was_attached_gives_the_stripped_notebook(notebook: bytes) -> None:
    stripped = strip(notebook, DEFAULT)
    if stripped.removed is None:
        assert stripped.notebook == strip(NOTEBOOKS["markdown"], DEFAULT).notebook
        return
    whole = attach_outputs(
        stripped.notebook, decode_outputs(encode_outputs(stripped.removed, NOON))
    )
    assert whole != stripped.notebook
    assert strip(whole, DEFAULT).notebook == stripped.notebook
    assert strip(whole, DEFAULT).removed is not None


@pytest.mark.parametrize("name", ["plain", "figure", "kept", "no ids", "old", "keeps all"])
def test_files_that_jupyter_wrote_come_back_byte_for_byte(name: str) -> None:
    stripped = strip(NOTEBOOKS[name], DEFAULT)
    assert stripped.removed is not None
    assert attach_outputs(stripped.notebook, stripped.removed) == NOTEBOOKS[name]


def test_a_cell_whose_source_differs_gets_no_outputs() -> None:
    ran = strip(notebook_bytes([code("a", id="1"), code("b", id="2")]), DEFAULT)
    edited = strip(notebook_bytes([code("b", id="2"), code("edited", id="1")]), DEFAULT)
    assert ran.removed is not None
    cells = json.loads(attach_outputs(edited.notebook, ran.removed))["cells"]
    assert [bool(cell["outputs"]) for cell in cells] == [True, False]


def test_cells_without_ids_keep_their_place() -> None:
    first, second = ({**code("same"), "outputs": [], "execution_count": count} for count in (1, 2))
    cells = [{k: v for k, v in cell.items() if k != "id"} for cell in (first, second)]
    data = notebook_bytes(cells, minor=4)
    stripped = strip(data, DEFAULT)
    assert stripped.removed is not None
    assert attach_outputs(stripped.notebook, stripped.removed) == data


def test_payloads_are_these_bytes() -> None:
    source = "blake3:6ff0ad1a893d4cc58ce8cb84c7c8a2b9bc4ac2ad8a8ad5ae5ae8a29aeb1b7d1f"
    fields = {"execution_count": 1, "outputs": [float("nan"), "é"]}
    cells = (RemovedCell("a", source, fields), RemovedCell(None, source, {}))
    assert encode_outputs(Removed({}, cells), NOON) == GOLDEN
    assert encode_outputs(decode_outputs(GOLDEN), NOON) == GOLDEN


def test_an_id_with_half_of_a_surrogate_pair_counts_as_none() -> None:
    stripped = strip(notebook_bytes([code("x")]).replace(b'"id-', b'"\\ud800'), DEFAULT)
    assert stripped.removed is not None
    payload = encode_outputs(stripped.removed, NOON)
    whole = attach_outputs(stripped.notebook, decode_outputs(payload))
    assert b"one" in whole
    assert strip(whole, DEFAULT).notebook == stripped.notebook


def test_when_it_was_made_does_not_make_outputs_differ() -> None:
    removed = strip(NOTEBOOKS["figure"], DEFAULT).removed
    other = strip(NOTEBOOKS["plain"], DEFAULT).removed
    assert removed is not None
    assert other is not None
    assert encode_outputs(removed, NOON) != encode_outputs(removed, ONE)
    assert same_outputs(encode_outputs(removed, NOON), encode_outputs(removed, ONE))
    assert not same_outputs(encode_outputs(removed, NOON), encode_outputs(other, NOON))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format":0}',
        GOLDEN.replace(b':""', b':"[]"', 1),
        GOLDEN.replace(b':""', b':"{"', 1),
        GOLDEN.replace(b"}]}", b'}],"more":1}'),
        GOLDEN.replace(b"T12", b" 12"),
        GOLDEN.replace(b":", b": ", 1),
        GOLDEN.replace(b"}]}", b',"id":null}]}'),
        b"\xff",
    ],
)
def test_a_damaged_payload_is_named(payload: bytes) -> None:
    with pytest.raises(IntegrityError):
        decode_outputs(payload)


def test_a_newer_payload_is_named() -> None:
    with pytest.raises(UnsupportedError) as caught:
        decode_outputs(b'{"format":1}')
    assert caught.value.code == "format-newer"


def test_what_is_not_a_notebook_gets_nothing() -> None:
    lost = Removed({"metadata": {"widgets": 1}}, (RemovedCell(None, "", {"outputs": []}),))
    assert attach_outputs(NOT_NOTEBOOKS["conflict"], lost) == NOT_NOTEBOOKS["conflict"]


FIELDS = st.dictionaries(
    st.sampled_from(["outputs", "metadata", "source", "cell_type", "nbformat", "cells"]),
    st.none() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.text()),
)


@given(FIELDS, FIELDS)
def test_hostile_fields_never_raise(top: dict[str, Any], fields: dict[str, Any]) -> None:
    stripped = strip(NOTEBOOKS["plain"], DEFAULT)
    assert stripped.removed is not None
    cells = tuple(RemovedCell(c.id, c.source, fields) for c in stripped.removed.cells)
    assert attach_outputs(stripped.notebook, Removed(top, cells))
