from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.snapshots.compare import compare_entries


def _file(content: str, mode: Mode = Mode.FILE) -> Entry:
    return Entry(mode, hash_bytes(content.encode()), len(content))


def test_each_kind_of_change() -> None:
    changes = compare_entries(
        {"same": _file("s"), "edited": _file("1"), "gone": _file("g"), "from": _file("r")},
        {"same": _file("s"), "edited": _file("2"), "came": _file("c"), "to": _file("r")},
    )
    assert (changes.added, changes.deleted, changes.modified) == (("came",), ("gone",), ("edited",))
    assert changes.renamed == (("from", "to"),)
    assert changes.any


def test_no_change() -> None:
    assert not compare_entries({"a": _file("1")}, {"a": _file("1")}).any


def test_a_copy_is_no_rename() -> None:
    changes = compare_entries({"a": _file("1")}, {"a": _file("1"), "b": _file("1")})
    assert (changes.added, changes.renamed) == (("b",), ())


def test_equal_files_are_paired_by_name() -> None:
    old = {"a1": _file("x"), "a2": _file("x"), "a3": _file("x")}
    changes = compare_entries(old, {"b1": _file("x"), "b2": _file("x")})
    assert changes.renamed == (("a1", "b1"), ("a2", "b2"))
    assert changes.deleted == ("a3",)


def test_a_mode_is_a_modification() -> None:
    changes = compare_entries({"a": _file("1")}, {"a": _file("1", Mode.EXECUTABLE)})
    assert changes.modified == ("a",)


ENTRIES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("123").map(_file))


@given(ENTRIES, ENTRIES)
def test_the_changes_make_one_of_the_other(old: dict[str, Entry], new: dict[str, Entry]) -> None:
    changes = compare_entries(old, new)
    made = dict(old)
    for source, target in changes.renamed:
        made[target] = made.pop(source)
    for name in changes.deleted:
        del made[name]
    for name in (*changes.added, *changes.modified):
        assert made.get(name) != new[name]
        made[name] = new[name]
    assert made == new
