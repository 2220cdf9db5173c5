from __future__ import annotations

import pytest

from jupyter_mlops.git.dirty_cache import (
    FileState,
    clear_dirty_cache,
    file_state,
    read_dirty_cache,
)
from jupyter_mlops.git.repository import Repository
from tests.support.project import Project

SECOND = 1_000_000_000
CHANGED_AT = 1_000 * SECOND
STATE = FileState(1, 0o100000, 10, CHANGED_AT, CHANGED_AT)
BLOB = ("100644", "ab" * 20)


def remember(repo: Repository, at_ns: int, path: str = "a.ipynb") -> None:
    """Write a cache that knows one file, as it was seen at a time."""
    repo.state_dir.mkdir(exist_ok=True)
    cache = read_dirty_cache(repo, [path])
    cache.record(path, STATE, at_ns, *BLOB)
    cache.write(repo)


def test_a_settled_file_is_known(repo: Repository) -> None:
    remember(repo, CHANGED_AT + 3 * SECOND)
    cache = read_dirty_cache(repo, ["a.ipynb"])
    assert cache.find("a.ipynb", STATE, CHANGED_AT + 4 * SECOND) == BLOB
    assert cache.find("b.ipynb", STATE, CHANGED_AT + 4 * SECOND) is None


@pytest.mark.parametrize(
    ("seen_at", "now"),
    [(CHANGED_AT + SECOND, CHANGED_AT + 60 * SECOND), (CHANGED_AT + 60 * SECOND, CHANGED_AT)],
    ids=["seen too soon after the change", "seen in the future"],
)
def test_a_file_that_may_have_changed_again_is_not_known(
    repo: Repository, seen_at: int, now: int
) -> None:
    remember(repo, seen_at)
    assert read_dirty_cache(repo, ["a.ipynb"]).find("a.ipynb", STATE, now) is None


@pytest.mark.parametrize(
    "change",
    [
        {"inode": 2},
        {"mode": 0o100100},
        {"size_bytes": 11},
        {"mtime_ns": CHANGED_AT - 1},
        {"ctime_ns": CHANGED_AT + 1},
    ],
)
def test_a_file_in_another_state_is_not_known(repo: Repository, change: dict[str, int]) -> None:
    remember(repo, CHANGED_AT + 3 * SECOND)
    cache = read_dirty_cache(repo, ["a.ipynb"])
    assert cache.find("a.ipynb", STATE._replace(**change), CHANGED_AT + 4 * SECOND) is None


def test_a_change_with_the_time_put_back_shows(project: Project) -> None:
    import os

    path = project.write("a", "aaaa")
    before = file_state(path.stat())
    path.write_text("bbbb")
    os.utime(path, ns=(before.mtime_ns, before.mtime_ns))
    after = file_state(path.stat())
    assert after.mtime_ns == before.mtime_ns
    assert after.ctime_ns > before.ctime_ns


@pytest.mark.parametrize(
    "rules",
    [
        ".gitattributes",
        "deep/.gitattributes",
        "deep/er/.gitattributes",
        ".git/config",
        ".git/info/attributes",
    ],
)
def test_another_rule_for_filters_forgets_all(
    project: Project, repo: Repository, rules: str
) -> None:
    remember(repo, CHANGED_AT + 3 * SECOND, "deep/er/a.ipynb")
    now = CHANGED_AT + 4 * SECOND
    known = read_dirty_cache(repo, ["deep/er/a.ipynb"]).find("deep/er/a.ipynb", STATE, now)
    assert known == BLOB
    before = project.read(rules) if (project.root / rules).exists() else b""
    project.write(rules, before + b"# changed\n")
    cache = read_dirty_cache(repo, ["deep/er/a.ipynb"])
    assert cache.find("deep/er/a.ipynb", STATE, now) is None


def test_what_is_not_asked_for_is_forgotten(repo: Repository) -> None:
    remember(repo, CHANGED_AT + 3 * SECOND, "old.ipynb")
    remember(repo, CHANGED_AT + 3 * SECOND, "new.ipynb")
    cache = read_dirty_cache(repo, ["old.ipynb"])
    assert cache.find("old.ipynb", STATE, CHANGED_AT + 4 * SECOND) is None


def test_a_name_that_is_not_unicode_is_not_kept(repo: Repository) -> None:
    remember(repo, CHANGED_AT + 3 * SECOND, "bytes\udcff")
    cache = read_dirty_cache(repo, ["bytes\udcff"])
    assert cache.find("bytes\udcff", STATE, CHANGED_AT + 4 * SECOND) is None


def test_a_cleared_cache_knows_nothing(repo: Repository) -> None:
    remember(repo, CHANGED_AT + 3 * SECOND)
    clear_dirty_cache(repo)
    clear_dirty_cache(repo)
    cache = read_dirty_cache(repo, ["a.ipynb"])
    assert cache.find("a.ipynb", STATE, CHANGED_AT + 4 * SECOND) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"\x92\xa1\xff\x80", b"\x91" * 100_000, b"\x93\xa0\x80" + b"\x91" * 9999],
)
def test_a_damaged_cache_knows_nothing(repo: Repository, content: bytes) -> None:
    remember(repo, CHANGED_AT + 3 * SECOND)
    kept = repo.state_dir / "dirty-files"
    kept.unlink()
    kept.write_bytes(content)
    cache = read_dirty_cache(repo, ["a.ipynb"])
    assert cache.find("a.ipynb", STATE, CHANGED_AT + 4 * SECOND) is None
