from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.snapshot import (
    LeftOut,
    SnapshotPath,
    SnapshotRecord,
    decode_snapshot_record,
    encode_snapshot_record,
)
from tests.formats.samples import SNAPSHOT, hashes, paths

text = st.text(max_size=9)
scalars = text | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
counts = st.integers(0, 2**63 - 1)
snapshot_paths = st.lists(
    st.builds(
        SnapshotPath, paths, st.sampled_from(["file", "tree", "external"]), hashes, counts, counts
    ),
    max_size=4,
    unique_by=lambda path: path.path,
).map(lambda found: tuple(sorted(found)))
records = st.builds(
    SnapshotRecord,
    id=st.from_regex(r"\A[g-z][a-z2-7]{11}\Z"),
    created_at=st.datetimes(timezones=st.just(UTC)),
    name=st.none() | text,
    base=st.none() | st.from_regex(r"\A[0-9a-f]{40}\Z"),
    branch=st.none() | text,
    message=st.none() | text,
    notebook=st.none() | text,
    cells=st.lists(text, max_size=3).map(tuple),
    params=st.dictionaries(text, st.none() | scalars, max_size=3),
    metrics=st.dictionaries(text, st.floats(allow_nan=False), max_size=3),
    environment=st.dictionaries(text, text, max_size=3),
    command=st.lists(text, max_size=3).map(tuple),
    automatic=st.booleans(),
    paths=snapshot_paths,
    left_out=st.lists(st.builds(LeftOut, text, text), max_size=3).map(tuple),
)


@given(records)
def test_what_is_written_is_read_back(record: SnapshotRecord) -> None:
    data = encode_snapshot_record(record)
    assert decode_snapshot_record(data, origin="s") == record
    assert json.loads(data)["id"] == record.id


def test_numbers_that_are_not_finite_survive_as_metrics() -> None:
    record = dataclasses.replace(
        SNAPSHOT,
        metrics={"a": math.nan, "b": math.inf, "c": -math.inf},
        params={"a": math.nan, "b": math.inf, "c": -math.inf},
    )
    decoded = decode_snapshot_record(encode_snapshot_record(record), origin="s")
    assert math.isnan(decoded.metrics["a"])
    assert (decoded.metrics["b"], decoded.metrics["c"]) == (math.inf, -math.inf)
    assert decoded.params == {"a": "NaN", "b": "Infinity", "c": "-Infinity"}


def test_the_time_is_kept_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    record = dataclasses.replace(SNAPSHOT, created_at=datetime(2026, 1, 31, 14, 0, tzinfo=east))
    assert b'"created_at": "2026-01-31T12:00:00.000000Z"' in encode_snapshot_record(record)
    with pytest.raises(ValueError, match="no time zone"):
        encode_snapshot_record(dataclasses.replace(SNAPSHOT, created_at=datetime(2026, 1, 31)))


def _with(change: Callable[[dict[str, Any]], object]) -> bytes:
    values = json.loads(encode_snapshot_record(SNAPSHOT))
    change(values)
    dumped = json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return dumped.encode("utf-8", "backslashreplace")


GOOD = _with(lambda values: None)


def test_the_page_gives_the_form() -> None:
    assert encode_snapshot_record(SNAPSHOT) == GOOD


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b"[" * 200_000, "it is nested too deeply"),
        (b'{"format": ' + b"9" * 5000 + b"}", "it is not JSON"),
        (_with(lambda v: v.update(colour=1)), "unknown field `colour`"),
        (_with(lambda v: v.pop("base")), "missing required field `base`"),
        (_with(lambda v: v.update(cells="x")), "$.cells"),
        (_with(lambda v: v.update(params={"a": [1]})), "$.params"),
        (
            _with(lambda v: v.update(metrics={"a": "high"})),
            "the metric 'a' is 'high', not a number",
        ),
        (_with(lambda v: v.update(metrics={"a": 1})), "another form"),
        (_with(lambda v: v.update(format=-1)), "its format is -1"),
        (_with(lambda v: v.update(id="abc")), "its id 'abc' is none"),
        (_with(lambda v: v.update(base="main")), "its base 'main' is not the full id of a commit"),
        (_with(lambda v: v.update(created_at="2026-01-31")), "its time '2026-01-31' is not"),
        (_with(lambda v: v.update(created_at="2026-13-31T12:00:00.000000Z")), "month"),
        (_with(lambda v: v["paths"][0].update(path="../x")), "the path '../x' is refused"),
        (_with(lambda v: v["paths"][0].update(kind="x")), "$.paths[0].kind"),
        (_with(lambda v: v["paths"][0].update(hash="md5:1")), "not a content hash: 'md5:1'"),
        (_with(lambda v: v["paths"][0].update(files=-1)), "between 0 and 2**63 - 1"),
        (_with(lambda v: v["paths"].reverse()), "the path 'data' stands after 'model.bin'"),
        (GOOD.replace(b"0.91", b"9.1e-1"), "another form"),
        (GOOD.replace(b'"NaN"', b"NaN"), "another form"),
        (GOOD.replace(b'"automatic"', b'"automatic": true, "automatic"'), "another form"),
        (GOOD.rstrip(b"\n"), "another form"),
        (GOOD.replace(b'"cells": [', b'"cells": [' + b'"",' * 12_000_000), "another form"),
        (GOOD.replace(b"\n", b"\r\n"), "another form"),
    ],
)
def test_anything_else_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        decode_snapshot_record(data, origin="k7abc234mnop")
    assert caught.value.message.startswith("The snapshot record k7abc234mnop is not valid: ")
    assert reason in caught.value.message
    assert caught.value.code == "snapshot-invalid"


@given(st.data())
def test_a_changed_byte_is_refused_or_says_something_else(data: st.DataObject) -> None:
    changed = bytearray(GOOD)
    changed[data.draw(st.integers(0, len(GOOD) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        record = decode_snapshot_record(bytes(changed), origin="s")
    except (IntegrityError, UnsupportedError):
        return
    assert encode_snapshot_record(record) == changed


def test_a_newer_format_asks_for_an_upgrade() -> None:
    with pytest.raises(UnsupportedError) as caught:
        decode_snapshot_record(b'{"format": 1, "new": true}', origin="s")
    assert caught.value.code == "format-newer"


def test_a_record_that_would_be_refused_is_not_written() -> None:
    for change in ({"id": "x"}, {"base": "HEAD"}, {"paths": tuple(reversed(SNAPSHOT.paths))}):
        with pytest.raises(ValueError):
            encode_snapshot_record(dataclasses.replace(SNAPSHOT, **change))
