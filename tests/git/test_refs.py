from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from jupyter_mlops.errors import ConflictError, UnavailableError, UsageError
from jupyter_mlops.git.refs import (
    Ref,
    RefUpdate,
    is_ref_name,
    list_commit_refs,
    list_refs,
    sync_objects,
    update_refs,
)
from jupyter_mlops.git.repository import Repository, open_repository
from tests.support.project import Project, make_project

PREFIX = "refs/mlops/snapshots"


@pytest.fixture
def commits(project: Project) -> tuple[str, str]:
    return project.head(), project.commit("Second")


def test_references_are_made_moved_and_removed(repo: Repository, commits: tuple[str, str]) -> None:
    first, second = commits
    update_refs(repo, [(f"{PREFIX}/b", first, None), (f"{PREFIX}/a", first, None)])
    assert list_refs(repo, PREFIX) == [Ref(f"{PREFIX}/a", first), Ref(f"{PREFIX}/b", first)]
    update_refs(repo, [(f"{PREFIX}/a", second, first), (f"{PREFIX}/b", None, first)])
    assert list_refs(repo, PREFIX) == [Ref(f"{PREFIX}/a", second)]


def test_a_prefix_matches_whole_names(repo: Repository, commits: tuple[str, str]) -> None:
    update_refs(repo, [("refs/mlops/snapshots-old/a", commits[0], None)])
    assert list_refs(repo, PREFIX) == []
    assert [ref.name for ref in list_refs(repo, PREFIX, "refs/heads")] == ["refs/heads/main"]


def test_references_with_their_parents_the_newest_first(repo: Repository, project: Project) -> None:
    first = project.head()
    later = {"GIT_COMMITTER_DATE": "@4102444800 +0000"}
    project.git("commit", "--quiet", "--allow-empty", "-m", "later", env=later)
    blob = project.git("hash-object", "-w", "README.md").strip()
    update_refs(repo, [(f"{PREFIX}/a", first, None), (f"{PREFIX}/z", project.head(), None)])
    update_refs(repo, [(f"{PREFIX}/blob", blob, None)])
    found = list_commit_refs(repo, PREFIX)
    assert found[0] == (Ref(f"{PREFIX}/z", project.head()), (first,))
    assert set(found[1:]) == {(Ref(f"{PREFIX}/a", first), ()), (Ref(f"{PREFIX}/blob", blob), ())}


def test_no_moves_are_no_work(repo: Repository) -> None:
    update_refs(repo, [])


def test_a_reference_that_has_moved_stops_all_moves(
    repo: Repository, commits: tuple[str, str]
) -> None:
    first, second = commits
    update_refs(repo, [(f"{PREFIX}/a", first, None)])
    lost: list[RefUpdate] = [
        RefUpdate(f"{PREFIX}/a", first, None),
        RefUpdate(f"{PREFIX}/a", second, second),
        RefUpdate(f"{PREFIX}/a", None, second),
        RefUpdate(f"{PREFIX}/missing", second, first),
    ]
    for update in lost:
        with pytest.raises(ConflictError) as caught:
            update_refs(repo, [RefUpdate(f"{PREFIX}/new", first, None), update])
        assert caught.value.code == "ref-moved"
        assert list_refs(repo, PREFIX) == [Ref(f"{PREFIX}/a", first)]


@pytest.mark.parametrize(
    "name", ["refs/mlops/a..b", "refs/mlops/a b", "a\0b", "--x", "refs/x.lock"]
)
def test_a_name_that_git_refuses_is_a_wrong_call(
    repo: Repository, commits: tuple[str, str], name: str
) -> None:
    assert not is_ref_name(repo, name)
    with pytest.raises(UsageError) as caught:
        update_refs(repo, [(name, commits[0], None)])
    assert caught.value.code == "ref-invalid"


def test_a_move_from_nothing_to_nothing_is_a_wrong_call(repo: Repository) -> None:
    with pytest.raises(UsageError):
        update_refs(repo, [("refs/mlops/a", None, None)])


def test_names_may_be_non_ascii(repo: Repository, commits: tuple[str, str]) -> None:
    name = f"{PREFIX}/données-数据"
    assert is_ref_name(repo, name)
    update_refs(repo, [(name, commits[0], None)])
    assert list_refs(repo, PREFIX) == [Ref(name, commits[0])]


def test_a_reference_that_another_process_holds_is_unavailable(
    repo: Repository, commits: tuple[str, str]
) -> None:
    held = repo.common_dir / f"{PREFIX}/a.lock"
    held.parent.mkdir(parents=True)
    held.touch()
    with pytest.raises(UnavailableError) as caught:
        update_refs(repo, [(f"{PREFIX}/a", commits[0], None)])
    assert caught.value.code == "ref-not-written"
    held.unlink()
    update_refs(repo, [(f"{PREFIX}/a", commits[0], None)])


def test_a_linked_worktree_writes_the_shared_references(project: Project, repo: Repository) -> None:
    project.git("worktree", "add", "--quiet", "../linked")
    linked = open_repository(project.root.parent / "linked")
    update_refs(linked, [(f"{PREFIX}/a", project.head(), None)])
    assert list_refs(repo, PREFIX) == [Ref(f"{PREFIX}/a", project.head())]


def test_a_git_without_fsync_components_is_synced_by_us(
    repo: Repository, commits: tuple[str, str]
) -> None:
    old = dataclasses.replace(repo, version=(2, 34, 1))
    update_refs(old, [(f"{PREFIX}/a", commits[0], None)])
    assert list_refs(old, PREFIX) == [Ref(f"{PREFIX}/a", commits[0])]


def test_objects_are_synced_again_only_where_folders_changed(
    project: Project, repo: Repository
) -> None:
    sync_objects(repo)
    marker = repo.state_dir / "objects-synced"
    first = marker.stat()
    project.commit("More objects")
    project.git("gc", "--quiet", "--prune=now")
    sync_objects(repo)
    assert marker.stat().st_mtime_ns > first.st_mtime_ns
    assert [path.name for path in repo.state_dir.iterdir()] == ["objects-synced"]


def test_folders_of_objects_may_go_while_they_are_synced(repo: Repository) -> None:
    folders = [repo.common_dir / "objects" / f"f{digit}" for digit in "0123456789abcdef"]
    ended = Event()

    def come_and_go() -> None:
        while not ended.is_set():
            for folder in folders:
                folder.mkdir(exist_ok=True)
            for folder in folders:
                with suppress(OSError):
                    folder.rmdir()

    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(come_and_go)
        try:
            for _ in range(200):
                sync_objects(repo)
        finally:
            ended.set()
        going.result()


def test_many_at_once_all_succeed(repo: Repository, commits: tuple[str, str]) -> None:
    names = [f"{PREFIX}/{number:02}" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: update_refs(repo, [(name, commits[0], None)]), names))
    assert [ref.name for ref in list_refs(repo, PREFIX)] == names


def test_of_many_that_want_one_reference_one_gets_it(
    repo: Repository, commits: tuple[str, str]
) -> None:
    def take(number: int) -> bool:
        try:
            update_refs(repo, [(f"{PREFIX}/one", commits[number % 2], None)])
        except (ConflictError, UnavailableError):
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(take, range(8))) == 1


def test_references_of_a_sha256_repository(tmp_path: Path) -> None:
    project = make_project(tmp_path / "long", "--object-format=sha256")
    commit = project.commit("First")
    repo = open_repository(project.root)
    update_refs(repo, [(f"{PREFIX}/a", commit, None)])
    update_refs(repo, [(f"{PREFIX}/a", None, commit)])
    assert list_refs(repo, PREFIX) == []
