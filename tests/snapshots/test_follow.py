from __future__ import annotations

import pytest

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.snapshots.follow import follow_pointers
from tests.support.crash import run_killed
from tests.support.data_project import DataProject


@pytest.fixture
def two(data_project: DataProject) -> DataProject:
    """Two committed states of a file and a folder."""
    for number in (1, 2):
        data_project.write("data/a.csv", f"a{number}")
        data_project.write("model.bin", f"m{number}")
        data_project.snapshot("data", "model.bin", commit=True)
    return data_project


def _follow(project: DataProject, limit_bytes: int = 1000) -> str | None:
    return follow_pointers(project.open(), limit_bytes)


def test_nothing_to_do_says_nothing(two: DataProject) -> None:
    assert _follow(two) is None
    two.write("data/a.csv", "changed")
    assert _follow(two) is None
    assert two.read("data/a.csv") == b"changed"


def test_data_that_is_behind_follows(two: DataProject) -> None:
    two.git("reset", "--hard", "--quiet", "HEAD~1")
    said = _follow(two)
    assert said is not None
    assert "restored 2 files (4 B)" in said
    assert (two.read("data/a.csv"), two.read("model.bin")) == (b"a1", b"m1")
    assert set(two.states().values()) == {"clean"}


def test_undo_knows_nothing_of_it(two: DataProject) -> None:
    two.git("switch", "--quiet", "--detach", "HEAD~1")
    _follow(two)
    two.git("switch", "--quiet", "main")
    _follow(two)
    two.undo()
    assert two.states() == {"data": "changed", "model.bin": "changed"}


def test_what_is_unsaved_stays(two: DataProject) -> None:
    two.write("data/a.csv", "mine")
    two.git("reset", "--hard", "--quiet", "HEAD~1")
    said = _follow(two)
    assert said is not None
    assert "data" in said
    assert "jupyter mlops status" in said
    assert two.read("data/a.csv") == b"mine"
    assert two.read("model.bin") == b"m2"


def test_more_than_the_limit_is_only_named(two: DataProject) -> None:
    two.git("reset", "--hard", "--quiet", "HEAD~1")
    said = _follow(two, limit_bytes=3)
    assert said is not None
    assert said.endswith("jupyter mlops restore")
    assert two.read("model.bin") == b"m2"


def test_data_that_was_deleted_stays_away(two: DataProject) -> None:
    two.remove("model.bin")
    assert _follow(two) is None
    two.git("reset", "--hard", "--quiet", "HEAD~1")
    _follow(two)
    assert two.read("model.bin") == b"m1"


def test_a_clone_gets_nothing_by_itself_that_the_store_lacks(two: DataProject) -> None:
    two.git("reset", "--hard", "--quiet", "HEAD~1")
    for pack in (two.root / ".git/mlops/packs").rglob("*.pack"):
        pack.unlink()
    said = _follow(two)
    assert said is not None
    assert "jupyter mlops status" in said
    assert two.read("model.bin") == b"m2"


def test_a_restore_that_was_cut_short_is_left_to_the_user(two: DataProject) -> None:
    step = 1
    while two.states()["data"] != "diverged":
        assert run_killed(lambda: two.restore("HEAD~1"), step) == -9
        step += 1
    before = two.files()
    assert _follow(two) is not None
    assert two.files() == before


def test_a_pointer_that_is_not_valid(two: DataProject) -> None:
    two.write("model.bin.mlops", "no pointer")
    with pytest.raises(IntegrityError):
        _follow(two)
