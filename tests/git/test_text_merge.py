from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.text_merge import open_text_merger
from tests.support.project import Project


def test_lines_merge_and_conflicts_are_told(repo: Repository, tmp_path: Path) -> None:
    with open_text_merger(repo, tmp_path / "staging") as merger:
        base = b"a\nb\nc\n"
        assert merger.merge(base, b"1\nb\nc\n", b"a\nb\n3\n", mark_bytes=7) == (b"1\nb\n3\n", False)
        text, conflict = merger.merge(base, b"1\nb\nc\n", b"2\nb\nc\n", mark_bytes=9)
    assert text == b"<<<<<<<<< ours\n1\n=========\n2\n>>>>>>>>> theirs\nb\nc\n"
    assert conflict
    assert list((tmp_path / "staging").iterdir()) == []


def test_the_users_style_of_marks_counts(
    project: Project, repo: Repository, tmp_path: Path
) -> None:
    project.git("config", "merge.conflictStyle", "diff3")
    with open_text_merger(repo, tmp_path / "staging") as merger:
        text, _ = merger.merge(b"a\n", b"1\n", b"2\n", mark_bytes=7)
    assert b"\n||||||| base\na\n=======\n" in text


def test_what_is_no_text_to_git_is_refused(repo: Repository, tmp_path: Path) -> None:
    with open_text_merger(repo, tmp_path) as merger, pytest.raises(UnavailableError) as caught:
        merger.merge(b"a\n", b"\0\n", b"2\n", mark_bytes=7)
    assert caught.value.code == "git-failed"


def test_what_a_killed_one_left_goes(repo: Repository, tmp_path: Path) -> None:
    left = tmp_path / ".mlops-tmp-0123456789abcdef01234567"
    left.mkdir()
    (left / "text").write_text("half")
    with open_text_merger(repo, tmp_path):
        assert not left.exists()
