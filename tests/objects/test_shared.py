"""A store that many clones write, and alternates, which nobody here writes."""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.errors import (
    ConflictError,
    IntegrityError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.files.owner import current_owner, format_owner
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.check import check_store
from jupyter_mlops.objects.reader import missing, read_file
from jupyter_mlops.objects.repair import mend_packs
from jupyter_mlops.objects.shared import move_own_packs, own_packs
from jupyter_mlops.objects.store import Store, clear_store, create_shared_store, open_store
from jupyter_mlops.objects.writer import open_writer
from jupyter_mlops.progress import NoProgress
from tests.objects.conftest import add_contents, add_folder
from tests.support.damage import flip
from tests.support.system_steps import fail_with, run_watched


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """An empty shared store."""
    create_shared_store(tmp_path / "shared")
    return tmp_path / "shared"


def _clone(tmp_path: Path, name: str, shared: Path) -> Store:
    return open_store(tmp_path / name, shared=shared)


def _add(store: Store, *contents: bytes) -> list[Entry]:
    with open_writer(store) as writer:
        for content in contents:
            writer.add_chunk(content)
        writer.finish()
    return [Entry(Mode.FILE, hash_bytes(content), len(content)) for content in contents]


def _packs(folder: Path) -> list[Path]:
    return sorted((folder / "packs").glob("*/*"))


def _listing(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_clones_share_one_copy_and_keep_their_index_to_themselves(
    tmp_path: Path, shared: Path, source: Path
) -> None:
    first, second = (_clone(tmp_path, name, shared) for name in ("first", "second"))
    _add(second, b"its own, so that it has an index")
    entries, report = add_folder(first, source)
    assert report.packs > 0

    again, report = add_folder(second, source)

    assert again == entries
    assert report.packs == 0
    assert missing(second, entries.values()) == []
    assert not (shared / "index").exists()
    assert not (tmp_path / "first/packs").exists()
    fresh = _clone(tmp_path, "second", shared)
    assert sorted(fresh.segments()) == sorted(os.listdir(tmp_path / "second/index"))


def test_an_open_store_finds_what_another_clone_publishes(tmp_path: Path, shared: Path) -> None:
    reader = _clone(tmp_path, "reader", shared)
    assert reader.locate(RecordKind.CHUNK, hash_bytes(b"nothing")) is None
    (entry,) = _add(_clone(tmp_path, "writer", shared), b"news")
    reader.reload()
    assert read_file(reader, entry) == b"news"
    assert not (tmp_path / "reader").exists()  # readers write nothing


def test_a_plain_pack_of_another_clone_is_known_by_its_manifest(
    tmp_path: Path, shared: Path
) -> None:
    """It is not read: here its bytes are damaged, which reading them would have shown."""
    content = random.Random(2).randbytes(1_000_000)
    writer = _clone(tmp_path, "writer", shared)
    entry = add_contents(writer, {"big": content}, tmp_path / "files")["big"]
    name = entry.hash.hex()
    plain = shared / "packs" / name[:2] / f"{name}.plain"
    plain.write_bytes(content)
    flip(plain, 5)
    for pack in _packs(shared):
        if pack != plain:
            moved = pack
    reader = _clone(tmp_path, "reader", shared)
    reader.index_new_packs()
    plain_ids = {id for view in reader.views() for id, place in view if place.plain}
    chunks = {id for view in writer.views() for id, place in view if place.kind is RecordKind.CHUNK}
    assert plain_ids == chunks
    assert read_file(reader, entry) == content  # of two copies the whole one
    moved.unlink()
    with pytest.raises((IntegrityError, NotFoundError)):
        read_file(_clone(tmp_path, "third", shared), entry)


def test_a_shared_store_that_is_not_there_is_said_and_not_made(
    tmp_path: Path, shared: Path
) -> None:
    store = _clone(tmp_path, "clone", shared)
    (entry,) = _add(store, b"content")
    shared.rename(tmp_path / "away")
    shared.mkdir()  # where a disk would be mounted

    for act in (
        lambda: read_file(_clone(tmp_path, "clone", shared), entry),
        lambda: _add(_clone(tmp_path, "clone", shared), b"more"),
        lambda: _add(_clone(tmp_path, "other", shared), b"more"),
    ):
        with pytest.raises(UnavailableError) as caught:
            act()
        assert (caught.value.code, caught.value.exit_status) == ("store-unreachable", 6)
        assert str(shared) in caught.value.message
    assert os.listdir(shared) == []
    assert _clone(tmp_path, "clone", shared).unreachable_folders() == (shared,)


def test_a_store_is_only_made_where_nothing_else_is(tmp_path: Path, shared: Path) -> None:
    before = _listing(shared)
    create_shared_store(shared)
    assert _listing(shared) == before
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/mine").touch()
    with pytest.raises(ConflictError) as caught:
        create_shared_store(tmp_path / "taken")
    assert caught.value.code == "store-not-empty"
    assert os.listdir(tmp_path / "taken") == ["mine"]


def test_what_was_kept_before_stays_readable_and_moves_whole(tmp_path: Path, shared: Path) -> None:
    alone = open_store(tmp_path / "clone")
    content = random.Random(3).randbytes(700_000)
    entry = add_contents(alone, {"big": content}, tmp_path / "files")["big"]
    (other,) = _add(alone, b"other")
    store = _clone(tmp_path, "clone", shared)
    assert read_file(store, entry) == content
    damaged, *whole = _packs(tmp_path / "clone")
    flip(damaged, 60)

    with NoProgress().task("Moving", None) as task:
        moved = move_own_packs(store, task)
        again = move_own_packs(store, task)

    assert [pack.hash.hex() for pack in moved] == [path.stem for path in whole]
    assert again == []
    assert _packs(tmp_path / "clone") == [damaged]
    assert [pack.hash.hex() for pack in own_packs(store)] == [damaged.stem]
    assert [path.name for path in _packs(shared)] == [path.name for path in whole]
    flip(damaged, 60)
    with NoProgress().task("Moving", None) as task:
        move_own_packs(store, task)
    assert _packs(tmp_path / "clone") == []
    reader = _clone(tmp_path, "fresh", shared)
    assert [read_file(reader, one) for one in (entry, other)] == [content, b"other"]


def test_a_link_to_the_own_folder_moves_nothing(tmp_path: Path) -> None:
    (entry,) = _add(open_store(tmp_path / "clone"), b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "clone")
    store = _clone(tmp_path, "clone", tmp_path / "link")
    with NoProgress().task("Moving", None) as task:
        assert move_own_packs(store, task) == []
    assert read_file(_clone(tmp_path, "clone", tmp_path / "link"), entry) == b"mine"


def test_alternates_are_read_and_never_written(tmp_path: Path, source: Path) -> None:
    other = open_store(tmp_path / "other")
    entries, _ = add_folder(other, source)
    before = _listing(tmp_path / "other")
    store = open_store(tmp_path / "own", alternates=[tmp_path / "other"])
    assert missing(store, entries.values()) == []
    again, report = add_folder(store, source)
    assert again == entries
    assert report.packs == 0
    (mine,) = _add(store, b"mine")
    assert check_store(store, read_data=True).damaged_packs == ()

    assert _listing(tmp_path / "other") == before
    assert read_file(open_store(tmp_path / "own"), mine) == b"mine"
    lacking = missing(open_store(tmp_path / "own"), entries.values())
    assert {entry.hash for entry in lacking} >= {entries["big"].hash, entries["small"].hash}


def test_content_that_may_be_in_an_alternate_that_is_away_is_said(tmp_path: Path) -> None:
    (entry,) = _add(open_store(tmp_path / "other"), b"content")
    store = open_store(tmp_path / "own", alternates=[tmp_path / "other"])
    _add(store, b"mine")
    (tmp_path / "other").rename(tmp_path / "away")
    store = open_store(tmp_path / "own", alternates=[tmp_path / "other"])
    with pytest.raises(NotFoundError, match=r"out of reach.*other"):
        read_file(store, entry)
    (gone,) = check_store(store).damaged_packs
    assert str(tmp_path / "other") in gone.reason
    assert _add(store, b"content") == [entry]  # it is kept here then
    assert read_file(open_store(tmp_path / "own"), entry) == b"content"


def test_damage_in_an_alternate_is_told_and_left_alone(tmp_path: Path) -> None:
    lost, whole = _add(open_store(tmp_path / "other"), b"lost" * 20, b"whole" * 20)
    (pack,) = _packs(tmp_path / "other")
    store = open_store(tmp_path / "own", alternates=[tmp_path / "other"])
    place = store.locate(RecordKind.CHUNK, lost.hash)
    assert place is not None
    flip(pack, place.offset + 60)
    _add(store, b"mine")
    before = _listing(tmp_path / "other")

    found = check_store(store, read_data=True)
    (damage,) = found.damaged_packs
    assert damage.folder == tmp_path / "other"
    assert found.lost == {(RecordKind.CHUNK, lost.hash)}
    mend_packs(store, found.damaged_packs, lambda: _add_to(store, b"lost" * 20))

    assert _listing(tmp_path / "other") == before
    alone = open_store(tmp_path / "own")
    assert [read_file(alone, one) for one in (lost, whole)] == [b"lost" * 20, b"whole" * 20]
    assert read_file(store, lost) == b"lost" * 20
    after = check_store(store, read_data=True)
    assert [one.folder for one in after.damaged_packs] == [tmp_path / "other"]
    assert after.lost == frozenset()


def _add_to(store: Store, content: bytes) -> None:
    _add(store, content)


def test_a_whole_twin_in_an_alternate_stands_for_a_damaged_pack(tmp_path: Path) -> None:
    (entry,) = _add(open_store(tmp_path / "own"), b"content" * 20)
    shutil.copytree(tmp_path / "own", tmp_path / "other")
    (pack,) = _packs(tmp_path / "own")
    flip(pack, 70)
    store = open_store(tmp_path / "own", alternates=[tmp_path / "other"])
    assert read_file(store, entry) == b"content" * 20
    found = check_store(store, read_data=True)
    assert [one.folder for one in found.damaged_packs] == [tmp_path / "own"]
    assert found.lost == frozenset()
    mend_packs(store, found.damaged_packs, lambda: None)
    assert check_store(store, read_data=True).damaged_packs == ()
    assert read_file(store, entry) == b"content" * 20


def test_only_what_nobody_can_be_writing_is_cleared_from_a_shared_store(
    tmp_path: Path, shared: Path
) -> None:
    owner = current_owner()
    day = 24 * 3600
    ages = {
        ("mine", owner): 9 * day,
        ("ended", owner._replace(started=1)): 0,
        ("elsewhere", owner._replace(host="01234567")): day - 600,
        ("container", owner._replace(namespace=1)): day - 600,
        # of a machine with the same name, or of this one before it was started again
        ("boot", owner._replace(boot="0123abcd")): day - 600,
        ("forgotten", owner._replace(host="01234567")): day + 600,
    }
    now = os.stat(shared / "tmp").st_mtime
    for (name, of), age in ages.items():
        folder = shared / "tmp" / f"{STAGED_PREFIX}{format_owner(of)}-{name}"
        folder.mkdir()
        (folder / "file").touch()
        for path in (folder / "file", folder):
            os.utime(path, (now - age, now - age))
    file = shared / "tmp" / f"{STAGED_PREFIX}{format_owner(owner._replace(started=1))}-probe"
    file.touch()

    assert clear_store(_clone(tmp_path, "clone", shared)) == 3

    left = {path.name.rpartition("-")[2] for path in (shared / "tmp").iterdir()}
    assert left == {"mine", "elsewhere", "container", "boot"}


def test_what_is_still_written_to_elsewhere_is_not_forgotten(tmp_path: Path, shared: Path) -> None:
    owner = format_owner(current_owner()._replace(host="01234567"))
    folder = shared / "tmp" / f"{STAGED_PREFIX}{owner}-busy"
    folder.mkdir()
    (folder / "file").touch()
    os.utime(folder, (0, 0))
    assert clear_store(_clone(tmp_path, "clone", shared)) == 0
    assert (folder / "file").exists()


@pytest.mark.skipif(os.name != "posix", reason="not run: needs pipes and links")
@pytest.mark.parametrize("what", ["pipe", "link", "folder", "tmp", "packs", "prefix"])
def test_a_hostile_shared_store_leads_nowhere(tmp_path: Path, shared: Path, what: str) -> None:
    (entry,) = _add(_clone(tmp_path, "writer", shared), b"content")
    (pack,) = _packs(shared)
    outside = tmp_path / "outside"
    outside.mkdir()
    if what in ("tmp", "packs"):
        shutil.rmtree(shared / what)
        (shared / what).symlink_to(outside)
    elif what == "prefix":
        for prefix in (shared / "packs").iterdir():
            shutil.rmtree(prefix)
            prefix.symlink_to(outside)
    else:
        pack.rename(outside / pack.name)
        if what == "pipe":
            os.mkfifo(pack)
        elif what == "link":
            pack.symlink_to(outside / pack.name)
        else:
            pack.mkdir()
    before = _listing(outside)
    store = _clone(tmp_path, "reader", shared)

    if what in ("pipe", "link", "folder"):
        assert missing(store, [entry]) == [entry]
        assert missing(_clone(tmp_path, "writer", shared), [entry]) == [entry]
        check_store(_clone(tmp_path, "writer", shared), read_data=True)
        assert _add(store, b"other")
    else:
        with pytest.raises(UnavailableError):
            _add(store, b"other")
    assert _listing(outside) == before


@pytest.mark.skipif(os.name != "posix", reason="not run: needs pipes")
def test_a_pipe_for_a_format_holds_nobody_up(tmp_path: Path, shared: Path) -> None:
    (shared / "format").unlink()
    os.mkfifo(shared / "format")
    with pytest.raises(UnsupportedError) as caught:
        _clone(tmp_path, "clone", shared)
    assert caught.value.code == "format-newer"


def test_a_used_up_quota_is_said_and_leaves_nothing(tmp_path: Path, shared: Path) -> None:
    store = _clone(tmp_path, "clone", shared)
    full = {"os.write": fail_with(errno.EDQUOT)}
    ended = run_watched(lambda: _add(store, b"content"), shared, full)
    assert ended.code == "quota-used-up"
    assert list((shared / "tmp").iterdir()) == []


def test_a_full_shared_disk_is_named_before_anything_is_written(
    tmp_path: Path, small_disk: Path
) -> None:
    create_shared_store(small_disk / "store")
    store = _clone(tmp_path, "clone", small_disk / "store")
    content = random.Random(4).randbytes(6_000_000)
    with pytest.raises(UnavailableError) as caught:
        add_contents(store, {"big": content}, tmp_path / "files")
    assert caught.value.code == "disk-full"
    assert str(small_disk) in caught.value.message
    assert _packs(small_disk / "store") == []

    alone = open_store(tmp_path / "other")
    add_contents(alone, {"big": content}, tmp_path / "files")
    joined = _clone(tmp_path, "other", small_disk / "store")
    with pytest.raises(UnavailableError) as caught, NoProgress().task("Moving", None) as task:
        move_own_packs(joined, task)
    assert caught.value.code == "disk-full"
    assert len(_packs(tmp_path / "other")) == 1


def test_an_alternate_that_cannot_be_read_is_one_that_is_away(tmp_path: Path) -> None:
    for name in ("no-store", "unreadable"):
        (tmp_path / name).mkdir()
    (tmp_path / "unreadable/format").mkdir()
    alternates = [tmp_path / name for name in ("no-store", "unreadable", "nowhere")]
    store = open_store(tmp_path / "own", alternates=alternates)
    assert store.unreachable_folders() == tuple(alternates)
    assert read_file(store, _add(store, b"mine")[0]) == b"mine"


def _steps_of(work: Callable[[], object], top: Path) -> list[str]:
    """Return the steps without hashes, without the process's name, and without those in tmp."""
    ended = run_watched(work, top)
    assert ended.code is None
    shown = [re.sub(r"packs/../[0-9a-f]{64}", "packs/xx/hash", step) for step in ended.steps]
    shown = [re.sub(r"packs/..\b", "packs/xx", step) for step in shown]
    shown = [re.sub(r"-tmp-[0-9a-f.]+-\*", "-tmp-*", step) for step in shown]
    return [step for step in shown if not step.startswith(("unlink shared/tmp", "rmdir", "mkdir"))]


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_a_shared_pack_is_durable_before_the_index_of_the_clone_names_it(
    tmp_path: Path, shared: Path
) -> None:
    store = _clone(tmp_path, "clone", shared)
    (tmp_path / "clone/index").mkdir(parents=True)
    steps = _steps_of(lambda: _add(store, b"content"), tmp_path)
    assert [step for step in steps if "index" not in step] == [
        "sync shared/tmp/.mlops-tmp-*/*",
        "replace shared/tmp/.mlops-tmp-*/* shared/packs/xx/hash.pack",
        *("sync shared/packs/xx", "sync shared/packs"),
    ]
    assert all("index" in step for step in steps[4:])


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_a_pack_leaves_the_clone_once_it_is_durable_in_the_shared_store(
    tmp_path: Path, shared: Path
) -> None:
    _add(open_store(tmp_path / "clone"), b"content")
    store = _clone(tmp_path, "clone", shared)

    def move() -> None:
        with NoProgress().task("Moving", None) as task:
            move_own_packs(store, task)

    assert _steps_of(move, tmp_path) == [
        "sync shared/tmp/.mlops-tmp-*/*",
        "replace shared/tmp/.mlops-tmp-*/* shared/packs/xx/hash.pack",
        *("sync shared/packs/xx", "sync shared/packs"),
        *("unlink clone/packs/xx/hash.pack", "sync clone/packs/xx"),
    ]
