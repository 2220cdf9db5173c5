"""``gc --remote``: what nothing needs goes in steps, and nothing that anybody needs goes at all."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.gc import GcResult, gc
from jupyter_mlops.errors import ConflictError, IntegrityError, UnavailableError
from tests.support.data_project import DataProject
from tests.support.sites import Kind as Place
from tests.support.sites import Sites
from tests.sync import team as teams
from tests.sync.team import Team, pull_data, push_data

_DAY_SECONDS = 24 * 3600
ONE, TWO, THREE = (random.Random(seed).randbytes(900_000) for seed in (1, 2, 3))


def collect(
    project: DataProject,
    *,
    grace_hours: float | None = None,
    trash_days: float = 7.0,
    dry_run: bool = False,
) -> GcResult:
    """Collect the remote."""
    return gc(
        project.open(),
        remote="store",
        grace_hours=grace_hours,
        trash_days=trash_days,
        dry_run=dry_run,
    )


def age(remote: Path, part: str, days: float) -> int:
    """Let a remote's marks be older by some days; return how many there are."""
    marks = list((remote / part).glob("*"))
    for mark in marks:
        then = mark.stat().st_mtime - days * _DAY_SECONDS
        os.utime(mark, (then, then))
    return len(marks)


def keep(project: DataProject, *paths: str) -> None:
    """Commit data, of which no snapshot is left that others would be told of."""
    teams.keep(project, *paths)
    forget(project)


def names(remote: Path, part: str) -> set[str]:
    return {path.name for path in (remote / part).rglob("*") if path.is_file()}


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def team(tmp_path: Path, remote: Path) -> Team:
    """A project whose remote holds ``one``, of a branch that is gone, and ``two``, of main."""
    team = Team(tmp_path, str(remote))
    build(team.origin)
    return team


def build(project: DataProject) -> None:
    """Push a little on main, ``one`` on a branch that is deleted then, and ``two`` on main."""
    project.write("base", "base")
    keep(project, "base")
    push_data(project)
    project.git("switch", "--quiet", "--create", "topic")
    project.write("model.bin", ONE)
    keep(project, "model.bin")
    push_data(project)
    project.git("switch", "--quiet", "main")
    project.write("model.bin", TWO)
    keep(project, "model.bin")
    push_data(project)
    forget(project, "topic")


def forget(project: DataProject, *branches: str) -> None:
    """Delete branches, snapshots and reflogs."""
    for branch in branches:
        project.git("branch", "--quiet", "-D", branch)
    for ref in project.git("for-each-ref", "--format=%(refname)", "refs/mlops").split():
        project.git("update-ref", "-d", ref)
    project.git("reflog", "expire", "--expire=now", "--all")


def take_main_back(team: Team) -> str:
    """Let main be without its newest commit, and others not know that one; return its id."""
    commit = team.origin.head()
    team.origin.git("reset", "--quiet", "--hard", "HEAD~1")
    return commit


class TestSteps:
    def test_a_pack_waits_then_goes_to_the_trash_then_for_good(
        self, team: Team, remote: Path
    ) -> None:
        before = names(remote, "packs")
        assert len(before) == 3
        told = collect(team.origin, dry_run=True)
        assert names(remote, "unneeded") == set()
        first = collect(team.origin)
        assert (first.trashed_bytes, first.purged_bytes) == (0, 0)
        assert first.waiting_bytes == told.waiting_bytes > len(ONE)
        (marked,) = names(remote, "unneeded")
        age(remote, "unneeded", 13.9)
        assert collect(team.origin).trashed_bytes == 0
        age(remote, "unneeded", 0.2)
        assert collect(team.origin, dry_run=True).trashed_bytes > len(ONE)
        assert collect(team.origin).trashed_bytes > len(ONE)
        assert names(remote, "trash") == {marked}
        assert names(remote, "unneeded") == set()
        assert names(remote, "packs") == before
        age(remote, "trash", 6.9)
        assert collect(team.origin).purged_bytes == 0
        age(remote, "trash", 0.2)
        assert collect(team.origin).purged_bytes > len(ONE)
        assert names(remote, "packs") == before - {marked}
        assert names(remote, "trash") == set()
        assert len(names(remote, "index")) == 1
        clone = team.clone()
        pull_data(clone)
        assert clone.read("model.bin") == TWO

    def test_what_is_needed_again_waits_anew(self, team: Team, remote: Path) -> None:
        commit = take_main_back(team)
        assert collect(team.clone()).waiting_bytes > len(ONE) + len(TWO)
        assert age(remote, "unneeded", 20) == 2
        team.origin.git("branch", "again", commit)
        assert collect(team.clone()).trashed_bytes < len(ONE) + 10_000
        assert len(names(remote, "trash")) == 1
        assert names(remote, "unneeded") == set()

    def test_what_is_needed_comes_back_from_the_trash(self, team: Team, remote: Path) -> None:
        commit = take_main_back(team)
        collect(team.clone(), grace_hours=0)
        assert len(names(remote, "trash")) == 2
        team.origin.git("branch", "again", commit)
        found = collect(team.clone(), grace_hours=0, trash_days=0)
        assert found.taken_back_bytes > len(TWO)
        assert found.purged_bytes > len(ONE)
        clone = team.clone()
        clone.git("switch", "--quiet", "again")
        pull_data(clone)
        assert clone.read("model.bin") == TWO

    def test_who_misses_something_brings_it_back(self, team: Team, remote: Path) -> None:
        clone = team.clone()
        take_main_back(team)
        collect(team.clone(), grace_hours=0)
        assert len(names(remote, "trash")) == 2
        pull_data(clone)
        assert clone.read("model.bin") == TWO
        assert len(names(remote, "trash")) == 1
        assert len(names(remote, "index")) == 2

    def test_what_is_kept_of_a_pack_moves(self, team: Team, remote: Path) -> None:
        before = names(remote, "packs")
        team.origin.git("switch", "--quiet", "--create", "big")
        team.origin.write("big/a", ONE[::-1])
        team.origin.write("big/b", TWO[::-1])
        team.origin.write("small", THREE[:300_000])
        keep(team.origin, "big", "small")
        push_data(team.origin)
        (mixed,) = names(remote, "packs") - before
        team.origin.git("rm", "--quiet", "big.mlops")
        team.origin.git("commit", "--quiet", "--amend", "-m", "small alone")
        first = collect(team.clone())
        assert mixed in names(remote, "unneeded")
        age(remote, "unneeded", 15)
        found = collect(team.clone())
        assert first.rewritten_bytes == 0
        assert found.rewritten_bytes > len(ONE) + len(TWO)
        assert mixed in names(remote, "trash")
        age(remote, "trash", 8)
        collect(team.clone())
        assert mixed not in names(remote, "packs")
        size = sum(path.stat().st_size for path in (remote / "packs").rglob("*.pack"))
        assert size < len(TWO) + 400_000
        clone = team.clone()
        pull_data(clone)
        assert clone.read("small") == THREE[:300_000]
        assert clone.read("model.bin") == TWO

    def test_many_segments_become_one(self, team: Team, remote: Path) -> None:
        for number in range(8):
            team.origin.write("more", str(number))
            keep(team.origin, "more")
            push_data(team.origin)
        assert len(names(remote, "index")) == 11
        collect(team.origin)
        assert len(names(remote, "index")) == 1
        assert push_data(team.origin, all_branches=True).up_to_date
        clone = team.clone()
        pull_data(clone)
        assert clone.files("more") == team.origin.files("more")


class TestRefusals:
    def test_nothing_is_needed(self, team: Team, remote: Path) -> None:
        team.origin.git("reset", "--quiet", "--hard", "HEAD~2")
        with pytest.raises(ConflictError) as caught:
            collect(team.clone(), grace_hours=0)
        assert caught.value.code == "nothing-needed"
        assert names(remote, "trash") == set()

    def test_the_listing_is_empty(self, team: Team, remote: Path) -> None:
        (remote / "packs").rename(remote.parent / "away")
        with pytest.raises(UnavailableError) as caught:
            collect(team.origin, grace_hours=0)
        assert caught.value.code == "listing-empty"

    def test_a_branch_of_gits_remote_is_not_here(self, team: Team, remote: Path) -> None:
        clone = team.clone()
        team.origin.git("switch", "--quiet", "--create", "newer")
        team.origin.write("model.bin", THREE)
        keep(team.origin)
        with pytest.raises(ConflictError) as caught:
            collect(clone, grace_hours=0)
        assert caught.value.code == "not-fetched"
        assert caught.value.hints == ("git fetch --all --tags --prune",)
        push_data(team.origin)
        clone.git("fetch", "--all", "--quiet")
        assert collect(clone, grace_hours=0).trashed_bytes < len(ONE) + 10_000
        third = team.clone()
        pull_data(third)
        assert third.read("model.bin") == THREE

    def test_the_history_is_cut_off(self, team: Team, tmp_path: Path) -> None:
        url = f"file://{team.origin.root}"
        team.origin.git("clone", "--quiet", "--depth", "1", url, str(tmp_path / "shallow"))
        with pytest.raises(ConflictError) as caught:
            collect(DataProject(tmp_path / "shallow"), grace_hours=0)
        assert caught.value.code == "not-fetched"
        assert caught.value.hints == ("git fetch --unshallow",)

    def test_another_project_has_pushed_there(
        self, team: Team, tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "other").mkdir()
        monkeypatch.setenv("GIT_AUTHOR_DATE", "@978307200 +0000")
        other = Team(tmp_path / "other", str(remote))
        other.origin.write("theirs", THREE)
        keep(other.origin, "theirs")
        push_data(other.origin)
        for project in (team.origin, other.origin):
            with pytest.raises(ConflictError) as caught:
                collect(project, grace_hours=0)
            assert caught.value.code == "remote-shared"
        assert names(remote, "trash") == set()


class TestMeanwhile:
    """What others do between two steps of a collection."""

    def test_a_clone_without_content_knows_what_is_needed(self, team: Team, remote: Path) -> None:
        team.origin.write("data/sub/many", THREE)
        keep(team.origin, "data")
        push_data(team.origin)
        clone = team.clone()
        collect(clone, grace_hours=0)
        collect(clone, grace_hours=0, trash_days=0)
        pull_data(clone)
        assert clone.read("data/sub/many") == THREE
        assert check(clone.open(), read_data=True).ok

    def test_who_pushes_what_is_marked_takes_the_mark_away(self, team: Team, remote: Path) -> None:
        collect(team.origin)
        assert len(names(remote, "unneeded")) == 1
        clone = team.clone()
        clone.write("again.bin", ONE)
        keep(clone, "again.bin")
        assert push_data(clone).bytes < 1000
        assert names(remote, "unneeded") == set()
        assert push_data(clone).up_to_date

    def test_who_pushes_what_is_in_the_trash_puts_it_anew(self, team: Team, remote: Path) -> None:
        collect(team.origin, grace_hours=0)
        (trashed,) = names(remote, "trash")
        clone = team.clone()
        clone.write("again.bin", ONE)
        keep(clone, "again.bin")
        before = names(remote, "packs")
        assert push_data(clone).bytes > len(ONE)
        assert len(names(remote, "packs") - before) == 1
        assert names(remote, "trash") == {trashed}
        collect(team.origin, grace_hours=0, trash_days=0)
        assert trashed not in names(remote, "packs")
        third = clone.copy(team.folder / "third")
        third.remove(".git/mlops/packs")
        third.remove(".git/mlops/index")
        third.remove("again.bin")
        pull_data(third)
        assert third.read("again.bin") == ONE

    def test_two_collections_and_a_push_at_once(self, team: Team, remote: Path) -> None:
        clones = [team.clone(), team.clone()]
        team.origin.write("model.bin", THREE)
        keep(team.origin)
        failures: list[BaseException] = []
        barrier = threading.Barrier(3)

        def work(action: Callable[[], object]) -> None:
            barrier.wait()
            try:
                action()
            except BaseException as error:
                failures.append(error)

        for clone in clones:
            clone.git("fetch", "--quiet", "--all")
        actions: list[Callable[[], object]] = [lambda: push_data(team.origin)]
        actions += [partial(collect, clone, grace_hours=0, trash_days=0) for clone in clones]
        threads = [threading.Thread(target=work, args=(action,)) for action in actions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        third = team.clone()
        for commit, content in (("HEAD", THREE), ("HEAD~1", TWO)):
            third.git("checkout", "--quiet", commit)
            pull_data(third)
            assert third.read("model.bin") == content


@pytest.mark.parametrize("part", ["trash", "unneeded", "damaged"])
@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_marks_that_somebody_made_up_cost_nothing(
    team: Team, remote: Path, part: str, content: bytes
) -> None:
    (remote / part).mkdir(exist_ok=True)
    for name in names(remote, "packs"):
        (remote / part / name).write_bytes(content)
    age(remote, part, 100)
    clone = team.clone()
    for _ in range(2):
        with suppress(IntegrityError):
            collect(clone, grace_hours=0, trash_days=0)
    if part == "damaged":
        push_data(team.origin, all_branches=True)
    pull_data(clone)
    assert clone.read("model.bin") == TWO
    assert clone.read("base") == b"base"


def test_a_claim_that_says_nothing_stops_a_collection(team: Team, remote: Path) -> None:
    (remote / "claims").mkdir()
    (remote / "claims" / ("0" * 32)).write_bytes(b"../../etc\n")
    with pytest.raises(IntegrityError) as caught:
        collect(team.origin, grace_hours=0)
    assert caught.value.code == "claim-damaged"
    assert names(remote, "trash") == set()


@pytest.mark.parametrize("kind", ["s3", "gs", "az", "webdav", "ssh"])
def test_every_place_is_collected(sites: Sites, tmp_path: Path, kind: Place) -> None:
    site = sites.make(kind)
    team = Team(tmp_path, site.url, site.settings)
    build(team.origin)
    assert collect(team.origin).trashed_bytes == 0
    assert collect(team.origin, grace_hours=0).trashed_bytes > len(ONE)
    assert collect(team.origin, grace_hours=0, trash_days=0).purged_bytes > len(ONE)
    clone = team.clone()
    pull_data(clone)
    assert clone.read("model.bin") == TWO
    with site.open() as backend:
        packs = [one for one in backend.iter_objects() if one.name.startswith("packs/")]
    assert len(packs) == 2
