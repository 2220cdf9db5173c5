"""The demo's project, made once by the command itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.forked import started_by_git
from tests.support.project import Project


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, Any]]:
    """Return the project that `jupyter mlops demo` made, and what the command printed as JSON."""
    place = Project(tmp_path_factory.mktemp("demo"))
    done = place.mlops("demo", "cancer and digits", "--json", env=started_by_git())
    assert done.returncode == 0, done.stderr
    return Project(place.root / "cancer and digits"), json.loads(done.stdout)


@pytest.fixture(scope="session")
def demo(made: tuple[Project, dict[str, Any]]) -> Project:
    """Return the project; tests leave it as they found it."""
    return made[0]


@pytest.fixture
def linked(demo: Project, tmp_path: Path) -> Iterator[Project]:
    """Yield a linked worktree of the first version in which nothing was restored yet."""
    target = tmp_path / "linked"
    demo.git("-c", f"core.hooksPath={tmp_path}", "worktree", "add", "-q", "-d", str(target), "v1")
    yield Project(target)
    demo.git("worktree", "remove", "--force", str(target))
