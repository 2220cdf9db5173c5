"""The hooks as Git starts them, with real data behind real pointers."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.project import IDENTITY, Project

pytestmark = pytest.mark.usefixtures("git_starts_forks")


@pytest.fixture
def mlops(project: Project) -> Project:
    """A project with a data file in two commits."""
    assert project.mlops("init").returncode == 0
    for text in ("one\n", "two\n"):
        project.write("data.csv", text)
        done = project.mlops("snapshot", "data.csv")
        assert done.returncode == 0, done.stderr
        project.commit(text.strip())
    return project


def run(project: Project, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *args],
        cwd=project.root,
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
        check=False,
    )


def test_data_follows_a_checkout(mlops: Project) -> None:
    done = run(mlops, "checkout", "-q", "HEAD~1")
    assert done.returncode == 0
    assert mlops.read("data.csv") == b"one\n"
    assert "restored 1 file" in done.stderr
    run(mlops, "switch", "-q", "main")
    assert mlops.read("data.csv") == b"two\n"


def test_changed_data_is_never_written_over(mlops: Project) -> None:
    mlops.write("data.csv", "mine\n")
    done = run(mlops, "checkout", "-q", "HEAD~1")
    assert done.returncode == 0
    assert mlops.read("data.csv") == b"mine\n"
    assert "jupyter mlops status" in done.stderr


def test_data_follows_a_merge_and_its_conflict(mlops: Project) -> None:
    mlops.git("switch", "-q", "-c", "topic")
    mlops.write("data.csv", "topic\n")
    mlops.write("code.py", "topic\n")
    mlops.mlops("snapshot", "data.csv")
    mlops.commit("Topic")
    mlops.git("switch", "-q", "main")
    mlops.write("code.py", "main\n")
    mlops.commit("Main")
    assert mlops.read("data.csv") == b"two\n"
    assert run(mlops, "merge", "-q", "topic").returncode == 1
    mlops.write("code.py", "both\n")
    assert run(mlops, "commit", "-q", "-a", "-m", "Merge").returncode == 0
    assert mlops.read("data.csv") == b"topic\n"


def test_data_follows_a_rebase_once(mlops: Project) -> None:
    mlops.git("switch", "-q", "-c", "topic", "HEAD~1")
    mlops.write("code.py", "1\n")
    mlops.commit("Code")
    assert mlops.read("data.csv") == b"one\n"
    done = run(mlops, "rebase", "-q", "main")
    assert (done.returncode, done.stderr.count("restored")) == (0, 1)
    assert mlops.read("data.csv") == b"two\n"


def test_a_commit_without_its_data_is_refused(mlops: Project) -> None:
    before = mlops.head()
    mlops.write("data.csv", "unkept\n")
    mlops.write("code.py", "1\n")
    mlops.git("add", "code.py")
    done = run(mlops, "commit", "-m", "Code")
    assert (done.returncode, mlops.head()) == (1, before)
    assert "data.csv changed since kept" in done.stderr
    assert "jupyter mlops snapshot data.csv" in done.stderr
    mlops.write("data.csv", "one\n")  # changed, but the store has it
    assert run(mlops, "commit", "-q", "-m", "Code").returncode == 0


def test_data_that_is_behind_refuses_no_commit(mlops: Project) -> None:
    mlops.git("reset", "-q", "--hard", "HEAD~1")
    mlops.write("code.py", "1\n")
    mlops.git("add", "code.py")
    assert run(mlops, "commit", "-q", "-m", "Code").returncode == 0


@pytest.mark.parametrize("args", [("-a",), ("code.py",)])
def test_commits_of_all_and_of_some_go_through(mlops: Project, args: tuple[str, ...]) -> None:
    mlops.write("code.py", "1\n")
    mlops.commit("Code")
    mlops.write("code.py", "2\n")
    mlops.write("README.md", "More.\n")
    assert run(mlops, "commit", "-q", "-m", "More", *args).returncode == 0
    assert run(mlops, "stash").returncode == 0
    assert mlops.read("data.csv") == b"two\n"


def test_a_big_file_is_named_and_let_through(mlops: Project) -> None:
    mlops.write("my model.bin", b"\0" * 6 * 1024**2)
    mlops.git("add", "my model.bin")
    done = run(mlops, "commit", "-q", "-m", "Model")
    assert done.returncode == 0
    assert "my model.bin (6.0 MiB) goes into Git for good" in done.stderr
    mlops.write("my model.bin", b"\1" * 6 * 1024**2)
    assert "my model.bin" in run(mlops, "commit", "-q", "-m", "Again", "my model.bin").stderr
    assert run(mlops, "commit", "-q", "--allow-empty", "-m", "Other").stderr == ""


def test_a_project_that_is_broken_refuses_no_commit(mlops: Project) -> None:
    mlops.write("mlops.toml", "wrong = 1\n")
    assert run(mlops, "commit", "-q", "-a", "-m", "Broken").returncode == 0
    assert run(mlops, "checkout", "-q", "HEAD~2").returncode == 0


def test_other_hooks_have_nothing_to_do(mlops: Project) -> None:
    done = mlops.mlops("hook", "pre-push", "origin", "url")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
