from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.files.durable import open_staged, open_staging
from jupyter_mlops.files.links import check_link
from jupyter_mlops.files.walk import stat_file, walk
from jupyter_mlops.formats.entry import Mode
from tests.support.system_steps import fail_with, run_watched


def test_files_links_and_empty_folders_in_byte_order(tmp_path: Path) -> None:
    for name in ("a/b", "a.txt", "Z", "ü", "a/c d/é", "🦊"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "run").write_bytes(b"#!")
    (tmp_path / "run").chmod(0o755)
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    (tmp_path / "a" / "link").symlink_to("../Z")

    found = walk(tmp_path)

    paths = [item.path for item in found]
    assert paths == sorted(paths, key=str.encode)
    modes = {item.path: item.mode for item in found}
    assert modes == {
        "Z": Mode.FILE,
        "a.txt": Mode.FILE,
        "a/b": Mode.FILE,
        "a/c d/é": Mode.FILE,
        "a/link": Mode.SYMLINK,
        "empty/inner": Mode.FOLDER,
        "run": Mode.EXECUTABLE,
        "ü": Mode.FILE,
        "🦊": Mode.FILE,
    }
    sizes = {item.path: item.size_bytes for item in found}
    assert (sizes["a/link"], sizes["ü"], sizes["empty/inner"]) == (4, 2, 0)
    assert found[paths.index("a/b")] == stat_file(tmp_path / "a" / "b")._replace(path="a/b")


def test_what_is_skipped_leaves_no_empty_folder_behind(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "x.py").write_bytes(b"")
    (tmp_path / "data").write_bytes(b"")

    assert [item.path for item in walk(tmp_path, skip={"code/x.py"})] == ["data"]
    assert [item.path for item in walk(tmp_path, skip={"code", "data"})] == []


def test_our_own_temporary_files_are_not_data(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    with open_staged(tmp_path), open_staging(tmp_path) as staging:
        staging.create()
        assert [item.path for item in walk(tmp_path)] == ["x"]
    (tmp_path / "sub").mkdir()
    with open_staged(tmp_path / "sub"):
        assert [item.path for item in walk(tmp_path)] == ["sub", "x"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "a/../../x", "sub/../ok", ""])
def test_a_link_that_may_lead_out_is_refused(target: str) -> None:
    with pytest.raises(ConflictError) as caught:
        check_link("link", target)
    assert caught.value.code == "link-leaves-folder"


def test_links_that_stay_inside_pass() -> None:
    check_link("a/b/link", "../../c")
    check_link("link", "a/b")
    with pytest.raises(ConflictError):
        check_link("a/b/link", "../../../c")


def test_walking_refuses_links_that_lead_out(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to("../secret")
    with pytest.raises(ConflictError) as caught:
        walk(tmp_path / "data")
    assert caught.value.code == "link-leaves-folder"


def test_a_link_is_never_walked_through(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x").write_bytes(b"")
    (tmp_path / "link").symlink_to("real")
    assert [(i.path, i.mode) for i in walk(tmp_path)] == [
        ("link", Mode.SYMLINK),
        ("real/x", Mode.FILE),
    ]
    with pytest.raises(NotFoundError):
        walk(tmp_path / "link")


def test_sockets_and_pipes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConflictError) as caught:
        walk(tmp_path)
    assert caught.value.code == "not-a-file"
    (tmp_path / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(tmp_path, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/s")
        os.close(here)
        with pytest.raises(ConflictError):
            walk(tmp_path)
        with pytest.raises(ConflictError):
            stat_file(tmp_path / "s")


def test_names_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9", "wb"):
        pass
    with pytest.raises(ConflictError) as caught:
        walk(tmp_path)
    assert caught.value.code == "name-not-utf8"
    assert "caf\\xe9" in caught.value.message
    caught.value.message.encode()


@pytest.mark.parametrize("name", [".git/x", "a/.GIT/x", "new\nline", "back\\slash", "git~1"])
def test_names_that_cannot_be_tracked_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    with pytest.raises(ConflictError) as caught:
        walk(tmp_path)
    assert caught.value.code == "name-refused"


def test_what_is_not_there_or_not_a_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        walk(tmp_path / "nowhere")
    with pytest.raises(NotFoundError):
        stat_file(tmp_path / "nowhere")
    with pytest.raises(ConflictError):
        stat_file(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotFoundError):
        walk(tmp_path / "file")
    assert [i.path for i in walk(tmp_path)] == ["file"]


_PARTS = st.text("abZ.-_é", min_size=1, max_size=3).filter(lambda t: t.strip(".") != "")


@given(st.sets(st.lists(_PARTS, min_size=1, max_size=3).map("/".join), max_size=12))
@settings(max_examples=60)
def test_a_walk_finds_exactly_the_files_that_were_made(
    tmp_path_factory: pytest.TempPathFactory, names: set[str]
) -> None:
    root = tmp_path_factory.mktemp("walk")
    made = set()
    for name in sorted(names):
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
        made.add(name)
    found = [item.path for item in walk(root) if item.mode is Mode.FILE]
    assert found == sorted(made)


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_what_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("file")
    denied = fail_with(errno.EACCES)
    for system in ({"os.scandir": denied}, {"os.readlink": denied}):
        assert run_watched(lambda: walk(tmp_path), tmp_path, system).code == "not-readable"
    looking = run_watched(lambda: stat_file(tmp_path / "file"), tmp_path, {"os.lstat": denied})
    assert looking.code == "not-readable"


def test_a_link_to_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    os.symlink(b"\xff", os.fsencode(tmp_path / "link"))
    with pytest.raises(ConflictError) as caught:
        walk(tmp_path)
    assert caught.value.code == "name-not-utf8"
