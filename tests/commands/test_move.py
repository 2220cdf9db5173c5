from __future__ import annotations

import pytest

from jupyter_mlops.commands.move import MoveResult, move
from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError
from tests.support.data_project import DataProject


def _move(project: DataProject, old: str, new: str) -> MoveResult:
    return move(project.open(), old, new)


@pytest.fixture
def tracking(data_project: DataProject) -> DataProject:
    """A folder and a file that are tracked."""
    data_project.write("data/sub/a.csv", b"a")
    data_project.write("raw/model.bin", b"m")
    data_project.snapshot("data", "raw/model.bin")
    data_project.commit("tracked")
    return data_project


def test_data_pointer_and_ignore_line_move_together(tracking: DataProject) -> None:
    pointer = tracking.read("data.mlops")
    result = _move(tracking, "data", "deep/er/data")
    assert (result.old, result.new, result.hints) == ("data", "deep/er/data", ())
    assert tracking.read("deep/er/data/sub/a.csv") == b"a"
    assert tracking.read("deep/er/data.mlops") == pointer
    assert tracking.read("deep/er/.gitignore") == b"/data\n"
    assert not (tracking.root / ".gitignore").exists()
    assert not (tracking.root / "data.mlops").exists()
    assert tracking.states() == {"deep/er/data": "clean", "raw/model.bin": "clean"}
    staged = tracking.git("diff", "--cached", "--name-status", "-M").splitlines()
    assert "R100\tdata.mlops\tdeep/er/data.mlops" in staged


def test_a_folder_that_is_emptied_goes(tracking: DataProject) -> None:
    _move(tracking, "raw/model.bin", "model.bin")
    assert not (tracking.root / "raw").exists()
    assert tracking.read("model.bin") == b"m"


def test_changed_data_stays_changed(tracking: DataProject) -> None:
    tracking.write("data/sub/a.csv", b"changed")
    _move(tracking, "data", "other")
    assert tracking.states()["other"] == "changed"


REFUSED: dict[str, tuple[str, str, type[MlopsError], str]] = {
    "there is a file": ("data", "train.py", ConflictError, "path-exists"),
    "there is a folder": ("data", "raw", ConflictError, "path-exists"),
    "it is the same": ("data", "data", ConflictError, "path-exists"),
    "into itself": ("data", "data/inside", ConflictError, "path-nested"),
    "into another": ("raw/model.bin", "data/model.bin", ConflictError, "path-nested"),
    "not tracked": ("train.py", "other.py", NotFoundError, "path-not-tracked"),
    "a part": ("data/sub", "sub", NotFoundError, "path-not-tracked"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_refused_moves_nothing(tracking: DataProject, why: str) -> None:
    old, new, error, code = REFUSED[why]
    before = tracking.everything()
    with pytest.raises(error) as caught:
        _move(tracking, old, new)
    assert caught.value.code == code
    assert caught.value.hints
    assert tracking.everything() == before


def test_data_that_is_not_here_cannot_move(tracking: DataProject) -> None:
    tracking.remove("data")
    before = tracking.everything()
    with pytest.raises(NotFoundError) as caught:
        _move(tracking, "data", "other")
    assert caught.value.code == "path-not-found"
    assert tracking.everything() == before


def test_an_ignored_place_is_refused(tracking: DataProject) -> None:
    tracking.write("out/.gitignore", "*\n")
    before = tracking.everything()
    with pytest.raises(ConflictError) as caught:
        _move(tracking, "data", "out/data")
    assert caught.value.code == "path-ignored"
    assert tracking.everything() == before


def test_an_ignore_file_that_is_a_link_is_refused_before_anything_moves(
    tracking: DataProject,
) -> None:
    tracking.write("elsewhere", tracking.read(".gitignore"))
    tracking.remove(".gitignore")
    (tracking.root / ".gitignore").symlink_to("elsewhere")
    before = tracking.everything()
    with pytest.raises(ConflictError) as caught:
        _move(tracking, "data", "deep/er/data")
    assert caught.value.code == "link-on-the-way"
    assert tracking.everything() == before
