from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.explain.rows import RowChanges, TypeChange, compare_rows
from jupyter_mlops.explain.table_files import (
    JSON_LIMIT_BYTES,
    ROWS_LIMIT,
    TABLE_LIMIT_BYTES,
    is_table,
)


def table(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def counts(found: RowChanges) -> tuple[int, int, int]:
    return found.added, found.removed, found.changed


def test_rows_are_told_apart_by_their_id() -> None:
    old = table("id,age", "1,20", "2,30", "3,40")
    new = table("id,age", "4,50", "3,41", "2,30")
    found = compare_rows("t.csv", old, new)
    assert (found.key, counts(found)) == ("id", (1, 1, 1))
    assert found.describe() == "1 row added, 1 removed, 1 changed of 3"
    assert found.share == 1.0


@pytest.mark.parametrize(
    "name", ["ID", "uuid", "customer_id", "customerID", "Customer Id", "x.key"]
)
def test_names_of_keys(name: str) -> None:
    old, new = table(f"{name},a", "1,a", "2,b"), table(f"{name},a", "2,b", "1,c")
    found = compare_rows("t.csv", old, new)
    assert (found.key, found.changed) == (name, 1)


@pytest.mark.parametrize("name", ["paid", "grid", "solid", "monkey"])
def test_a_word_that_ends_like_a_key_is_none(name: str) -> None:
    old, new = table(f"{name},a", "1,a", "2,b"), table(f"{name},a", "1,a", "2,c")
    assert compare_rows("t.csv", old, new).key is None


def test_an_id_that_is_there_twice_is_no_key() -> None:
    old = table("id,age", "1,20", "1,30")
    found = compare_rows("t.csv", old, table("id,age", "1,20", "1,31"))
    assert (found.key, counts(found)) == (None, (0, 0, 1))
    once = table("id,age", "1,20", "2,30")
    assert compare_rows("t.csv", old, once).key is None
    assert compare_rows("t.csv", once, old).key is None


def test_without_a_key_values_are_counted() -> None:
    old = table("a,b", "1,x", "1,x", "2,y")
    assert counts(compare_rows("t.csv", old, table("a,b", "1,x", "2,y", "3,z", "3,z"))) == (2, 1, 0)
    assert counts(compare_rows("t.csv", old, table("a,b", "1,x", "1,x", "2,z"))) == (0, 0, 1)
    assert compare_rows("t.csv", old, table("a,b", "2,y", "1,x", "1,x")).reordered
    shifted = compare_rows("t.csv", old, table("a,b", "0,w", "1,x", "1,x"))
    assert counts(shifted) == (1, 1, 0)


def test_columns_and_their_types() -> None:
    old = table("a,b,gone", "1,2,3", "2,,3")
    new = table("b,a,came,came", "2,one,4,5", ",two,4,5")
    found = compare_rows("t.csv", old, new)
    assert found.columns_added == ("came", "came.1")
    assert found.columns_removed == ("gone",)
    assert found.types == (TypeChange("a", "integer", "text"),)
    assert found.describe() == (
        "2 rows changed of 2; columns came, came.1 added; column gone removed; "
        "a was integer, is text"
    )


def test_a_new_column_changes_no_row() -> None:
    old, new = table("a", "1", "2"), table("b,a", "x,1", "y,2")
    found = compare_rows("t.csv", old, new)
    assert (counts(found), found.columns_added, found.share) == ((0, 0, 0), ("b",), 0.5)


def test_the_same_values_written_in_another_way() -> None:
    found = compare_rows("t.csv", b"a,b\n1,2\n", b'"a","b"\r\n"1",2\r\n')
    assert found.describe() == "the same rows, written in another way"
    assert found.share == 0


def test_quoted_lines_short_rows_and_other_separators() -> None:
    old, new = b'a;b\n"x\ny";1\nz\n', b'a;b\n"x\ny";1\nz;\n'
    assert counts(compare_rows("t.csv", old, new)) == (0, 0, 0)
    assert counts(compare_rows("t.tsv", b"a\tb\n1\t2\n", b"a\tb\n1\t3\n")) == (0, 0, 1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a,b\n\xff,1\n", "is not UTF-8"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", "is no table that can be read: field larger"),
        (b",".join([b"a"] * 10_001) + b"\n", "has more than 10,000 columns"),
    ],
)
def test_what_cannot_be_read(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compare_rows("t.csv", table("a,b", "1,2"), content)


def test_an_empty_file_has_neither_rows_nor_columns() -> None:
    found = compare_rows("t.csv", b"", table("a", "1"))
    assert (found.new_rows, found.columns_added) == (1, ("a",))


def test_too_many_rows_and_bytes_are_refused() -> None:
    many = b"a\n" + b"1\n" * (ROWS_LIMIT + 1)
    with pytest.raises(ValueError, match="has more than 1,000,000 rows"):
        compare_rows("t.csv", b"a\n", many)
    with pytest.raises(ValueError, match="is larger than 64"):
        compare_rows("t.csv", b"a\n", bytes(TABLE_LIMIT_BYTES + 1))


def test_parquet() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def write(columns: dict[str, list[object]]) -> bytes:
        file = io.BytesIO()
        parquet.write_table(pyarrow.table(columns), file)
        return file.getvalue()

    nan = float("nan")
    old = write({"id": [1, 2, 3], "x": [nan, 0.5, 1.0], "l": [[1], [2], []]})
    new = write({"id": [2, 3, 4], "x": [0.5, nan, 1.0], "l": [[2], [], []]})
    found = compare_rows("t.parquet", old, new)
    assert (found.key, counts(found)) == ("id", (1, 1, 1))
    assert counts(compare_rows("t.parquet", old, old)) == (0, 0, 0)
    assert [one[:4] for one in shown(compare_rows("t.parquet", old, new, examples=1))] == [
        ("changed", 3, 2, "3"),
        ("removed", 1, None, "1"),
        ("added", None, 3, "4"),
    ]
    text = write({"id": ["1", "2", "3"], "x": [nan, 0.5, 1.0], "l": [[1], [2], []]})
    assert compare_rows("t.parquet", old, text).types == (TypeChange("id", "int64", "string"),)
    for numbers in ((-1, -2), (-1.0, -2.0), (0, sys.hash_info.modulus), (nan, 1.0), (None, 0)):
        first, second = (write({"n": [1, one]}) for one in numbers)
        assert compare_rows("t.parquet", first, second).changed == 1, numbers
        assert compare_rows("t.parquet", first, first).changed == 0, numbers
    with pytest.raises(ValueError, match="is no Parquet file"):
        compare_rows("t.parquet", old, b"PAR1 and no more")


def shown(found: RowChanges) -> list[tuple[object, ...]]:
    return [
        (
            one.change,
            one.old_row,
            one.new_row,
            one.key,
            *((c.column, c.old, c.new) for c in one.cells),
        )
        for one in found.examples
    ]


def test_examples_name_the_cells_that_differ() -> None:
    old = table("id,age,name", "1,20,a", "2,30,b", "3,40,c")
    new = table("name,id,age", "d,4,50", "c,3,41", "b,2,30")
    assert shown(compare_rows("t.csv", old, new, examples=5)) == [
        ("changed", 3, 2, "3", ("age", "40", "41")),
        ("removed", 1, None, "1", ("id", "1", None), ("age", "20", None), ("name", "a", None)),
        ("added", None, 1, "4", ("name", None, "d"), ("id", None, "4"), ("age", None, "50")),
    ]
    assert compare_rows("t.csv", old, new).examples == ()


def test_of_equal_rows_the_later_ones_are_those_that_came() -> None:
    old, new = table("a", "x", "y"), table("a", "x", "y", "x", "x", "z")
    found = compare_rows("t.csv", old, new, examples=2)
    assert (counts(found), [one.new_row for one in found.examples]) == ((3, 0, 0), [3, 4])


ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=12)


@given(ROWS, ROWS)
def test_every_row_that_differs_is_an_example(
    old: list[tuple[int, int]], new: list[tuple[int, int]]
) -> None:
    one, other = (table("a,b", *(f"{a},{b}" for a, b in rows)) for rows in (old, new))
    found = compare_rows("t.csv", one, other, examples=100)
    assert len(found.examples) == found.added + found.removed + found.changed
    left = [row for at, row in enumerate(old, 1) if at not in {e.old_row for e in found.examples}]
    kept = [row for at, row in enumerate(new, 1) if at not in {e.new_row for e in found.examples}]
    assert sorted(left) == sorted(kept)


def test_what_is_shown_of_a_cell_steers_no_terminal_and_is_short() -> None:
    found = compare_rows("t.csv", table("a", "x"), table("a", "\x1b[31m" + "y" * 500), examples=1)
    assert found.examples[0].cells[0].new == "\\x1b[31m" + "y" * 195


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("t.json", b'[{"id": 1, "a": "x"}, {"id": 2}]', b'[{"a": "y", "id": 1}, {"id": 2}]'),
        ("t.json", b'{"id": [1, 2], "a": ["x", null]}', b'{"id": [1, 2], "a": ["y", null]}'),
        ("t.jsonl", b'{"id": 1, "a": "x"}\n\n{"id": 2}\n', b'{"id": 1, "a": "y"}\n{"id": 2}'),
        ("t.NDJSON", b'{"id": 1, "a": "x"}', b'{"id": 1, "a": "y"}'),
    ],
)
def test_records_of_json(name: str, old: bytes, new: bytes) -> None:
    found = compare_rows(name, old, new, examples=1)
    assert shown(found) == [("changed", 1, 1, "1", ("a", "x", "y"))]
    assert (found.key, counts(found), found.types) == ("id", (0, 0, 1), ())


def test_kinds_of_values_in_json() -> None:
    old = b'[{"a": 1, "b": -0.5, "c": null, "d": true, "e": [1], "f": "1"}]'
    new = b'[{"a": "1", "b": -1, "c": 1, "d": null, "e": {"x": 1}, "f": "1"}]'
    assert compare_rows("t.json", old, new).types == (
        TypeChange("a", "integer", "text"),
        TypeChange("b", "number", "integer"),
        TypeChange("e", "list", "object"),
    )


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("t.json", b'{"weights": 1}', "holds neither a list of records nor"),
        ("t.json", b"[1]", "holds neither a list of records nor"),
        ("t.json", b"[" * 100_000, "is nested too deeply"),
        ("t.json", b"[{]", "is no JSON"),
        ("t.json", b"\xff", "is not UTF-8"),
        ("t.json", bytes(JSON_LIMIT_BYTES + 1), "is larger than 16"),
        ("t.jsonl", b'{"a": 1}\n[2]\n', "has no record in line 2"),
        ("t.jsonl", b'{"a": 1}\n{"a"', "is no JSON"),
        ("t.jsonl", b'{"a": ' + b"[" * 500_000, "is nested too deeply"),
    ],
)
def test_json_that_is_no_table(name: str, content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compare_rows(name, b"[]" if name == "t.json" else b"", content)


def test_which_files_are_tables() -> None:
    assert [
        name for name in ("a.csv", "b.TSV", "c.parquet", "d.json", "csv") if is_table(name)
    ] == [
        "a.csv",
        "b.TSV",
        "c.parquet",
    ]
