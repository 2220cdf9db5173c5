from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.erasure import (
    EMPTY_FILE,
    MAX_HASHES,
    MAX_TEXT_LETTERS,
    Erasure,
    decode_erasure,
    encode_erasure,
)
from jupyter_mlops.ids import Hash, format_hash
from tests.formats.samples import ERASURE, hashes
from tests.support import second_reader

lists = st.sets(hashes.filter(lambda id: id != EMPTY_FILE), max_size=4)
sorted_lists = lists.map(lambda found: tuple(sorted(found)))
erasures = st.builds(
    Erasure,
    at=st.datetimes(max_value=datetime(8999, 12, 31), timezones=st.just(UTC)),
    by=st.text(max_size=9),
    reason=st.none() | st.text(max_size=9),
    erased=sorted_lists,
    pieces=sorted_lists,
    lifted=sorted_lists,
    here_only=st.booleans(),
).filter(lambda one: bool(one.erased or one.lifted) and not set(one.erased) & set(one.lifted))


@given(erasures)
def test_what_is_written_is_read_back(erasure: Erasure) -> None:
    data = encode_erasure(erasure)
    assert decode_erasure(data, origin="e") == erasure
    assert second_reader.read_erasure(data)["by"] == json.loads(data)["by"]


@pytest.mark.parametrize(
    "changes",
    [
        {"erased": (), "lifted": ()},
        {"erased": (EMPTY_FILE,)},
        {"pieces": (EMPTY_FILE,)},
        {"lifted": ERASURE.erased},
        {"by": "x" * (MAX_TEXT_LETTERS + 1)},
        {"reason": "x" * (MAX_TEXT_LETTERS + 1)},
        {"pieces": tuple(Hash(number.to_bytes(32, "big")) for number in range(MAX_HASHES))},
        {"at": datetime(2026, 1, 31)},
        {"at": datetime(9000, 1, 1, tzinfo=UTC)},
    ],
)
def test_what_would_be_refused_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"erasure|time zone"):
        encode_erasure(dataclasses.replace(ERASURE, **changes))


def _changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    values = json.loads(encode_erasure(ERASURE))
    change(values)
    text = json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return text.encode("utf-8", "backslashreplace")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        encode_erasure(ERASURE)[:-1],
        encode_erasure(ERASURE).replace(b"\n ", b"\n  ", 1),
        _changed(lambda values: values.update(more=1)),
        _changed(lambda values: values.pop("by")),
        _changed(lambda values: values.update(by=1)),
        _changed(lambda values: values.update(here_only=0)),
        _changed(lambda values: values.update(format=-1)),
        _changed(lambda values: values.update(at="2026-01-31")),
        _changed(lambda values: values.update(at="2026-13-31T12:00:00.000000Z")),
        _changed(lambda values: values.update(at="9000-01-01T12:00:00.000000Z")),
        _changed(lambda values: values["erased"].append("b3:00")),
        _changed(lambda values: values["erased"].reverse()),
        _changed(lambda values: values["erased"].append(values["erased"][-1])),
        _changed(lambda values: values["erased"].append(values["lifted"][0])),
        _changed(lambda values: values.update(erased=[format_hash(EMPTY_FILE)])),
        _changed(lambda values: values.update(erased=[], lifted=[])),
        _changed(lambda values: values.update(reason="x" * (MAX_TEXT_LETTERS + 1))),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError) as caught:
        decode_erasure(data, origin="e")
    assert caught.value.code == "erasure-invalid"
    with pytest.raises(second_reader.NotValid):
        second_reader.read_erasure(data)


def test_a_newer_format_asks_for_an_upgrade() -> None:
    data = _changed(lambda values: values.update(format=1, more=2))
    with pytest.raises(UnsupportedError) as caught:
        decode_erasure(data, origin="e")
    assert caught.value.code == "format-newer"
    with pytest.raises(second_reader.Newer):
        second_reader.read_erasure(data)
