"""``check``, ``repair`` and ``evict`` on remotes and from them."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.commands.check import CheckResult, check
from jupyter_mlops.commands.evict import EvictResult, evict
from jupyter_mlops.commands.gc import gc
from jupyter_mlops.commands.repair import RepairResult, repair
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.formats.pack import PACK_HEADER, RECORD_HEADER_BYTES
from tests.support.damage import cut, flip
from tests.support.data_project import DataProject
from tests.support.sites import Kind as Place
from tests.support.sites import Sites
from tests.sync.team import Team, assert_same, keep, pull_data, push_data, write_files

BIG = random.Random(5).randbytes(900_000)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def team(tmp_path: Path, remote: Path) -> Team:
    """A project that has pushed ``data`` and then ``model.bin``."""
    team = Team(tmp_path, str(remote))
    write_files(team.origin)
    team.origin.remove("model.bin")
    keep(team.origin, "data")
    push_data(team.origin)
    team.origin.write("model.bin", BIG)
    keep(team.origin, "model.bin")
    push_data(team.origin)
    return team


def check_remote(project: DataProject, *, read_data: bool = False) -> CheckResult:
    return check(project.open(), read_data=read_data, remote="store")


def repair_remote(project: DataProject, *, yes: bool = True) -> RepairResult:
    return repair(project.open(), remote="store", yes=yes)


def pack_of(remote: Path, content: bytes) -> Path:
    """Return the pack of a remote that holds ``content``."""
    (found,) = (path for path in (remote / "packs").rglob("*.pack") if content in path.read_bytes())
    return found


def clear_store(project: DataProject) -> None:
    """Let a clone have no content."""
    for part in ("packs", "index"):
        shutil.rmtree(project.root / ".git/mlops" / part)


def objects(remote: Path) -> dict[str, bytes]:
    files = (path for path in remote.rglob("*") if path.is_file())
    return {path.relative_to(remote).as_posix(): path.read_bytes() for path in files}


class TestCheck:
    def test_what_was_pushed_is_whole(self, team: Team, remote: Path) -> None:
        before = objects(remote)
        for project in (team.origin, team.clone()):
            found = check_remote(project, read_data=True)
            assert (found.ok, found.damaged, found.absent, found.packs) == (True, (), 0, 2)
            assert found.pointers == 2
        assert objects(remote) == before

    def test_what_was_not_pushed_is_named(self, team: Team) -> None:
        team.origin.write("new/a", "new")
        keep(team.origin, "new")
        team.origin.write("kept.bin", "of a snapshot alone")
        team.origin.snapshot("kept.bin")
        found = check_remote(team.origin)
        assert [(one.what, one.paths) for one in found.damaged] == [("content", ("new/a",))]
        assert len(found.damaged[0].snapshots) == 1
        assert found.absent == 1
        assert found.exit_status == 5

    @pytest.mark.parametrize("how", ["deleted", "cut short", "altered"])
    def test_a_pack_that_is_not_as_it_was_is_named(
        self, team: Team, remote: Path, how: str
    ) -> None:
        pack = pack_of(remote, BIG[:1000])
        pack.chmod(0o644)
        if how == "deleted":
            pack.unlink()
        elif how == "cut short":
            cut(pack, 1000)
        else:
            flip(pack, 1000)
            assert check_remote(team.origin).ok
        clone = team.clone()
        found = check_remote(clone, read_data=how == "altered")
        told = {one.what: one for one in found.damaged}
        assert told["pack"].id == pack.name
        assert told["content"].paths == ("model.bin",)
        assert set(told) == {"pack", "content"}
        assert (f"damaged/{pack.name}" in objects(remote)) == (how == "altered")

    def test_a_damaged_index_is_named(self, team: Team, remote: Path) -> None:
        for segment in (remote / "index").iterdir():
            segment.chmod(0o644)
            flip(segment, 50)
        found = check_remote(team.clone())
        assert {one.what for one in found.damaged} == {"index"}


class TestRepairOfARemote:
    @pytest.mark.parametrize("how", ["deleted", "cut short", "altered"])
    def test_a_pack_is_put_again(self, team: Team, remote: Path, how: str) -> None:
        pack = pack_of(remote, BIG[:1000])
        content = pack.read_bytes()
        pack.chmod(0o644)
        if how == "deleted":
            pack.unlink()
        elif how == "cut short":
            cut(pack, 1000)
        else:
            flip(pack, 1000)
        told = repair_remote(team.origin, yes=False)
        assert (told.done, told.exit_status, told.remaining) == (False, 5, ())
        done = repair_remote(team.origin)
        assert (done.remaining, done.exit_status) == ((), 0)
        assert done.pushed_records == told.pushed_records > 0
        assert pack.read_bytes() == content
        assert check_remote(team.clone(), read_data=True).ok
        assert "damaged" not in {path.parent.name for path in remote.rglob("*.pack")}
        assert not repair_remote(team.origin).describe().blocks[1:]

    def test_what_is_whole_in_a_damaged_pack_is_saved(self, team: Team, remote: Path) -> None:
        (pack,) = set((remote / "packs").rglob("*.pack")) - {pack_of(remote, BIG[:1000])}
        pack.chmod(0o644)
        flip(pack, len(PACK_HEADER) + RECORD_HEADER_BYTES)
        clone = team.clone()
        assert len(check_remote(clone, read_data=True).damaged) > 10
        done = repair_remote(clone)
        assert [one.what for one in done.remaining] == ["pack", "content"]
        with pytest.raises(NotFoundError):
            pull_data(clone)
        assert check(clone.open()).ok
        assert repair_remote(team.origin).remaining == ()
        pull_data(clone)
        assert clone.files("data") == team.origin.files("data")

    @pytest.mark.parametrize("how", ["deleted", "altered"])
    def test_the_index_is_made_anew(self, team: Team, remote: Path, how: str) -> None:
        for segment in list((remote / "index").iterdir()):
            segment.chmod(0o644)
            segment.unlink() if how == "deleted" else flip(segment, 50)
        clone = team.clone()
        done = repair_remote(clone)
        assert (done.exit_status, len(done.rebuilt) > 0) == (0, True)
        assert len(list((remote / "index").iterdir())) == 1
        pull_data(clone)
        assert clone.files("data") == team.origin.files("data")

    def test_a_damaged_pack_that_nobody_needs_any_more_is_collected(
        self, team: Team, remote: Path
    ) -> None:
        pack = pack_of(remote, BIG[:1000])
        pack.chmod(0o644)
        flip(pack, 1000)
        assert not check_remote(team.origin, read_data=True).ok
        clear_store(team.origin)
        team.origin.write("model.bin", BIG)
        team.origin.write("another", "another")
        keep(team.origin, "another", "model.bin")
        push_data(team.origin)
        assert check_remote(team.origin).ok
        assert pack.exists()
        ws = team.origin.open
        for _ in range(3):
            gc(ws(), remote="store", grace_hours=0, trash_days=0)
        assert not pack.exists()
        assert {name.partition("/")[0] for name in objects(remote)} == {
            "format",
            "index",
            "packs",
            "projects",
        }
        assert check_remote(team.clone(), read_data=True).ok


class TestRepairFromARemote:
    def test_damaged_content_is_fetched(self, team: Team) -> None:
        clone = team.clone()
        pull_data(clone)
        clone.snapshot()
        for pack in (clone.root / ".git/mlops/packs").glob("*/*"):
            for place in range(500, pack.stat().st_size, 2000):
                flip(pack, place)
        for path in ("data", "model.bin"):
            clone.remove(path)
        told = repair(clone.open())
        assert (told.remaining, len(told.fetched) > 1) == ((), True)
        done = repair(clone.open(), yes=True)
        assert (done.remaining, done.exit_status) == ((), 0)
        clone.restore()
        assert clone.read("model.bin") == BIG
        assert clone.files("data") == team.origin.files("data")

    def test_lost_content_is_fetched(self, team: Team) -> None:
        clear_store(team.origin)
        files = {name: team.origin.read(name) for name in ("model.bin", "data/big.bin")}
        for path in ("data", "model.bin"):
            team.origin.remove(path)
        assert not check(team.origin.open()).ok
        assert repair(team.origin.open(), yes=True).exit_status == 0
        team.origin.restore()
        assert_same(team.origin, files)

    def test_a_remote_that_is_away_changes_nothing(self, team: Team, remote: Path) -> None:
        clear_store(team.origin)
        team.origin.remove("model.bin")
        remote.rename(remote.parent / "away")
        told = repair(team.origin.open())
        assert [one.paths for one in told.remaining] == [("model.bin",)]


def run_evict(project: DataProject, *, dry_run: bool = False) -> EvictResult:
    return evict(project.open(), remote="store", dry_run=dry_run)


def own_bytes(project: DataProject) -> int:
    files = (project.root / ".git/mlops").glob("**/packs/??/*")
    return sum(path.stat().st_size for path in files)


class TestEvict:
    def test_what_the_remote_holds_goes_and_comes_back_by_pull(
        self, team: Team, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project = team.origin
        project.write("only-here.bin", BIG[::-1])
        project.snapshot("only-here.bin")
        before = own_bytes(project)
        told = run_evict(project, dry_run=True)
        assert own_bytes(project) == before
        done = run_evict(project)
        assert told.freed_bytes == done.freed_bytes > len(BIG)
        assert before - own_bytes(project) == pytest.approx(done.freed_bytes, rel=0.02)
        assert done.only_here_bytes >= len(BIG)
        assert run_evict(project).freed_bytes == 0
        found = check(project.open(), read_data=True)
        assert (found.ok, found.elsewhere > 1) == (True, True)
        assert set(project.states().values()) == {"clean"}
        project.remove("model.bin")
        with pytest.raises(NotFoundError) as caught:
            project.restore()
        assert caught.value.hints == ("jupyter mlops pull",)
        monkeypatch.chdir(project.root)
        with mlops.open("model.bin", rev="HEAD") as file:
            assert file.read() == BIG
        pull_data(project)
        assert project.read("model.bin") == BIG

    def test_undo_brings_all_back(self, team: Team, remote: Path) -> None:
        before = own_bytes(team.origin)
        run_evict(team.origin)
        assert "claims" in {name.partition("/")[0] for name in objects(remote)}
        team.origin.undo()
        assert own_bytes(team.origin) > before * 0.99
        assert check(team.origin.open(), read_data=True).elsewhere == 0
        assert "claims" not in {name.partition("/")[0] for name in objects(remote)}
        team.origin.undo()
        assert own_bytes(team.origin) < before / 2
        remote.rename(remote.parent / "away")
        (remote).mkdir()
        with pytest.raises(NotFoundError):
            team.origin.undo()
        shutil.rmtree(remote)
        (remote.parent / "away").rename(remote)
        team.origin.undo()
        team.origin.remove("model.bin")
        team.origin.restore()
        assert team.origin.read("model.bin") == BIG

    def test_what_the_remote_gives_damaged_stays(self, team: Team, remote: Path) -> None:
        for pack in (remote / "packs").rglob("*.pack"):
            pack.chmod(0o644)
            for place in range(30, pack.stat().st_size, 1000):
                flip(pack, place)
        before = own_bytes(team.origin)
        assert run_evict(team.origin).freed_bytes == 0
        assert own_bytes(team.origin) == before

    def test_what_a_clone_relies_on_is_not_collected(self, team: Team, remote: Path) -> None:
        project = team.clone()
        project.write("mine.bin", BIG[::-1])
        keep(project, "mine.bin")
        push_data(project)
        run_evict(project)
        other = team.clone()
        for _ in range(2):
            found = gc(other.open(), remote="store", grace_hours=0, trash_days=0)
        assert "a clone relies on it" in {pack.why for pack in found.packs}
        project.remove("mine.bin")
        pull_data(project)
        assert project.read("mine.bin") == BIG[::-1]

    def test_data_that_is_still_there_can_be_kept_again(self, team: Team, remote: Path) -> None:
        run_evict(team.origin)
        shutil.rmtree(remote)
        team.origin.write("model.bin", BIG)
        team.origin.snapshot("model.bin", name="again")
        team.origin.remove("model.bin")
        team.origin.restore("again")
        assert team.origin.read("model.bin") == BIG


@pytest.mark.parametrize("kind", ["s3", "gs", "az", "webdav", "ssh"])
def test_every_place_is_kept_up(sites: Sites, tmp_path: Path, kind: Place) -> None:
    site = sites.make(kind)
    team = Team(tmp_path, site.url, site.settings)
    files = write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    push_data(team.origin)
    with site.open() as backend:
        (name,) = (one.name for one in backend.iter_objects("packs"))
        content = backend.read(name)
        backend.put(name, content[:500] + bytes([content[500] ^ 1]) + content[501:])
        assert not check_remote(team.origin, read_data=True).ok
        assert repair_remote(team.origin).exit_status == 0
        assert backend.read(name) == content
    assert run_evict(team.origin).freed_bytes > 0
    for path in ("data", "model.bin"):
        team.origin.remove(path)
    pull_data(team.origin)
    assert_same(team.origin, files)
