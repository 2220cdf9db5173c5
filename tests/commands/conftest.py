"""The project of a test as one with an ``mlops.toml``, whose commands are functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.ci_job import job, made_once
from tests.support.data_project import DataProject, make_data_project

__all__ = ["data_project", "job", "made_once"]


@pytest.fixture
def data_project(tmp_path: Path) -> DataProject:
    """A project with one commit and nothing tracked."""
    return make_data_project(tmp_path / "project")
