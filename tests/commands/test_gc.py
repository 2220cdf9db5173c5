"""``gc`` frees what nothing names, in steps, and never what anything does."""

from __future__ import annotations

import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.gc import GcResult, gc
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.notebook_outputs import OutputKeeper
from jupyter_mlops.commands.snapshot_drop import snapshot_drop
from jupyter_mlops.commands.status import status
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import ConflictError, IntegrityError, NotFoundError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.notebooks.strip import StripSettings, strip
from jupyter_mlops.objects.ledger import read_ledger
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.objects.running import running
from jupyter_mlops.snapshots.listing import resolve_revision
from tests.notebooks.conftest import NOTEBOOKS
from tests.support.clock import HandClock
from tests.support.damage import flip
from tests.support.data_project import DataProject, make_data_project

RNG = random.Random(5)
ONE, TWO = RNG.randbytes(900_000), RNG.randbytes(900_000)
WANTED = RNG.randbytes(100_000)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def kept(tmp_path: Path, clock: HandClock) -> DataProject:
    """Two snapshots of one file, which is different in each; nothing is committed."""
    made = make_data_project(tmp_path / "project")
    project = DataProject(made.root, clock)
    for name, content in (("one", ONE), ("two", TWO)):
        project.write("model.bin", content)
        project.snapshot("model.bin", name=name)
    return project


def collect(project: DataProject, *, now: bool = False, dry_run: bool = False) -> GcResult:
    """Collect; with ``now`` nothing waits."""
    if now:
        return gc(project.open(), grace_hours=0, trash_days=0, dry_run=dry_run)
    return gc(project.open(), dry_run=dry_run)


def drop(project: DataProject, name: str) -> None:
    """Drop a snapshot and forget that ``undo`` could bring it back."""
    snapshot_drop(project.open(), (name,))
    project.snapshot("model.bin")


def packs(project: DataProject) -> dict[str, int]:
    """Return the size of each pack, by where it lies."""
    top = project.root / ".git/mlops"
    found = [*top.glob("packs/*/*"), *top.glob("trash/*/packs/*/*")]
    return {path.relative_to(top).as_posix(): path.stat().st_size for path in found}


def test_what_is_needed_stays(kept: DataProject, clock: HandClock) -> None:
    before = packs(kept)
    for _ in range(3):
        result = collect(kept, now=True)
        clock.at += DAY
        assert (result.trashed_bytes, result.purged_bytes) == (0, 0)
    assert packs(kept) == before


def test_what_a_dropped_snapshot_alone_needed_goes_in_steps(
    kept: DataProject, clock: HandClock
) -> None:
    drop(kept, "one")
    first = collect(kept)
    assert first.trashed_bytes == 0
    assert first.waiting_bytes > len(ONE) * 0.99
    assert status(kept.open()).unneeded_bytes == first.waiting_bytes
    clock.at += DAY - timedelta(minutes=1)
    assert collect(kept).trashed_bytes == 0
    clock.at += timedelta(minutes=1)
    second = collect(kept)
    assert second.trashed_bytes > len(ONE) * 0.99
    assert second.trash_bytes == second.trashed_bytes == status(kept.open()).trash_bytes
    clock.at += 6 * DAY
    assert collect(kept).purged_bytes == 0
    clock.at += DAY
    last = collect(kept)
    assert last.purged_bytes == second.trashed_bytes
    assert last.trash_bytes == 0
    kept.restore("two")
    assert sum(packs(kept).values()) < len(TWO) * 1.1


def test_what_is_in_the_trash_can_be_read_and_comes_back(
    kept: DataProject, clock: HandClock
) -> None:
    hidden = resolve_revision(kept.open().git, "one")
    drop(kept, "one")
    assert collect(kept, now=True).trashed_bytes > 0
    kept.restore(hidden)
    assert (kept.root / "model.bin").read_bytes() == ONE
    kept.git("tag", "again", hidden)
    clock.at += 30 * DAY
    result = collect(kept, now=True)
    assert result.taken_back_bytes > 0
    assert result.purged_bytes == 0
    assert not [path for path in packs(kept) if path.startswith("trash")]


def test_undo_takes_back_a_collection_and_can_be_taken_back(
    kept: DataProject, clock: HandClock
) -> None:
    drop(kept, "one")
    before = packs(kept)
    collect(kept, now=True)
    after = packs(kept)
    assert after.keys() != before.keys()
    kept.undo()
    assert packs(kept) == before
    kept.undo()
    assert packs(kept) == after
    clock.at += DAY
    assert collect(kept, now=True).purged_bytes > 0
    with pytest.raises(NotFoundError, match="deleted for good"):
        kept.undo()


def test_nothing_is_deleted_while_a_command_that_saw_it_is_under_way(
    kept: DataProject, clock: HandClock
) -> None:
    drop(kept, "one")
    with running(kept.open().store):
        assert collect(kept, now=True).trashed_bytes > 0
        clock.at += 30 * DAY
        assert collect(kept, now=True).purged_bytes == 0
    assert collect(kept, now=True).purged_bytes > 0


def test_what_undo_would_bring_back_stays(kept: DataProject, clock: HandClock) -> None:
    kept.restore("one")
    kept.git("add", "model.bin.mlops")
    for name in kept.git("for-each-ref", "--format=%(refname)", "refs/mlops/snapshots").split():
        kept.git("update-ref", "-d", name)
    collect(kept)
    assert not lacks(kept, TWO)
    clock.at += timedelta(hours=23)
    collect(kept)
    kept.undo()
    assert (kept.root / "model.bin").read_bytes() == TWO


def test_what_was_just_dropped_stays_as_long_as_undo_is_to_be_had(
    kept: DataProject, clock: HandClock
) -> None:
    snapshot_drop(kept.open(), ("one",))
    collect(kept)
    assert read_ledger(kept.root / ".git/mlops/unneeded").since == {}
    clock.at += DAY
    assert collect(kept).waiting_bytes > len(ONE) * 0.99


def test_data_of_a_dropped_snapshot_is_kept_when_it_is_overwritten(kept: DataProject) -> None:
    kept.restore("one")
    snapshot_drop(kept.open(), ("one",))
    saved = kept.restore("two").saved_as
    assert saved is not None
    collect(kept, now=True)
    kept.restore(saved)
    assert (kept.root / "model.bin").read_bytes() == ONE


@pytest.mark.parametrize(
    "how",
    ["commit", "index", "stash", "tag", "other worktree", "reflog", "working tree", "conflict"],
)
def test_whatever_names_content_keeps_it(kept: DataProject, tmp_path: Path, how: str) -> None:
    kept.commit("two")
    other = kept.worktree(tmp_path / "other", "HEAD")
    kept.write("model.bin", WANTED)
    kept.snapshot("model.bin", name="three")
    pointer = kept.root / "model.bin.mlops"
    encoded = pointer.read_bytes()
    oid = kept.git("hash-object", "model.bin.mlops").strip()
    if how in ("commit", "tag", "reflog"):
        kept.git("commit", "-qm", "three")
    if how == "tag":
        kept.git("tag", "-a", "-m", "text", "v1")
    if how == "stash":
        kept.git("stash")
    elif how == "conflict":
        kept.git("reset", "-q", "--hard")
        pointer.write_bytes(b"<<<<<<< ours\n" + encoded + b"=======\n>>>>>>> theirs\n")
    elif how == "other worktree":
        staged = f"100644,{oid},model.bin.mlops"
        kept.git("-C", str(other.root), "update-index", "--cacheinfo", staged)
        kept.git("reset", "-q", "--hard")
    elif how == "working tree":
        kept.git("reset", "-q")
    elif how in ("tag", "reflog"):
        kept.git("reset", "-q", "--hard", "HEAD~")
    if how == "tag":
        kept.git("reflog", "expire", "--expire=now", "--all")
    for name in kept.git("for-each-ref", "--format=%(refname)", "refs/mlops/snapshots").split():
        kept.git("update-ref", "-d", name)
    shutil.rmtree(kept.root / ".git/mlops-worktree/operations")
    collect(kept, now=True)
    assert lacks(kept, WANTED) is False
    assert lacks(kept, ONE) is True


def lacks(project: DataProject, content: bytes) -> bool:
    """Return whether the store lacks a file but for what is in its trash."""
    return bool(
        missing(project.open().store, [Entry(Mode.FILE, hash_bytes(content), len(content))])
    )


def test_dropped_snapshots_are_forgotten_at_last(kept: DataProject, clock: HandClock) -> None:
    drop(kept, "one")
    (dropped,) = kept.git("for-each-ref", "--format=%(refname)", "refs/mlops/dropped").split()
    assert collect(kept).forgotten == ()
    clock.at += 8 * DAY - timedelta(minutes=1)
    assert collect(kept).forgotten == ()
    clock.at += timedelta(minutes=1)
    assert collect(kept).forgotten == (dropped.rpartition("/")[2],)
    assert kept.git("for-each-ref", "refs/mlops/dropped") == ""


def test_of_outputs_the_newest_stay(kept: DataProject, clock: HandClock) -> None:
    plain = NOTEBOOKS["plain"]

    def keep(notebook: bytes) -> bytes:
        clock.at += timedelta(minutes=1)
        result = strip(notebook, StripSettings())
        assert result.removed is not None
        with OutputKeeper(kept.open().store, clock) as keeper:
            keeper.keep(result.notebook, result.removed)
        return result.notebook

    stripped = keep(plain)
    kept.write("nb.ipynb", stripped)
    other = keep(plain.replace(b"x = 1", b"x = 2"))
    kept.commit("a notebook")
    drop(kept, "one")
    newest = plain.replace(b"one", b"newest")
    keep(plain.replace(b"one", b"newer" * 10_000))
    keep(newest)
    collect(kept, now=True)
    clock.at += DAY
    collect(kept, now=True)
    with OutputKeeper(kept.open().store, clock) as keeper:
        assert keeper.join(stripped, StripSettings()) == newest
        assert keeper.join(other, StripSettings()) == other
    assert len(kept.open().store.places(RecordKind.OUTPUTS, hash_bytes(stripped))) == 1


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(kept: DataProject) -> None:
    drop(kept, "one")
    files = sorted(path for path in kept.root.rglob("*") if "index" not in path.name)
    told = collect(kept, now=True, dry_run=True)
    assert sorted(path for path in kept.root.rglob("*") if "index" not in path.name) == files
    done = collect(kept, now=True)
    assert told.trashed_bytes == done.trashed_bytes > 0
    assert {pack.why for pack in told.packs} == {"nothing needs any of it", "all of it is needed"}


def test_nothing_is_collected_where_nothing_at_all_is_needed(kept: DataProject) -> None:
    for name in kept.git("for-each-ref", "--format=%(refname)", "refs/mlops/snapshots").split():
        kept.git("update-ref", "-d", name)
    kept.git("rm", "-qf", "--cached", "model.bin.mlops")
    kept.remove("model.bin.mlops")
    shutil.rmtree(kept.root / ".git/mlops-worktree")
    with pytest.raises(ConflictError) as caught:
        collect(kept, now=True)
    assert caught.value.code == "nothing-needed"
    assert gc(kept.open(), grace_hours=0, even_all=True).kept_bytes == 0


def test_nothing_is_collected_where_it_cannot_be_told_what_is_needed(kept: DataProject) -> None:
    drop(kept, "one")
    store = kept.open().store
    place = store.locate(RecordKind.FILE, hash_bytes(TWO))
    assert place is not None
    flip(store.pack_path(place), place.offset + 60)
    before = packs(kept)
    with pytest.raises(IntegrityError) as caught:
        collect(kept, now=True)
    assert caught.value.code == "needs-unknown"
    assert packs(kept) == before


def test_many_small_packs_become_one_that_is_read_in_order(kept: DataProject) -> None:
    contents = {}
    for number in range(12):
        contents[f"v{number}"] = RNG.randbytes(30_000)
        kept.write("model.bin", contents[f"v{number}"])
        kept.snapshot("model.bin", name=f"v{number}")
    assert len(packs(kept)) >= 12
    result = collect(kept, now=True)
    assert result.rewritten_bytes > 0
    assert len([path for path in packs(kept) if path.startswith("packs")]) == 1
    assert len(list((kept.root / ".git/mlops/index").iterdir())) == 1
    assert check(kept.open(), read_data=True).ok
    for name, content in {**contents, "one": ONE, "two": TWO}.items():
        kept.restore(name)
        assert (kept.root / "model.bin").read_bytes() == content
    assert collect(kept, now=True).trashed_bytes == 0


def test_a_shared_store_is_not_collected(kept: DataProject, tmp_path: Path) -> None:
    drop(kept, "one")
    init(open_here(kept.root), new_store=tmp_path / "shared")
    with pytest.raises(ConflictError) as caught:
        collect(kept, now=True)
    assert caught.value.code == "store-shared"
    assert not lacks(kept, ONE)


def test_what_an_alternate_has_stays_known(kept: DataProject, tmp_path: Path) -> None:
    other = kept.copy(tmp_path / "other")
    shutil.rmtree(other.root / ".git/mlops/packs")
    other.git("config", "mlops.alternates", str(kept.root / ".git/mlops"))
    for name in range(9):
        other.write("model.bin", f"{name}")
        other.snapshot("model.bin")
    result = collect(other, now=True)
    assert result.rewritten_bytes > 0
    other.restore("one")
    assert (other.root / "model.bin").read_bytes() == ONE
    assert not [path for path in packs(kept) if path.startswith("trash")]
