"""Servers that run for all tests of a module, and the folders that they show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.data_project import DataProject, make_data_project
from tests.support.gated_commands import GATE
from tests.support.server import Running, start_server


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a module's server shows, with a project in it and things to be kept from."""
    around = tmp_path_factory.mktemp("around")
    root = around / "root"
    project = make_data_project(root / "project")
    project.write("data/a.csv", "1\n")
    project.snapshot("data", name="first")
    project.write("metrics/train.json", '{"acc": 0.5}')
    project.write("notebook.ipynb", "{}")
    project.commit("Track data")
    outside = make_data_project(around / "outside")
    outside.write("data/secret.csv", "secret\n")
    outside.snapshot("data")
    outside.commit("Track secrets")
    (root / "out").symlink_to(outside.root)
    (project.root / "out").symlink_to(outside.root)
    (root / "plain").mkdir()
    return root


@pytest.fixture(scope="module")
def served(shown: Path) -> DataProject:
    """The project that a module's server shows as ``project``."""
    return DataProject(shown / "project")


@pytest.fixture(scope="module")
def server(shown: Path) -> Iterator[Running]:
    """A server of the real commands."""
    with start_server(shown) as running:
        yield running


@pytest.fixture
def gated(tmp_path: Path) -> Iterator[Running]:
    """A server whose commands stop at a gate, in an empty folder."""
    GATE.close()
    with start_server(tmp_path, extension="tests.support.gated_commands") as running:
        try:
            yield running
        finally:
            GATE.opened.set()
