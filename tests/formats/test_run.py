from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import UnsupportedError
from jupyter_mlops.formats.run import (
    MAX_INTEGER,
    MAX_LINE_BYTES,
    MIN_INTEGER,
    Began,
    Ended,
    Environment,
    Kept,
    Line,
    Metrics,
    Note,
    Params,
    System,
    Tags,
    Uses,
    format_line,
    format_series_name,
    is_series_name,
    parse_line,
)
from jupyter_mlops.ids import format_hash, hash_bytes
from tests.formats.samples import SERIES, hashes, parts, paths

times = st.floats(0, 1e10)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
integers = st.integers(MIN_INTEGER, MAX_INTEGER)
finite = integers | st.floats(allow_nan=False, allow_infinity=False)
numbers = integers | st.floats(allow_nan=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | names,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
lines: st.SearchStrategy[Line] = st.one_of(
    st.builds(Metrics, times, finite, st.dictionaries(names, numbers, max_size=3)),
    st.builds(Params, times, st.dictionaries(names, values, max_size=3)),
    st.builds(System, times, st.dictionaries(names, numbers, max_size=3)),
    st.builds(Environment, times, st.dictionaries(names, names, max_size=3)),
    st.builds(
        Kept,
        times,
        st.sampled_from(["image", "figure", "table", "text", "model", "file"]),
        names,
        parts,
        names,
        st.integers(0, MAX_INTEGER),
        st.none() | finite,
    ),
    st.builds(Uses, times, paths, hashes.map(format_hash), names),
    st.builds(Note, times, names),
    st.builds(Tags, times, st.lists(names, max_size=3).map(tuple)),
    st.builds(Ended, times, st.just("done")),
    st.builds(Ended, times, st.just("failed"), st.none() | names),
)


@given(lines)
def test_what_is_written_is_read_back(line: Line) -> None:
    written = format_line(line)
    assert written.endswith(b"\n") and written.count(b"\n") == 1
    assert parse_line(written, origin="r") == line


def test_numbers_that_json_has_no_form_for_survive_as_metrics_only() -> None:
    odd = {"a": math.nan, "b": math.inf, "c": -math.inf}
    for line in (Metrics(1.0, 0, odd), System(1.0, odd)):
        assert json.loads(format_line(line).replace(b'"system"', b'"values"'))["values"] == {
            "a": "NaN",
            "b": "Infinity",
            "c": "-Infinity",
        }
        assert repr(parse_line(format_line(line), origin="r")) == repr(line)
    params = parse_line(format_line(Params(1.0, {"a": math.nan, "b": [math.inf]})), origin="r")
    assert params == Params(1.0, {"a": "NaN", "b": ["Infinity"]})


def test_what_utf8_has_no_form_for_harms_no_other_value() -> None:
    line = Params(1.0, {"a\udcff": ["\ud800x", 1], "b": 2})
    assert parse_line(format_line(line), origin="r") == Params(1.0, {"a?": ["?x", 1], "b": 2})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"\n", "not JSON"),
        (b"\xff\n", "not JSON"),
        (b'{"at":1,"note":"cut', "truncated"),
        (b"[" * 200_000, "array"),
        (b'{"at":1,"params":{"a":' + b"[" * 200_000, "recursion"),
        (b'{"at":1,"params":{"a":' + b"[" * 99 + b"]" * 99 + b"}}", "a parameter is a list"),
        (b"{" + b" " * MAX_LINE_BYTES + b"}", "longer than 1048576 bytes"),
        (b"[]", "Expected `object`"),
        (b"{}", "at"),
        (b'{"at":1}', "one thing"),
        (b'{"at":"1","note":"x"}', "at"),
        (b'{"at":1,"note":"x","tags":[]}', "one thing"),
        (b'{"at":1,"note":null}', "one thing"),
        (b'{"at":1,"colour":1}', "unknown field `colour`"),
        (b'{"at":1,"step":1,"params":{}}', "unknown field `step`"),
        (b'{"at":1,"values":{"a":1}}', "missing required field `step`"),
        (b'{"at":1,"step":null,"values":{"a":1}}', "$.step"),
        (b'{"at":1,"step":"NaN","values":{"a":1}}', "$.step"),
        (b'{"at":1,"step":99999999999999999999,"values":{"a":1}}', "its step is"),
        (b'{"at":1,"step":1,"values":{"a":99999999999999999999}}', "'a' is 99999999999999999999"),
        (b'{"at":1,"step":1,"values":{"a":"high"}}', "'a' is 'high', not a number"),
        (b'{"at":1,"step":1,"values":{"a":true}}', "$.values"),
        (b'{"at":1e999,"note":"x"}', "out of range"),
        (b'{"at":1,"params":{"a":{"b":1}}}', "$.params"),
        (b'{"at":1,"params":{"a":[{"b":1}]}}', "a parameter is a table"),
        (b'{"at":1,"environment":{"a":1}}', "$.environment"),
        (b'{"at":1,"end":"stopped"}', "$.end"),
        (b'{"at":1,"end":"done","why":"x"}', "why of what did not fail"),
        (b'{"at":1,"uses":{"path":"../x","hash":"","state":""}}', "'..'"),
        (b'{"at":1,"uses":{"path":"x","hash":"md5:1","state":""}}', "not a content hash"),
    ],
)
def test_other_lines_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_line(data, origin="r")


def _kept(**changes: Any) -> bytes:
    values = json.loads(format_line(Kept(1.0, "file", "n", "f", "text/plain", 1)))
    values["kept"].update(changes)
    return json.dumps(values).encode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"file": "../x"}, "holds a '/'"),
        ({"file": ".."}, "'..'"),
        ({"file": "\x1b"}, "control character"),
        ({"kind": "x"}, "$.kept.kind"),
        ({"size_bytes": -1}, "its size is -1"),
    ],
)
def test_a_file_outside_of_the_runs_files_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert parse_line(_kept(), origin="r") == Kept(1.0, "file", "n", "f", "text/plain", 1)
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_line(_kept(**changes), origin="r")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"run": "../x"}, "holds a '/'"),
        ({"id": "abc"}, "its id 'abc' is none"),
        ({"owner": "me"}, "its owner 'me' is none"),
        ({"commit": "main"}, "its commit 'main' is not"),
        ({"source": "/etc/passwd"}, "absolute"),
        ({"format": -1}, "its format is -1"),
        ({"format": True}, "its format is true"),
        ({"colour": 1}, "unknown field `colour`"),
    ],
)
def test_a_first_line_that_says_something_else_is_refused(
    changes: dict[str, Any], reason: str
) -> None:
    first = json.loads(format_line(SERIES[0]))
    assert parse_line(json.dumps(first).encode(), origin="r") == SERIES[0]
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_line(json.dumps({**first, **changes}).encode(), origin="r")


def test_a_newer_series_says_that_the_package_is_to_be_upgraded() -> None:
    with pytest.raises(UnsupportedError, match=r"series x\.jsonl has format 1") as caught:
        parse_line(b'{"format":1,"anything":[]}', origin="x.jsonl")
    assert caught.value.code == "format-newer"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (Note(1.0, "x" * MAX_LINE_BYTES), "longer"),
        (Metrics(1.0, 0, {"x" * MAX_LINE_BYTES: 1}), "longer"),
        (Kept(1.0, "file", "n", "a/b", "", 1), "holds a '/'"),
        (Uses(1.0, "/x", format_hash(hash_bytes(b"")), ""), "absolute"),
        (Began("..", "k7abc234mnop", 1.0, "1.2.3.4.5"), "'..'"),
    ],
)
def test_what_no_reader_would_take_is_not_written(line: Line, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        format_line(line)


def test_the_name_of_a_series_tells_when_and_who() -> None:
    name = format_series_name(1769860800.000005, 4711)
    assert name == "20260131T120000.000005Z-4711.jsonl"
    assert is_series_name(name)
    assert not is_series_name("../" + name)
    assert not is_series_name("20260131T120000.000005Z-4711.jsonl.mlops")
