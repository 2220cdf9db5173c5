from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence

import pyarrow
import pyarrow.parquet
import pytest

from jupyter_mlops.plots.frame import ROWS_LIMIT, Frame
from jupyter_mlops.plots.tables import (
    BYTES_LIMIT,
    UNPACKED_LIMIT_BYTES,
    parse_frame,
)


def every(names: Sequence[str]) -> Sequence[str]:
    return names


def read(path: str, content: str | bytes, key: str | None = None) -> Frame:
    return parse_frame(path, content.encode() if isinstance(content, str) else content, every, key)


def numbers(frame: Frame, name: str) -> list[float | None]:
    return [None if math.isnan(one) else one for one in frame.columns[name].numbers]


def parquet(**columns: list[object]) -> bytes:
    written = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), written)
    return written.getvalue()


RECORDS = [{"x": 1, "y": 0.5, "who": "ä"}, {"x": 2, "y": -1e300, "who": "b"}]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.csv", "x,y,who\n1,0.5,ä\n2,-1e300,b\n"),
        ("a.csv", "\ufeffx,y,who\r\n1, 0.5 ,ä\r\n\r\n2,-1E300,b"),
        ("a.CSV", 'x,"y",who\n"1",0.5,"ä"\n2,-1e300,b\n'),
        ("a.tsv", "x\ty\twho\n1\t0.5\tä\n2\t-1e300\tb\n"),
        ("a.json", json.dumps(RECORDS)),
        ("a.json", json.dumps({"x": [1, 2], "y": [0.5, -1e300], "who": ["ä", "b"]})),
        ("a.json", json.dumps({"version": 1, "points": RECORDS})),
        ("a.jsonl", "\n".join(map(json.dumps, RECORDS)) + "\n"),
        ("a.parquet", parquet(x=[1, 2], y=[0.5, -1e300], who=["ä", "b"])),
    ],
)
def test_every_format_gives_the_same(path: str, content: str | bytes) -> None:
    frame = read(path, content)
    assert frame.names == ("x", "y", "who")
    assert frame.rows == 2
    assert numbers(frame, "x") == [1, 2]
    assert numbers(frame, "y") == [0.5, -1e300]
    assert frame.columns["who"].labels() == ["ä", "b"]
    assert frame.notes == ()


def test_only_the_columns_that_are_wanted_are_read() -> None:
    frame = parse_frame("a.csv", b"a,b,c\n1,2,3\n", lambda names: names[1:2])
    assert frame.names == ("a", "b", "c")
    assert list(frame.columns) == ["b"]


def test_what_is_no_number_is_a_text_and_what_is_empty_is_neither() -> None:
    column = read("a.csv", 'y\n1\n\nnan\n""\n-inf\noops\n1_000\n0x10\n').columns["y"]
    found = [None if math.isnan(one) else one for one in column.numbers]
    assert found == [1, None, None, -math.inf, None, None, None]
    assert column.texts == {4: "oops", 5: "1_000", 6: "0x10"}
    assert read("a.csv", "y\n1_000\n").columns["y"].texts == {0: "1_000"}


def test_rows_that_are_too_long_or_too_short_are_left_out_and_counted() -> None:
    frame = read("a.csv", "x,y\n1,2\n3\n4,5,6\n7,8\n")
    assert numbers(frame, "x") == [1, 7]
    assert frame.notes == ("2 rows left out: not as many cells as the first line",)


def test_names_of_columns_are_made_different() -> None:
    assert read("a.csv", "a,a,,a (2)\n1,2,3,4\n").names == ("a", "a (2)", "column 3", "a (2) (4)")


def test_lines_that_are_no_json_are_counted() -> None:
    frame = read("a.jsonl", '{"x": 1}\n{"x": \n[1]\n\n{"x": 2}\n')
    assert numbers(frame, "x") == [1, 2]
    assert frame.notes == ("1 line left out: no JSON", "1 entry left out: no objects")


def test_a_key_says_which_table() -> None:
    both = json.dumps({"a": {"roc": [{"x": 1}]}, "b": [{"x": 2}], "c": [{"x": 3}]})
    assert numbers(read("a.json", both, "a.roc"), "x") == [1]
    assert numbers(read("a.json", both, "b"), "x") == [2]
    with pytest.raises(ValueError, match="several tables: say which as key: b, c"):
        read("a.json", both)
    with pytest.raises(ValueError, match="no key d; there is: a, b, c"):
        read("a.json", both, "d")


def test_lists_that_are_not_as_long_as_others_are_told() -> None:
    frame = read("a.json", '{"x": [1, 2, 3], "y": [1]}')
    assert numbers(frame, "y") == [1, None, None]
    assert frame.notes == ("y has 1 of 3 values",)


def test_values_of_json_and_parquet() -> None:
    frame = read(
        "a.json", '{"x": [true, 1e999, NaN, null, "2", [1], {"a": 1}, 1' + "0" * 400 + "]}"
    )
    assert numbers(frame, "x") == [1, math.inf, None, None, 2, None, None, math.inf]
    assert frame.columns["x"].texts == {5: "[…]", 6: "{…}"}
    times = read("a.parquet", parquet(t=[pyarrow.scalar(0, pyarrow.timestamp("ms", "UTC"))]))
    assert times.columns["t"].times() is not None


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        ("a.csv", b"x,y\n\xff,1\n", "it is not UTF-8"),
        ("a.csv", "x\n" + '"' + "a" * 200_000, "it is not a table of text"),
        ("a.csv", ",".join(map(str, range(2000))) + "\n", "more than 1000 columns"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.json", '{"a": 1', "it is not JSON"),
        ("a.json", "3", "neither a list of records nor lists by name"),
        ("a.json", b'["\xff"]', "it is not UTF-8"),
        ("a.json", " " * (17 * 1024**2), "larger than 16.0 MiB"),
        ("a.jsonl", "x\ny\n", "no line of it is JSON"),
        ("a.parquet", b"PAR1" + bytes(100) + b"PAR1", "not Parquet that can be read"),
        ("a.parquet", b"", "not Parquet that can be read"),
        ("a.xlsx", b"", "its name ends in none of .csv, .json"),
    ],
)
def test_what_cannot_be_read_says_why(path: str, content: str | bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(path, content)


def test_an_empty_file_has_no_columns() -> None:
    assert read("a.csv", "").names == ()
    assert read("a.jsonl", "").names == ()


def test_parquet_that_would_be_too_large_once_unpacked_is_not_unpacked() -> None:
    written = io.BytesIO()
    count = UNPACKED_LIMIT_BYTES // 8 // 64
    batch = pyarrow.table({"x": pyarrow.array([0.0] * count)})
    options = {"use_dictionary": False, "compression": "zstd"}
    with pyarrow.parquet.ParquetWriter(written, batch.schema, **options) as writer:
        for _ in range(65):
            writer.write_table(batch)
    assert len(written.getvalue()) < 1024**2
    with pytest.raises(ValueError, match=r"larger than 256 MiB once it is unpacked"):
        read("a.parquet", written.getvalue())


@pytest.mark.slow
def test_of_a_huge_file_the_first_rows_are_read() -> None:
    rows = b"1,2\n" * (BYTES_LIMIT // 4)
    frame = parse_frame("a.csv", b"x,y\n" + rows, lambda names: ["y"])
    assert frame.rows == ROWS_LIMIT
    assert frame.notes == (
        "only the first 64.0 MiB are drawn",
        "only the first 1,000,000 rows are drawn",
    )
