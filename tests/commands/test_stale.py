"""Stale is not changed: data that is older than its pointer is never taken for newer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_mlops.commands.status import status
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import ConflictError
from tests.support.data_project import STATE, DataProject

BOTH = {"data": "behind", "model.bin": "behind"}
CLEAN = {"data": "clean", "model.bin": "clean"}


def _write(project: DataProject, number: int) -> None:
    project.write("data/a.csv", f"a{number}")
    project.write("data/b.csv", "same")
    project.write("model.bin", f"m{number}")


def _content(project: DataProject) -> tuple[bytes, bytes]:
    return project.read("data/a.csv"), project.read("model.bin")


@pytest.fixture
def two(data_project: DataProject) -> DataProject:
    """Two committed states."""
    for number in (1, 2):
        _write(data_project, number)
        data_project.snapshot("data", "model.bin")
        data_project.commit(f"state {number}")
    return data_project


def _refuses_and_mends(project: DataProject, states: dict[str, str], number: int) -> None:
    assert project.states() == states
    before = project.everything()
    with pytest.raises(ConflictError) as caught:
        project.snapshot()
    assert caught.value.code == "stale"
    assert all(path in caught.value.message for path in states)
    assert "jupyter mlops restore" in caught.value.hints
    assert "--keep-mine" in caught.value.hints[1]
    assert project.everything() == before
    project.restore()
    assert _content(project) == (b"a%d" % number, b"m%d" % number)
    assert project.states() == CLEAN


def test_after_a_hard_reset(two: DataProject) -> None:
    two.git("reset", "--hard", "--quiet", "HEAD~1")
    _refuses_and_mends(two, BOTH, 1)


def test_after_a_hard_reset_that_takes_a_kept_older_state_away(two: DataProject) -> None:
    two.git("reset", "--hard", "--quiet", "HEAD~1")
    two.snapshot(keep_mine=True)
    two.git("reset", "--hard", "--quiet")
    _refuses_and_mends(two, BOTH, 1)


def test_after_a_hard_reset_of_what_was_typed_anew_and_kept(two: DataProject) -> None:
    two.git("reset", "--hard", "--quiet", "HEAD~1")
    _write(two, 1)
    two.snapshot()
    two.git("reset", "--hard", "--quiet", "HEAD@{1}")
    _refuses_and_mends(two, BOTH, 2)


def test_after_a_revert(two: DataProject) -> None:
    two.git("revert", "--no-edit", "HEAD")
    _refuses_and_mends(two, BOTH, 1)


def test_after_a_stash_pop(two: DataProject) -> None:
    _write(two, 3)
    two.snapshot()
    two.git("stash")
    assert two.states() == BOTH
    two.restore()
    two.git("stash", "pop")
    _refuses_and_mends(two, BOTH, 3)


def test_after_a_switch_and_a_merge(two: DataProject) -> None:
    two.git("switch", "--quiet", "-c", "other", "HEAD~1")
    assert two.states() == BOTH
    two.git("merge", "--quiet", "--no-edit", "main")
    assert two.states() == CLEAN
    two.git("switch", "--quiet", "main~1", "--detach")
    _refuses_and_mends(two, BOTH, 1)


def test_a_merge_brings_newer_data(two: DataProject) -> None:
    two.git("switch", "--quiet", "-c", "colleague")
    _write(two, 3)
    two.snapshot(commit=True)
    two.git("switch", "--quiet", "main")
    two.restore()
    two.git("merge", "--quiet", "colleague")
    _refuses_and_mends(two, BOTH, 3)


def test_when_both_have_moved_mine_is_kept_and_then_theirs_comes(two: DataProject) -> None:
    two.write("data/a.csv", "mine")
    two.git("reset", "--hard", "--quiet", "HEAD~1")
    assert two.states() == {"data": "diverged", "model.bin": "behind"}
    saved = two.restore().saved_as
    assert saved is not None
    assert _content(two) == (b"a1", b"m1")
    two.restore(saved)
    assert two.read("data/a.csv") == b"mine"


def test_keep_mine_takes_mine_as_the_newer_one(two: DataProject) -> None:
    two.write("data/a.csv", "mine")
    two.git("reset", "--hard", "--quiet", "HEAD~1")
    result = two.snapshot("data", keep_mine=True)
    assert two.states() == {"data": "clean", "model.bin": "behind"}
    two.remove("data")
    two.restore(result.id, "data")
    assert two.read("data/a.csv") == b"mine"


def test_a_changed_path_is_kept_while_another_is_behind(two: DataProject) -> None:
    pointer = two.git("show", "HEAD~1:model.bin.mlops")
    two.write("model.bin.mlops", pointer)
    two.write("data/a.csv", "changed")
    assert two.states() == {"data": "changed", "model.bin": "behind"}
    assert [path.path for path in two.snapshot("data").paths] == ["data"]
    with pytest.raises(ConflictError):
        two.snapshot("model.bin")


def test_without_an_origin_data_that_differs_has_diverged(two: DataProject) -> None:
    for file in (two.root / STATE / "origins").iterdir():
        file.unlink()
    assert two.states() == CLEAN
    two.write("model.bin", "other")
    assert two.states() == {"data": "clean", "model.bin": "diverged"}
    with pytest.raises(ConflictError):
        two.snapshot()
    saved = two.restore().saved_as
    assert saved is not None
    two.restore(saved)
    assert two.read("model.bin") == b"other"


def test_a_damaged_origin_counts_as_none(two: DataProject) -> None:
    for file in (two.root / STATE / "origins").iterdir():
        file.chmod(0o644)
        file.write_bytes(b"{")
    two.write("model.bin", "other")
    assert two.states()["model.bin"] == "diverged"


def test_changed_missing_and_back(two: DataProject) -> None:
    two.write("data/new.csv", "new")
    assert two.states() == {"data": "changed", "model.bin": "clean"}
    two.remove("data/new.csv")
    assert two.states() == CLEAN
    two.remove("model.bin")
    assert two.states()["model.bin"] == "missing"


def test_an_edit_of_the_same_size_with_its_time_put_back_is_seen(two: DataProject) -> None:
    path = two.root / "model.bin"
    long_ago = 1_000_000_000
    os.utime(path, (long_ago, long_ago))
    assert two.states() == CLEAN
    path.write_bytes(b"m9")
    os.utime(path, (long_ago, long_ago))
    assert two.states()["model.bin"] == "changed"


def test_a_pointer_in_a_merge_conflict_is_neither_kept_nor_restored(two: DataProject) -> None:
    two.git("switch", "--quiet", "-c", "mine", "HEAD~1")
    two.restore()
    two.write("model.bin", "mine")
    two.snapshot(commit=True)
    two.git("merge", "main", check=False)
    assert b"<<<<<<<" in two.read("model.bin.mlops")
    assert two.states()["model.bin"] == "diverged"
    told = render_text(status(two.open()).describe(), width=200)
    assert "jupyter mlops resolve model.bin --theirs" in told
    assert "changed on both sides\n  model.bin" in told
    assert "model.bin: the pointer file is in a merge conflict" in told
    for command in (two.snapshot, two.restore):
        with pytest.raises(ConflictError, match=r"both sides changed model\.bin") as caught:
            command()
        assert caught.value.code == "pointer-in-conflict"
    two.git("checkout", "--theirs", "--", "model.bin.mlops", "data.mlops")
    two.restore()
    assert _content(two) == (b"a2", b"m2")
    two.git("add", "--all")
    two.git("commit", "--quiet", "--no-edit")
    assert two.states() == CLEAN


def test_a_snapshot_of_other_paths_leaves_a_pointer_in_a_conflict_out_and_restores(
    two: DataProject,
) -> None:
    two.git("switch", "--quiet", "-c", "mine", "HEAD~1")
    two.restore()
    two.write("model.bin", "mine")
    two.snapshot(commit=True)
    two.git("merge", "main", check=False)
    two.write("data/a.csv", b"a3")
    kept = two.snapshot("data", keep_mine=True)
    (left,) = kept.left_out
    assert (left.path, left.why) == ("model.bin.mlops", "it is in a merge conflict")
    two.git("reset", "--quiet", "--hard", "main")
    two.restore()
    two.restore(kept.id)
    assert _content(two) == (b"a3", b"m2")


def test_keep_mine_settles_a_conflict_as_well(two: DataProject) -> None:
    two.git("switch", "--quiet", "-c", "mine", "HEAD~1")
    two.restore()
    two.write("model.bin", "mine")
    two.snapshot(commit=True)
    two.git("merge", "main", check=False)
    two.snapshot("model.bin", keep_mine=True)
    assert two.states()["model.bin"] == "clean"
    assert two.read("model.bin") == b"mine"


def test_a_linked_worktree_shares_the_store_and_has_its_own_state(
    two: DataProject, tmp_path: Path
) -> None:
    linked = DataProject(two.worktree(tmp_path / "linked", "HEAD~1").root)
    assert linked.states() == {"data": "missing", "model.bin": "missing"}
    linked.restore()
    assert _content(linked) == (b"a1", b"m1")
    assert linked.states() == two.states() == CLEAN
    _write(linked, 7)
    kept = linked.snapshot()
    assert two.states() == CLEAN
    two.restore(kept.id)
    assert _content(two) == (b"a7", b"m7")
    assert not (linked.root / ".git/mlops").exists()
    two.undo()
    assert _content(two) == (b"a2", b"m2")
    assert _content(linked) == (b"a7", b"m7")
    linked.undo()
    assert linked.states() == {"data": "changed", "model.bin": "changed"}


def test_a_clone_has_pointers_and_no_data(two: DataProject, tmp_path: Path) -> None:
    clone = DataProject(two.clone(tmp_path / "clone").root)
    assert clone.states() == {"data": "missing", "model.bin": "missing"}
