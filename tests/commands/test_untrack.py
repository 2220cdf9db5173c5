from __future__ import annotations

import pytest

from jupyter_mlops.commands.untrack import untrack
from jupyter_mlops.errors import NotFoundError
from tests.support.data_project import DataProject


@pytest.fixture
def tracking(data_project: DataProject) -> DataProject:
    """A folder that is tracked and committed, beside an ignore rule of the user's."""
    data_project.write(".gitignore", "*.log\n")
    data_project.write("data/a.csv", b"a")
    data_project.snapshot("data", name="kept")
    data_project.commit("tracked")
    return data_project


def test_the_data_stays_and_git_sees_it(tracking: DataProject) -> None:
    result = untrack(tracking.open(), "data/")
    assert result.path == "data"
    assert tracking.files("data") == {"a.csv": b"a"}
    assert tracking.read(".gitignore") == b"*.log\n"
    assert tracking.states() == {}
    assert tracking.git("status", "--porcelain").splitlines() == [
        "M  .gitignore",
        "D  data.mlops",
        "?? data/",
    ]


def test_its_snapshots_stay(tracking: DataProject) -> None:
    untrack(tracking.open(), "data")
    tracking.remove("data")
    tracking.restore("kept")
    assert tracking.files("data") == {"a.csv": b"a"}


def test_an_ignore_file_with_nothing_else_goes(data_project: DataProject) -> None:
    data_project.write("sub/model.bin", b"m")
    data_project.snapshot("sub/model.bin")
    untrack(data_project.open(), "sub/model.bin")
    assert data_project.files("sub") == {"model.bin": b"m"}
    assert data_project.git("status", "--porcelain") == "?? sub/\n"


def test_what_is_not_tracked(tracking: DataProject) -> None:
    before = tracking.everything()
    with pytest.raises(NotFoundError) as caught:
        untrack(tracking.open(), "train.py")
    assert caught.value.code == "path-not-tracked"
    assert caught.value.hints == ("jupyter mlops status",)
    assert tracking.everything() == before
