"""The project of a test as the repository that the code under test works on."""

from __future__ import annotations

import pytest

from jupyter_mlops.git.repository import Repository, open_repository
from tests.support.project import Project


@pytest.fixture
def repo(project: Project) -> Repository:
    """The project's repository, opened."""
    return open_repository(project.root)
