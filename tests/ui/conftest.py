from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.lab import Lab, start_lab
from tests.support.project import Project, make_project


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a folder in which each test makes a project of its own."""
    root, settings = (tmp_path_factory.mktemp(name) for name in ("lab", "settings"))
    with start_lab(root, settings) as running:
        yield running


@pytest.fixture
def project(lab: Lab, request: pytest.FixtureRequest) -> Project:
    """A project below JupyterLab's folder, set up and committed."""
    project = make_project(lab.root / request.node.name)
    assert project.mlops("init").returncode == 0
    project.commit("Set up")
    return project
