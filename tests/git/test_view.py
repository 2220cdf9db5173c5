from __future__ import annotations

from pathlib import Path

from jupyter_mlops.git.refs import list_refs
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.shallow import is_shallow
from jupyter_mlops.git.view import REPLACE_REFS, is_partial, read_view
from tests.support.project import Project


def view(repo: Repository) -> bytes:
    return read_view(repo, list_refs(repo, REPLACE_REFS))


def test_commits_and_branches_leave_it_as_it_is(project: Project, repo: Repository) -> None:
    before = view(repo)
    project.commit("Another one")
    project.git("branch", "other")
    project.git("gc", "--quiet")
    assert view(repo) == before
    assert not is_shallow(repo)
    assert not is_partial(repo)


def test_whatever_gives_commits_other_parents_changes_it(
    project: Project, repo: Repository
) -> None:
    first = project.head()
    second = project.commit("Second")
    seen = [view(repo)]
    project.git("replace", second, first)
    seen.append(view(repo))
    project.git("config", "core.useReplaceRefs", "false")
    seen.append(view(repo))
    project.git("replace", "-d", second)
    assert view(repo) == seen[0]
    (project.root / ".git/info").mkdir(exist_ok=True)
    project.write(".git/info/grafts", f"{second}\n")
    seen.append(view(repo))
    assert len(set(seen)) == len(seen)


def test_a_shallow_clone_at_each_depth(project: Project, tmp_path: Path) -> None:
    for number in range(3):
        project.commit(f"Commit {number}")
    url = project.root.as_uri()
    project.git("clone", "--quiet", "--depth=1", url, str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    repo = open_repository(clone.root)
    seen = [view(repo)]
    assert is_shallow(repo)
    clone.git("fetch", "--quiet", "--deepen=1")
    seen.append(view(repo))
    clone.git("fetch", "--quiet", "--unshallow")
    seen.append(view(repo))
    assert len(set(seen)) == 3
    assert not is_shallow(repo)


def test_a_partial_clone(project: Project, tmp_path: Path) -> None:
    project.git("config", "uploadpack.allowFilter", "true")
    words = ("clone", "--quiet", "--filter=blob:none", project.root.as_uri())
    project.git(*words, str(tmp_path / "clone"))
    assert is_partial(open_repository(tmp_path / "clone"))
