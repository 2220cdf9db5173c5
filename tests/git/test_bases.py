"""Where a branch left the one that it goes into; shallow clones are made as CI makes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.errors import NotFoundError, UnavailableError
from jupyter_mlops.git.bases import Base, Target, find_base, find_default_branch, list_sizes
from jupyter_mlops.git.repository import open_repository
from tests.support.project import Project, make_project


@pytest.fixture
def forked(tmp_path: Path) -> tuple[Project, str]:
    """A branch of two commits off main, which has gone on; and the commit both have."""
    made = make_project(tmp_path / "p")
    made.write("a", "1")
    made.commit("first")
    both = made.commit("both")
    made.git("switch", "--quiet", "-c", "topic")
    made.commit("mine")
    made.commit("mine again")
    made.git("switch", "--quiet", "main")
    made.commit("theirs")
    made.git("switch", "--quiet", "topic")
    return made, both


def base_of(project: Project, name: str | None = None, *, is_branch: bool = False) -> Base:
    target = None if name is None else Target(name, f"the base {name}", is_branch)
    return find_base(open_repository(project.root), project.head(), target)


@pytest.mark.parametrize(("name", "is_branch"), [("main", False), ("main", True), (None, False)])
def test_the_base_is_where_the_branch_began(
    forked: tuple[Project, str], name: str | None, is_branch: bool
) -> None:
    project, both = forked
    assert base_of(project, name, is_branch=is_branch).commit == both


def test_what_origin_has_goes_before_a_branch_of_that_name(
    forked: tuple[Project, str], tmp_path: Path
) -> None:
    project, both = forked
    project.git("switch", "--quiet", "main")
    clone = project.clone(tmp_path / "clone")
    clone.git("switch", "--quiet", "topic")
    clone.git("branch", "--force", "main", "HEAD")  # stands elsewhere than origin's
    assert find_default_branch(open_repository(clone.root)) == "main"
    assert base_of(clone).commit == both


def test_on_the_main_branch_it_is_the_commit_before(forked: tuple[Project, str]) -> None:
    project, both = forked
    project.git("switch", "--quiet", "main")
    found = base_of(project)
    assert found.commit == both
    assert found.why == "the commit before, as this one is in branch main"


def test_there_is_nothing_before_the_first_commit(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.commit("first")
    found = base_of(project)
    assert (found.commit, found.is_none) == (None, True)


def test_a_clone_that_is_cut_off_and_has_no_remote_says_so(
    forked: tuple[Project, str], tmp_path: Path
) -> None:
    clone = clone_shallow(forked[0], tmp_path / "c", "--no-single-branch")
    tip = clone.git("rev-parse", "origin/main").strip()
    clone.git("remote", "remove", "origin")
    found = base_of(clone, tip)
    assert (found.commit, found.is_none) == (None, False)
    assert "cut off" in found.why
    with pytest.raises(NotFoundError) as caught:
        found.require()
    assert caught.value.code == "base-not-found"


@pytest.mark.parametrize("is_shallow", [False, True])
def test_words_that_are_no_revision_are_none(
    forked: tuple[Project, str], tmp_path: Path, is_shallow: bool
) -> None:
    project = clone_shallow(forked[0], tmp_path / "c") if is_shallow else forked[0]
    for name in ("--output=x", "nowhere", "HEAD:a", "a\nb", "^main", "ma*"):
        for is_branch in (True, False):
            found = base_of(project, name, is_branch=is_branch)
            assert (found.commit, found.is_none) == (None, False)
            assert found.fix is not None


def clone_shallow(project: Project, target: Path, *options: str, depth: int = 1) -> Project:
    """Clone the present branch as CI does: with its newest commits, and no other branch."""
    url = f"file://{project.root}"
    project.git("clone", "--quiet", f"--depth={depth}", *options, url, str(target))
    return Project(target)


def commit_count(project: Project) -> int:
    """Return how many commits the clone has."""
    return int(project.git("rev-list", "--count", "--all").strip())


@pytest.mark.parametrize(
    ("name", "is_branch"),
    [(None, False), ("main", True), ("main", False), ("origin/main", False), ("v0", False)],
)
def test_into_a_clone_of_one_commit_what_lacks_is_brought(
    forked: tuple[Project, str], tmp_path: Path, name: str | None, is_branch: bool
) -> None:
    project, both = forked
    project.git("tag", "v0", both)
    project.git("switch", "--quiet", "main")  # what a remote's HEAD says is its default branch
    clone = clone_shallow(project, tmp_path / "c", "--branch=topic")
    before = clone.git("for-each-ref", "refs/heads"), clone.read(".git/config"), clone.head()
    assert base_of(clone, name, is_branch=is_branch).commit == both
    assert clone.git("show", f"{both}:a") == "1"
    after = clone.git("for-each-ref", "refs/heads"), clone.read(".git/config"), clone.head()
    assert after == before
    assert clone.git("status", "--porcelain") == ""


def test_a_commit_that_is_not_here_is_brought(forked: tuple[Project, str], tmp_path: Path) -> None:
    project, both = forked
    clone = clone_shallow(project, tmp_path / "c")
    assert base_of(clone, project.git("rev-parse", "main").strip()).commit == both


def test_of_the_merge_that_a_forge_makes_it_is_the_target_s_commit(
    forked: tuple[Project, str], tmp_path: Path
) -> None:
    project, _ = forked
    tip = project.git("rev-parse", "main").strip()
    tree = project.git("merge-tree", "--write-tree", "main", "topic").strip()
    words = ("commit-tree", tree, "-p", "main", "-p", "topic", "-m", "Merge topic into main")
    project.git("update-ref", "refs/pull/7/merge", project.git(*words).strip())
    project.git("switch", "--quiet", "main")
    project.commit("main went on since")
    job = make_project(tmp_path / "job")
    job.git("remote", "add", "origin", f"file://{project.root}")
    ref = "refs/pull/7/merge:refs/remotes/pull/7/merge"
    job.git("fetch", "--quiet", "--depth=1", "--no-tags", "origin", f"+{ref}")
    job.git("checkout", "--quiet", "--detach", "refs/remotes/pull/7/merge")
    assert base_of(job, "main", is_branch=True).commit == tip


def test_long_histories_come_by_parts(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    both = project.commit("both")
    for branch in ("main", "topic"):
        project.git("switch", "--quiet", "-C", branch, both)
        _import_commits(project, branch, 300)
    project.git("switch", "--quiet", "topic")
    clone = clone_shallow(project, tmp_path / "c")
    assert base_of(clone, "main", is_branch=True).commit == both
    near = clone_shallow(project, tmp_path / "near")
    assert base_of(near, project.git("rev-parse", "topic~3").strip()).commit is not None
    assert commit_count(near) < 100


def _import_commits(project: Project, branch: str, count: int) -> None:
    """Add commits without content to a branch, by one process."""
    tip = project.git("rev-parse", branch).strip()
    parts = []
    for number in range(count):
        who = f"committer A <a@example.org> {1_700_000_000 + number} +0000"
        parent = f"from {tip}\n" if number == 0 else ""
        parts.append(f"commit refs/heads/{branch}\n{who}\ndata 1\n{branch[0]}\n{parent}\n")
    project.git("fast-import", "--quiet", "--force", input="".join(parts))


def test_the_commit_before_is_brought(forked: tuple[Project, str], tmp_path: Path) -> None:
    project, both = forked
    project.git("switch", "--quiet", "main")
    clone = clone_shallow(project, tmp_path / "c")
    assert base_of(clone).commit == both
    project.git("switch", "--quiet", "--orphan", "alone")
    project.commit("alone")
    clone = clone_shallow(project, tmp_path / "alone")
    assert base_of(clone, "alone", is_branch=True).is_none


def test_a_whole_clone_without_the_target_s_branch_gets_it(
    forked: tuple[Project, str], tmp_path: Path
) -> None:
    project, both = forked
    clone = Project(tmp_path / "c")
    url = f"file://{project.root}"
    project.git("clone", "--quiet", "--single-branch", "--branch=topic", url, str(clone.root))
    assert base_of(clone, "main", is_branch=True).commit == both
    assert commit_count(clone) == 5
    gone = base_of(clone, "gone", is_branch=True)
    assert gone.why == "the base gone, which origin does not have"


def test_histories_with_nothing_in_common(forked: tuple[Project, str], tmp_path: Path) -> None:
    project, _ = forked
    project.git("switch", "--quiet", "--orphan", "alone")
    project.commit("alone")
    clone = clone_shallow(project, tmp_path / "c")
    for one in (project, clone):
        found = base_of(one, "main", is_branch=True)
        assert "no commit in common" in found.why
        assert found.fix is not None
    assert base_of(project).fix is None  # nobody said that there should be one


def test_a_remote_that_does_not_answer(forked: tuple[Project, str], tmp_path: Path) -> None:
    clone = clone_shallow(forked[0], tmp_path / "c")
    clone.git("remote", "set-url", "origin", str(tmp_path / "nothing"))
    with pytest.raises(UnavailableError) as caught:
        base_of(clone, "main", is_branch=True)
    assert caught.value.code == "git-remote-unreachable"


def test_sizes_of_what_the_index_has(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert list_sizes(open_repository(project.root)) == {}
    project.write("a", b"x" * 70_000)
    project.write("sub/two words", "")
    project.git("add", "--all")
    assert list_sizes(open_repository(project.root)) == {"a": 70_000, "sub/two words": 0}
