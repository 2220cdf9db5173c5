from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from jupyter_mlops.errors import ConflictError, UnavailableError, UsageError
from jupyter_mlops.git.commits import (
    HOOKS_OFF_VARIABLE,
    commit_paths,
    commit_tree,
    has_identity,
)
from jupyter_mlops.git.index_file import hold_index_lock, read_index_stat
from jupyter_mlops.git.repository import Repository, open_repository
from tests.git.names import HARD_NAMES
from tests.support.project import Project, make_project

WHEN = datetime(2024, 2, 29, 12, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


@pytest.fixture
def identity(project: Project) -> None:
    project.git("config", "user.name", "Grace")
    project.git("config", "user.email", "grace@example.org")


def tree_of(project: Project) -> str:
    return project.git("rev-parse", "HEAD^{tree}").strip()


def show(project: Project, commit: str, form: str) -> str:
    return project.git("show", "--no-patch", f"--format={form}", commit).strip()


def test_a_hidden_commit_moves_nothing(project: Project, repo: Repository) -> None:
    head = project.head()
    message = "# Überschrift\n\ntwo lines\n"
    commit = commit_tree(repo, tree_of(project), [head], message, WHEN)
    assert project.head() == head
    assert project.git("status", "--porcelain") == ""
    assert show(project, commit, "%P") == head
    assert show(project, commit, "%B") == message.strip()
    date = "2024-02-29T12:30:00+05:30"
    assert show(project, commit, "%aI %cI") == f"{date} {date}"


def test_a_hidden_commit_is_the_users_own(
    project: Project, repo: Repository, identity: None
) -> None:
    commit = commit_tree(repo, tree_of(project), [], "x", WHEN)
    assert show(project, commit, "%an <%ae>") == "Grace <grace@example.org>"
    assert show(project, commit, "%P") == ""


def test_a_user_without_an_identity_gets_ours(project: Project, repo: Repository) -> None:
    assert not has_identity(repo)
    commit = commit_tree(repo, tree_of(project), [], "x", WHEN)
    assert show(project, commit, "%an <%ae>|%cn <%ce>") == "|".join(
        ["jupyter-mlops <mlops@localhost>"] * 2
    )


def test_half_an_identity_is_none(project: Project, repo: Repository) -> None:
    project.git("config", "user.name", "Grace")
    commit = commit_tree(repo, tree_of(project), [], "x", WHEN)
    assert show(project, commit, "%an") == "jupyter-mlops"


def test_an_identity_may_come_from_the_environment(project: Project, repo: Repository) -> None:
    mine = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org"}
    ours = {"GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c@example.org"}
    with environment({**mine, **ours}):
        assert has_identity(repo)
        commit = commit_tree(repo, tree_of(project), [], "x", WHEN)
    assert show(project, commit, "%an %cn") == "A C"


def test_another_encoding_of_messages_does_not_matter(project: Project, repo: Repository) -> None:
    project.git("config", "i18n.commitEncoding", "latin1")
    commit = commit_tree(repo, tree_of(project), [], "größer", WHEN)
    assert "größer".encode() in project.git("cat-file", "commit", commit).encode()
    assert "encoding" not in project.git("cat-file", "commit", commit)


def test_an_empty_message_is_possible(project: Project, repo: Repository) -> None:
    assert show(project, commit_tree(repo, tree_of(project), [], "", WHEN), "%B") == ""


def test_a_nul_in_a_message_is_refused(project: Project, repo: Repository) -> None:
    with pytest.raises(UsageError):
        commit_tree(repo, tree_of(project), [], "a\0b", WHEN)


def test_a_tree_that_is_missing_is_told(repo: Repository, identity: None) -> None:
    with pytest.raises(UnavailableError):
        commit_tree(repo, "1" * 40, [], "x", WHEN)


def test_only_the_paths_are_committed(project: Project, repo: Repository, identity: None) -> None:
    project.write("old", "x")
    project.commit("Old")
    project.write("other", "x")
    project.git("add", "other")
    project.write("old", "edited, not staged")
    for name in HARD_NAMES:
        project.write(name, "mine")
        project.git("--literal-pathspecs", "add", "--", name)
    commit = commit_paths(repo, HARD_NAMES, "# Données\n\nWhy.")
    assert commit == project.head()
    assert show(project, commit, "%B") == "# Données\n\nWhy."
    names = project.git("show", "--name-only", "--format=", "-z", commit).split("\0")
    assert sorted(names)[1:] == sorted(HARD_NAMES)
    assert project.git("status", "--porcelain") == " M old\nA  other\n"


def test_a_path_taken_out_of_the_index_is_committed_as_gone(
    project: Project, repo: Repository, identity: None
) -> None:
    project.write("gone", "x")
    project.commit("Before")
    project.git("rm", "--quiet", "gone")
    assert commit_paths(repo, ["gone"], "Gone") == project.head()
    assert project.git("ls-tree", "--name-only", "HEAD").split() == ["README.md"]


def test_nothing_new_is_no_commit(project: Project, repo: Repository, identity: None) -> None:
    head = project.head()
    assert commit_paths(repo, ["README.md"], "x") is None
    assert commit_paths(repo, [], "x") is None
    assert project.head() == head


def test_git_does_not_touch_the_index_where_nothing_is_new(
    project: Project, repo: Repository, identity: None
) -> None:
    project.git("add", "README.md")
    os.utime(project.root / "README.md", (0, 0))  # Git would note that it is as it was
    before = read_index_stat(repo)
    assert commit_paths(repo, ["README.md"], "x") is None
    assert read_index_stat(repo) == before


def test_the_first_commit_of_all(tmp_path: Path) -> None:
    project = make_project(tmp_path / "unborn")
    project.git("config", "user.name", "Grace")
    project.git("config", "user.email", "grace@example.org")
    project.write("file", "x")
    project.git("add", "file")
    assert commit_paths(open_repository(project.root), ["file"], "First") == project.head()


def test_on_a_detached_head(project: Project, repo: Repository, identity: None) -> None:
    project.git("switch", "--quiet", "--detach")
    project.write("README.md", "changed")
    commit = commit_paths(repo, ["README.md"], "x")
    assert commit == project.head() != project.git("rev-parse", "main").strip()


def test_without_an_identity_it_is_refused(project: Project, repo: Repository) -> None:
    head = project.head()
    project.write("README.md", "changed")
    with pytest.raises(ConflictError) as caught:
        commit_paths(repo, ["README.md"], "x")
    assert caught.value.code == "identity-missing"
    assert 'git config user.name "Your Name"' in caught.value.hints
    assert project.head() == head


def test_during_a_merge_it_is_refused(project: Project, repo: Repository, identity: None) -> None:
    (repo.git_dir / "MERGE_HEAD").write_text(project.head() + "\n")
    project.write("README.md", "changed")
    with pytest.raises(ConflictError) as caught:
        commit_paths(repo, ["README.md"], "x")
    assert caught.value.code == "operation-in-progress"
    assert "a merge is" in caught.value.message


def test_hooks_of_the_user_run_and_ours_can_tell(
    project: Project, repo: Repository, identity: None
) -> None:
    hook = repo.git_dir / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\necho "off=${HOOKS_OFF_VARIABLE}" > "{repo.git_dir}/heard"\n')
    hook.chmod(0o755)
    project.write("README.md", "changed")
    commit_paths(repo, ["README.md"], "x")
    assert (repo.git_dir / "heard").read_text() == "off=1\n"


def test_a_hook_that_refuses_is_heard(project: Project, repo: Repository, identity: None) -> None:
    head = project.head()
    hook = repo.git_dir / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'line too long' >&2\nexit 1\n")
    hook.chmod(0o755)
    project.write("README.md", "changed")
    with pytest.raises(ConflictError) as caught:
        commit_paths(repo, ["README.md"], "x")
    assert caught.value.code == "commit-refused"
    assert "line too long" in caught.value.message
    assert project.head() == head


def test_a_commit_that_is_refused_leaves_the_index_as_it_was(
    project: Project, repo: Repository, identity: None
) -> None:
    hook = project.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    project.write("README.md", "staged")
    project.git("add", "README.md")
    project.write("README.md", "changed since")
    before = project.git("ls-files", "--stage")
    with pytest.raises(ConflictError):
        commit_paths(repo, ["README.md"], "x")
    assert project.git("ls-files", "--stage") == before


@pytest.mark.parametrize("message", ["", " \n", "a\0b"])
def test_a_message_that_says_nothing_is_refused(repo: Repository, message: str) -> None:
    with pytest.raises(UsageError):
        commit_paths(repo, ["README.md"], message)


def test_a_lock_that_another_process_holds_is_told(
    project: Project, repo: Repository, identity: None
) -> None:
    project.write("README.md", "changed")
    with hold_index_lock(repo), pytest.raises(ConflictError, match=r"index\.lock"):
        commit_paths(repo, ["README.md"], "x")


def test_variables_of_a_hook_do_not_redirect_it(
    project: Project, repo: Repository, identity: None
) -> None:
    project.write("README.md", "changed")
    with environment({"GIT_INDEX_FILE": "nowhere", "GIT_DIR": "/nowhere"}):
        commit = commit_paths(repo, ["README.md"], "x")
    assert commit == project.head()


def test_a_time_is_kept_as_it_is_given(project: Project, repo: Repository) -> None:
    commit = commit_tree(repo, tree_of(project), [], "x", datetime(2001, 1, 1, tzinfo=UTC))
    assert show(project, commit, "%ct") == "978307200"
