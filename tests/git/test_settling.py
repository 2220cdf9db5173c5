"""Notebooks with other outputs count as unchanged again, and nothing else moves in the index."""

from __future__ import annotations

import os
import time

import pytest

from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.git.settling import Settled, settle_unchanged
from tests.support.project import Project


@pytest.fixture
def filtered(project: Project) -> Project:
    """A project with a filter that drops lines with ``out``, and two committed notebooks."""
    project.git("config", "filter.drop.clean", "grep -v out || true")
    project.write(".gitattributes", "*.ipynb filter=drop\n")
    for name in ("a.ipynb", "deep/b.ipynb"):
        project.write(name, "code\n")
    project.write("other.txt", "text\n")
    project.commit("Notebooks")
    return project


def settle(project: Project) -> Settled:
    return settle_unchanged(open_repository(project.root), "*.ipynb", driver="drop")


def status(project: Project) -> str:
    return project.git("status", "--porcelain")


def test_what_only_looks_changed_is_settled(filtered: Project) -> None:
    assert settle(filtered) == Settled()
    filtered.write("a.ipynb", "code\nout 1\n")
    filtered.write("deep/b.ipynb", "code\nout 2\n")
    assert status(filtered) == " M a.ipynb\n M deep/b.ipynb\n"
    assert settle(filtered).paths == ("a.ipynb", "deep/b.ipynb")
    assert status(filtered) == ""
    filtered.git("switch", "-q", "-c", "topic", "HEAD")
    assert filtered.read("a.ipynb") == b"code\nout 1\n"


def test_what_must_not_be_written_over_stays_modified(filtered: Project) -> None:
    for name in ("a.ipynb", "deep/b.ipynb"):
        filtered.write(name, "code\nout 1\n")

    def choose(paths: list[str]) -> list[str]:
        return [path for path in paths if path != "a.ipynb"]

    repo = open_repository(filtered.root)
    settled = settle_unchanged(repo, "*.ipynb", driver="drop", choose=choose)
    assert settled.paths == ("deep/b.ipynb",)
    assert status(filtered) == " M a.ipynb\n"
    filtered.write(".gitattributes", "*.ipynb filter=drop\n/a.ipynb filter=other\n")
    assert settle(filtered).paths == ()


def test_what_is_changed_stays_so(filtered: Project) -> None:
    filtered.write("a.ipynb", "code\nout 1\n")
    filtered.write("deep/b.ipynb", "code 2\nout 2\n")
    filtered.write("other.txt", "longer text\n")
    filtered.write("new.ipynb", "code\n")
    staged = filtered.git("ls-files", "--stage")
    assert settle(filtered).paths == ("a.ipynb",)
    assert status(filtered) == " M deep/b.ipynb\n M other.txt\n?? new.ipynb\n"
    assert filtered.git("ls-files", "--stage") == staged
    assert "-code\n+code 2" in filtered.git("diff")


def test_what_its_filter_refuses_holds_nothing_else_back(filtered: Project) -> None:
    names = [f"{number}.ipynb" for number in range(5)]
    for name in names:
        filtered.write(name, "code\n")
    filtered.commit("More")
    filtered.git("config", "filter.drop.required", "true")
    filtered.git("config", "filter.drop.clean", "grep -v out; ! test %f = 3.ipynb")
    for name in names:
        filtered.write(name, "code\nout\n")
    assert settle(filtered).paths == tuple(name for name in names if name != "3.ipynb")
    filtered.git("config", "filter.drop.clean", "grep -v out")
    assert status(filtered) == " M 3.ipynb\n"


def test_what_is_staged_stays_staged(filtered: Project) -> None:
    filtered.write("a.ipynb", "code 2\n")
    filtered.git("add", "a.ipynb")
    filtered.write("a.ipynb", "code 2\nout\n")
    os.chmod(filtered.root / "deep/b.ipynb", 0o755)
    (filtered.root / "deep/b.ipynb").write_text("code\nout\n")
    assert settle(filtered).paths == ("a.ipynb",)
    assert status(filtered) == "M  a.ipynb\n M deep/b.ipynb\n"


def test_a_conflict_is_left_alone(filtered: Project) -> None:
    filtered.git("switch", "-q", "-c", "topic")
    filtered.write("a.ipynb", "theirs\n")
    filtered.commit("Theirs")
    filtered.git("switch", "-q", "main")
    filtered.write("a.ipynb", "ours\n")
    filtered.commit("Ours")
    filtered.git("merge", "topic", check=False)
    filtered.write("deep/b.ipynb", "code\nout\n")
    assert settle(filtered).paths == ("deep/b.ipynb",)
    assert status(filtered) == "UU a.ipynb\n"


def test_an_index_that_another_program_has_is_left_alone(filtered: Project) -> None:
    filtered.write("a.ipynb", "code\nout\n")
    lock = filtered.root / ".git/index.lock"
    lock.write_bytes(b"")
    assert settle(filtered).paths == ()
    assert lock.exists()
    lock.unlink()
    assert status(filtered) == " M a.ipynb\n"


def test_an_index_that_moved_meanwhile_is_left_alone(filtered: Project) -> None:
    filtered.git("config", "filter.drop.clean", "cat >/dev/null; git add -- other.txt; echo code")
    filtered.write("other.txt", "staged meanwhile\n")
    filtered.write("a.ipynb", "code\nout\n")
    assert settle(filtered).paths == ()
    assert "M  other.txt" in status(filtered)


def test_what_a_commit_has_otherwise_is_known_to_be_changed(filtered: Project) -> None:
    filtered.git("switch", "-q", "-c", "topic")
    filtered.write("a.ipynb", "changed\n")
    kept_in = filtered.commit("Changed")
    filtered.git("reset", "-q", "--soft", "main")
    filtered.git("reset", "-q", "--", ".")
    filtered.git("config", "filter.drop.clean", "echo asked >&2; grep -v out")
    filtered.write("deep/b.ipynb", "code\nout\n")
    settled = settle_unchanged(
        open_repository(filtered.root), "*.ipynb", driver="drop", kept_in=kept_in
    )
    assert settled == Settled(("deep/b.ipynb",), ("asked",))
    filtered.write("deep/b.ipynb", "code\nout 2\n")
    os.utime(filtered.root / "a.ipynb", (1, 1))
    told = filtered.git("-c", "filter.drop.clean=cat", "diff-files", "--name-only")
    assert told == "a.ipynb\ndeep/b.ipynb\n"


def test_a_file_that_is_changed_is_filtered_once(filtered: Project) -> None:
    filtered.git("config", "filter.drop.clean", "echo asked >&2; grep -v out")
    filtered.write("a.ipynb", "changed\n")
    repo = open_repository(filtered.root)
    later = time.time_ns() + 10_000_000_000
    asked = [
        settle_unchanged(repo, "*.ipynb", driver="drop", now_ns=lambda: later).said
        for _ in range(2)
    ]
    assert asked == [("asked",), ()]
    filtered.write("a.ipynb", "code\nout\n")
    assert settle(filtered).paths == ("a.ipynb",)


def test_what_a_filter_says_is_handed_on(filtered: Project) -> None:
    filtered.git("config", "filter.drop.clean", "echo told >&2; grep -v out")
    filtered.write("a.ipynb", "code\nout\n")
    filtered.write("deep/b.ipynb", "changed\n")
    assert settle(filtered).said == ("told",)
