from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlops.errors import ConflictError, UnavailableError
from jupyter_mlops.files.durable import (
    STAGED_PREFIX,
    clear_staging,
    free_bytes,
    iter_names,
    make_folder,
    open_staged,
    open_staging,
    publish_all,
    remove,
    write_atomic,
)

_CHILD = """
import sys
from pathlib import Path
from jupyter_mlops.files.durable import open_staged, open_staging
folder = Path(sys.argv[1])
alone = open_staged(folder)
alone.write(b"half")
with open_staging(folder) as staging:
    staging.create().write(b"half")
    print("ready", flush=True)
    sys.stdin.read()
"""


def _start_writer(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def test_a_written_file_is_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep" / "file"

    write_atomic(target, b"content")

    assert target.read_bytes() == b"content"
    assert os.listdir(target.parent) == ["file"]


def test_overwriting_replaces_and_refusing_to_keeps(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_atomic(target, b"old")

    with pytest.raises(ConflictError) as caught:
        write_atomic(target, b"new", overwrite=False)

    assert caught.value.code == "name-taken"
    assert target.read_bytes() == b"old"
    write_atomic(target, b"new")
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_a_staged_file_is_private_and_gone_unless_it_is_published(tmp_path: Path) -> None:
    with open_staged(tmp_path) as staged:
        staged.write(b"secret")
        assert stat.S_IMODE(os.stat(staged.path).st_mode) == 0o600

    assert os.listdir(tmp_path) == []


def test_a_published_file_has_the_readers_of_its_folder_and_no_writers(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)

    write_atomic(folder / "file", b"x")

    assert stat.S_IMODE(os.stat(folder / "file").st_mode) == 0o400


def test_a_closed_file_never_writes_into_the_next_one_of_its_number(tmp_path: Path) -> None:
    staged = open_staged(tmp_path)
    staged.discard()
    with (tmp_path / "other").open("wb") as other:
        for _ in range(2):
            with pytest.raises(UnavailableError) as caught:
                staged.write(b"lost")
            assert caught.value.code == "write-failed"
        other.write(b"mine")
    assert (tmp_path / "other").read_bytes() == b"mine"


def test_many_files_are_published_into_folders_that_are_made(tmp_path: Path) -> None:
    with open_staging(tmp_path / "tmp") as staging:
        files = []
        for number in range(5):
            staged = staging.create()
            staged.write(b"%d" % number)
            staged.sync()
            staged.close()
            files.append((staged, tmp_path / f"{number % 2}" / f"{number}"))
        publish_all(files)

    assert sorted(p.read_bytes() for p in tmp_path.glob("?/?")) == [b"0", b"1", b"2", b"3", b"4"]
    assert os.listdir(tmp_path / "tmp") == []


def test_what_a_killed_writer_left_is_cleared_and_a_live_writers_is_not(tmp_path: Path) -> None:
    dead, live = _start_writer(tmp_path), _start_writer(tmp_path)
    before = set(os.listdir(tmp_path))
    assert len(before) == 6  # each: a file, a folder and the folder's lock

    dead.send_signal(signal.SIGKILL)
    dead.communicate()
    assert set(os.listdir(tmp_path)) == before
    assert clear_staging(tmp_path) == 2

    left = set(os.listdir(tmp_path))
    assert len(left) == 3 and left < before
    assert clear_staging(tmp_path) == 0
    live.communicate("")
    clear_staging(tmp_path)
    assert os.listdir(tmp_path) == []


_CLEAR_AS_NOBODY = """
import os, sys
from pathlib import Path
from jupyter_mlops.files.durable import clear_staging
folder = Path(sys.argv[1])
if os.geteuid() == 0:
    os.chown(folder, 65534, 65534)
    for name in os.listdir(folder):
        os.chown(folder / name, 65534, 65534)
    os.chdir(folder)
    os.setuid(65534)
    folder = Path(".")
print(clear_staging(folder))
"""


def test_what_was_left_right_before_its_renaming_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / f"{STAGED_PREFIX}0"
    left.write_bytes(b"x")
    left.chmod(0o444)

    command = [sys.executable, "-c", _CLEAR_AS_NOBODY, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"
    assert os.listdir(tmp_path) == []


def test_clearing_touches_nothing_that_is_not_temporary(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"x")
    orphan = tmp_path / f"{STAGED_PREFIX}0"
    orphan.mkdir()
    (orphan / "link").symlink_to(outside)

    assert clear_staging(tmp_path) == 1

    assert sorted(os.listdir(tmp_path)) == ["mine", "outside"]
    assert (outside / "kept").exists()
    assert clear_staging(tmp_path / "nowhere") == 0


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    with pytest.raises(UnavailableError):
        make_folder(tmp_path / "file" / "inner")


def test_small_helpers(tmp_path: Path) -> None:
    write_atomic(tmp_path / "b", b"")
    write_atomic(tmp_path / "a", b"", durable=False)
    with open_staged(tmp_path):
        assert list(iter_names(tmp_path)) == ["a", "b"]
    assert list(iter_names(tmp_path / "nowhere")) == []
    assert remove(tmp_path / "a") is True
    assert remove(tmp_path / "a") is False
    assert (free_bytes(tmp_path / "not" / "there") or 0) > 0


@pytest.mark.skipif(sys.platform == "win32", reason="has no bits for owner and others")
def test_what_is_private_is_its_owners(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", b"x", private=True)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    write_atomic(tmp_path / "b", b"x")
    assert (tmp_path / "b").stat().st_mode & 0o222 == 0
