"""One store on a common folder, written by processes of two users, one of them with umask 077."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.files.durable import STAGED_PREFIX, open_staging
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.store import clear_store, open_store
from jupyter_mlops.objects.writer import open_writer
from tests.support.data_project import DataProject, make_data_project
from tests.support.users import GROUP, User, open_users, wait_until

_CLONES = 4
COMMON = {"common/big.bin": random.Random(1).randbytes(3_000_000)} | {
    f"common/{number}.csv": b"%d,common\n" % number * 40 for number in range(100)
}


@pytest.fixture
def place() -> Iterator[tuple[Path, User, User]]:
    """A folder with an empty ``store`` of the common group, and the two users."""
    with open_users() as (folder, first, second):
        store = folder / "store"
        store.mkdir()
        os.chown(store, -1, GROUP)
        store.chmod(0o2770)
        yield folder, first, second


def _own(number: int, version: int) -> dict[str, bytes]:
    rng = random.Random(1000 * number + version)
    return {f"own/{n}.bin": rng.randbytes(30_000) for n in range(5)}


def _join(root: Path, store: Path, *, new: bool = False) -> DataProject:
    project = make_data_project(root)
    here = open_here(root)
    init(here, new_store=store) if new else init(here, store=store)
    return project


def _write(project: DataProject, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        project.write(f"data/{name}", content)


def _work(user: User, folder: Path, number: int) -> None:
    """Keep two versions, go back to the first, and tell others where both are."""
    project = _join(user.home / f"clone-{number}", folder / "store")
    pointers = []
    for version in range(2):
        _write(project, COMMON | _own(number, version))
        project.snapshot("data", name=f"version-{version}")
        pointers.append((project.root / "data.mlops").read_text())
    project.restore("version-0")
    assert _files(project) == COMMON | _own(number, 0)
    told = folder / "told" / f"{number}.json"
    told.write_text(json.dumps(pointers))
    told.chmod(0o644)


def _files(project: DataProject) -> dict[str, bytes | str]:
    return project.files("data")


def _restore_all(user: User, folder: Path) -> None:
    """Restore, in a new clone, what every clone of either user has kept."""
    project = _join(user.home / "reader", folder / "store")
    for number in range(2 * _CLONES):
        for version, pointer in enumerate(json.loads((folder / f"told/{number}.json").read_text())):
            project.write("data.mlops", pointer)
            project.git("add", "data.mlops")
            project.restore()
            assert _files(project) == COMMON | _own(number, version)
    assert check(project.open(), read_data=True).ok
    other = _join(user.home / "later", folder / "store")
    _write(other, COMMON)
    assert other.snapshot("data").new_bytes == 0


def test_eight_processes_of_two_users_share_a_store(
    place: tuple[Path, User, User], tmp_path: Path
) -> None:
    folder, first, second = place
    (folder / "told").mkdir()
    (folder / "told").chmod(0o777)
    warm = make_data_project(tmp_path / "warm")  # what is imported on first use is imported now
    _write(warm, {"a": b"a"})
    warm.snapshot("data")
    check(warm.open(), read_data=True)
    first.does(lambda: _join(first.home / "maker", folder / "store", new=True))

    turns = [
        user.start(partial(_work, user, folder, number))
        for number in range(2 * _CLONES)
        for user in [(first, second)[number % 2]]
    ]
    for turn in turns:
        turn.wait()

    for user in (first, second):
        user.does(partial(_restore_all, user, folder))
    for path in (folder / "store").rglob("*"):
        found = path.stat()
        assert not path.name.startswith(STAGED_PREFIX)
        assert found.st_gid == GROUP, path
        wanted = 0o2770 if path.is_dir() else 0o440
        assert stat.S_IMODE(found.st_mode) == wanted, path
    assert {path.stat().st_uid for path in (folder / "store/packs").glob("*/*")} == {
        first.id,
        second.id,
    }


def _die_writing(folder: Path) -> None:
    with open_staging(folder / "store/tmp", shared=True) as staging:
        staging.create().write(b"x" * 100)
        os.kill(os.getpid(), signal.SIGKILL)


def _wait_in_writing(folder: Path) -> None:
    with open_staging(folder / "store/tmp", shared=True) as staging:
        staging.create().write(b"x" * 100)
        wait_until((folder / "go").exists)


def test_what_another_users_dead_process_left_is_cleared_and_a_live_ones_is_not(
    place: tuple[Path, User, User],
) -> None:
    folder, first, second = place
    first.does(lambda: _join(first.home / "maker", folder / "store", new=True))
    tmp = folder / "store/tmp"
    live = first.start(lambda: _wait_in_writing(folder))
    wait_until(lambda: list(tmp.glob("*/*")))
    kept = set(tmp.glob("*/*"))
    with pytest.raises(AssertionError, match="9"):
        second.does(lambda: _die_writing(folder))
    assert len(list(tmp.glob("*/*"))) == 2

    store = open_store(folder, shared=folder / "store")
    first.does(lambda: clear_store(store))

    assert set(tmp.glob("*/*")) == kept
    (folder / "go").touch()
    live.wait()
    assert list(tmp.iterdir()) == []


def _publish(user: User, folder: Path, *, after: str, then: str) -> None:
    """Write a pack whose bytes are always the same, and publish it once ``after`` is there."""
    store = open_store(user.home, shared=folder / "store")
    with open_writer(store) as writer:
        writer.add_chunk(b"the same")
        (folder / "told" / then).touch()
        wait_until((folder / "told" / after).exists)
        assert writer.finish().packs == 1
    assert store.find(RecordKind.CHUNK, hash_bytes(b"the same")) is not None


@pytest.mark.parametrize("mode", [0o2770, 0o3770])
def test_a_pack_that_another_user_published_meanwhile_stays(
    place: tuple[Path, User, User], mode: int
) -> None:
    """In a sticky folder nobody else could replace it; in no folder may others lose it."""
    folder, first, second = place
    (folder / "told").mkdir()
    (folder / "told").chmod(0o777)
    (folder / "store").chmod(mode)
    first.does(lambda: _join(first.home / "maker", folder / "store", new=True))

    slow = second.start(lambda: _publish(second, folder, after="go", then="ready"))
    wait_until((folder / "told/ready").exists)
    first.does(lambda: _publish(first, folder, after="ready", then="first"))
    (pack,) = (folder / "store/packs").glob("*/*")
    before = pack.stat()
    (folder / "told/go").touch()
    slow.wait()

    assert [*(folder / "store/packs").glob("*/*")] == [pack]
    assert pack.stat() == before
    assert before.st_uid == first.id
