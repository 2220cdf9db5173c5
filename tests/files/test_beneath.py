from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.files.beneath import BY_DESCRIPTOR, Folder, Way
from tests.support.system_steps import fail_with, run_watched

_OPEN_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


@pytest.fixture(params=["descriptor", "path"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """One folder, opened as this system does it and as a system without descriptors does."""
    if request.param == "path":
        return Folder(str(tmp_path), None)
    if not BY_DESCRIPTOR:
        pytest.skip("not run: this system opens nothing relative to a folder")
    return Folder(str(tmp_path), os.open(tmp_path, _OPEN_FOLDER))


def test_folders_are_made_entered_and_removed(folder: Folder, tmp_path: Path) -> None:
    with folder:
        folder.make_folder("a")
        folder.make_folder("a")
        with folder.enter("a") as inner:
            assert inner.path == str(tmp_path / "a")
            assert (inner.fd is None) == (folder.fd is None)
            os.close(inner.open("file", os.O_WRONLY | os.O_CREAT))
            assert inner.exists("file")
            assert not inner.exists("other")
            inner.unlink("file")
            inner.sync()
        assert inner.fd is None
        folder.remove_folder("a")
    folder.close()
    assert os.listdir(tmp_path) == []


def test_a_file_keeps_its_place_where_a_folder_is_wanted(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with folder:
        with pytest.raises(FileExistsError):
            folder.make_folder("file")
        with pytest.raises(ConflictError) as caught:
            folder.enter("file")
        with pytest.raises(FileNotFoundError):
            folder.enter("nowhere")
    assert caught.value.code == "not-a-folder"
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_links_are_neither_opened_nor_entered(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    with folder:
        with pytest.raises(OSError, match="ymbolic links"):
            folder.open("link", os.O_RDONLY)
        with pytest.raises(ConflictError) as caught:
            folder.enter("link")
        folder.unlink("link")
    assert caught.value.code == "link-on-the-way"
    assert os.listdir(tmp_path) == ["target"]


def test_a_file_moves_in_over_what_is_there(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "new").write_bytes(b"new")
    with folder:
        folder.rename_in(str(tmp_path / "new"), "old")
    assert (tmp_path / "old").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["old"]


def test_where_rights_may_be_handed_down_a_folder_says_so(tmp_path: Path) -> None:
    assert Folder(str(tmp_path), None).hands_down()
    if not BY_DESCRIPTOR or not hasattr(os, "listxattr"):
        return
    with Folder(str(tmp_path), os.open(tmp_path, _OPEN_FOLDER)) as plain:
        assert not plain.hands_down()
        tmp_path.chmod(0o2755)
        assert plain.hands_down()
    with Folder("/proc", os.open("/proc", _OPEN_FOLDER)) as without_rights:
        assert not without_rights.hands_down()


class _Swapped(Folder):
    """A folder in which another program puts a link in a folder's place after it was looked at."""

    def stat(self, name: str) -> os.stat_result:
        return os.stat(self.path)


@pytest.mark.skipif(not BY_DESCRIPTOR, reason="not run: this system opens nothing by descriptor")
@pytest.mark.parametrize(("name", "code"), [("link", "link-on-the-way"), ("file", "not-a-folder")])
def test_what_takes_a_folders_place_meanwhile_is_not_entered(
    tmp_path: Path, name: str, code: str
) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "file").write_bytes(b"mine")
    with (
        _Swapped(str(tmp_path), os.open(tmp_path, _OPEN_FOLDER)) as folder,
        pytest.raises(ConflictError) as caught,
    ):
        folder.enter(name)
    assert caught.value.code == code


def test_a_file_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(NotFoundError), Way(tmp_path / "file") as way:
        way.to("")


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_a_file_system_without_rights_to_hand_down_hands_none_down(tmp_path: Path) -> None:
    def ask() -> None:
        with Folder(str(tmp_path), os.open(tmp_path, _OPEN_FOLDER)) as folder:
            assert not folder.hands_down()

    run_watched(ask, tmp_path, {"os.listxattr": fail_with(errno.ENOTSUP)})
