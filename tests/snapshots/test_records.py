"""What a worktree remembers: origins, operations, and notes of restores under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.snapshots.operations import (
    Move,
    Operation,
    clear_undo_mark,
    log_operation,
    read_last_operation,
    read_undo_mark,
    write_undo_mark,
)
from jupyter_mlops.snapshots.origins import (
    Origin,
    encode_origin,
    read_origins,
    remove_origin,
    write_origin,
)
from jupyter_mlops.snapshots.unfinished import (
    is_unfinished,
    read_unfinished,
    settle_unfinished,
    write_unfinished,
)

NOW = datetime(2024, 1, 1, tzinfo=UTC)
OLD = Entry(Mode.FILE, hash_bytes(b"old"), 3)
NEW = Entry(Mode.EXECUTABLE, hash_bytes(b"newer"), 5)


def test_origins_are_read_as_written(tmp_path: Path) -> None:
    assert read_origins(tmp_path) == {}
    written = {
        path: Origin(path, NEW, OLD if path == "b" else None) for path in ("a", "b", "d/é 日")
    }
    for origin in written.values():
        write_origin(tmp_path, origin)
    assert read_origins(tmp_path) == written
    remove_origin(tmp_path, "a")
    remove_origin(tmp_path, "never there")
    assert read_origins(tmp_path).keys() == {"b", "d/é 日"}


def test_an_origin_in_a_file_of_another_path_counts_as_none(tmp_path: Path) -> None:
    write_origin(tmp_path, Origin("a", NEW))
    (file,) = (tmp_path / "origins").iterdir()
    file.rename(file.with_name("0" * 32 + ".json"))
    assert read_origins(tmp_path) == {}


def test_only_content_that_is_surely_named_is_held() -> None:
    assert Origin("a", NEW).holds(NEW)
    assert not Origin("a", NEW).holds(OLD)
    assert Origin("a", NEW, OLD).holds(OLD)
    assert not Origin("a", NEW, OLD).holds(NEW)
    assert not Origin("a", NEW, NEW).holds(NEW)


def _operation(number: int) -> Operation:
    refs = {"refs/x": Move(None, b"%040d" % number)}
    return Operation((f"command {number}",), NOW, refs=refs)


def test_the_newest_operation_is_read(tmp_path: Path) -> None:
    assert read_last_operation(tmp_path) is None
    for number in (1, 2, 3):
        log_operation(tmp_path, _operation(number))
    assert read_last_operation(tmp_path) == (3, _operation(3))


def test_an_operation_that_moved_nothing_is_not_logged(tmp_path: Path) -> None:
    log_operation(tmp_path, Operation(("status",), NOW, data={"a": Move(b"1", b"1")}))
    assert read_last_operation(tmp_path) is None


def test_one_that_is_damaged_is_passed_over(tmp_path: Path) -> None:
    log_operation(tmp_path, _operation(1))
    (tmp_path / "operations/00000002.json").write_bytes(b"{")
    assert read_last_operation(tmp_path) == (1, _operation(1))
    log_operation(tmp_path, _operation(3))
    assert read_last_operation(tmp_path) == (3, _operation(3))


def test_in_place_of_one_that_cannot_be_read_no_earlier_one_is_taken(tmp_path: Path) -> None:
    log_operation(tmp_path, _operation(1))
    (tmp_path / "operations/00000002.json").mkdir()
    with pytest.raises(UnavailableError) as caught:
        read_last_operation(tmp_path)
    assert caught.value.code == "log-unreadable"


def test_a_hundred_are_kept(tmp_path: Path) -> None:
    for number in range(1, 106):
        log_operation(tmp_path, _operation(number))
    names = sorted(path.name for path in (tmp_path / "operations").iterdir())
    assert (len(names), names[0], names[-1]) == (100, "00000006.json", "00000105.json")


def test_the_reverse_of_the_reverse(tmp_path: Path) -> None:
    operation = Operation(
        ("move",),
        NOW,
        files={"a.mlops": Move(b"1", None)},
        data={"a": Move(b"x", b"y")},
        origins={"a": Move(None, b"o")},
        renamed={"a": "b"},
        staged=True,
    )
    back = operation.reversed(("undo",), NOW)
    assert back.files == {"a.mlops": Move(None, b"1")}
    assert back.renamed == {"b": "a"}
    assert back.reversed(("move",), NOW) == operation


def test_the_mark_of_an_undo(tmp_path: Path) -> None:
    assert read_undo_mark(tmp_path) is None
    write_undo_mark(tmp_path, 17)
    assert read_undo_mark(tmp_path) == 17
    clear_undo_mark(tmp_path)
    clear_undo_mark(tmp_path)
    assert read_undo_mark(tmp_path) is None


def test_notes_hold_by_path_and_the_newest_wins(tmp_path: Path) -> None:
    assert read_unfinished(tmp_path) == {}
    write_unfinished(tmp_path, {})
    write_unfinished(tmp_path, {"a": Move(b"0", b"1"), "b": Move(None, b"1")})
    write_unfinished(tmp_path, {"a": Move(b"1", b"2")})
    assert read_unfinished(tmp_path) == {"a": Move(b"1", b"2"), "b": Move(None, b"1")}
    settle_unfinished(tmp_path, ["a"])
    assert read_unfinished(tmp_path) == {"b": Move(None, b"1")}
    settle_unfinished(tmp_path, ["b", "c"])
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_a_note_holds_while_nobody_else_moves_the_pointer() -> None:
    move = Move(b"before", b"after")
    assert is_unfinished(move, b"before")
    assert is_unfinished(move, b"after")
    assert not is_unfinished(move, b"another")
    assert not is_unfinished(move, None)
    assert is_unfinished(Move(None, b"after"), None)
    assert not is_unfinished(None, b"before")


@pytest.mark.parametrize("kind", ["files", "data", "origins", "renamed"])
@pytest.mark.parametrize("path", ["../out", "a/../../out", ".git/config", "/etc/x"])
def test_an_operation_that_names_what_is_outside_is_passed_over(
    tmp_path: Path, kind: str, path: str
) -> None:
    kept = _operation(1)
    log_operation(tmp_path, kept)
    more: list[dict[str, Any]] = [{kind: {path: "b"}}, {kind: {"a": path}}]
    if kind != "renamed":
        more = [{kind: {path: Move(None, encode_origin(Origin(path, NEW)))}}]
    for number, fields in enumerate(more, start=2):
        log_operation(tmp_path, replace(_operation(number), **fields))
        last = read_last_operation(tmp_path)
        assert last is not None and last[1] == kept, fields
