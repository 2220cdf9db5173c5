"""What holds for every test: nothing of the user's own Git or Jupyter settings reaches it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import Project, hermetic_environment, make_project


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run of continuous integration in which a test did not run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def hermetic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the whole run a home of its own and a Git that reads no settings of the machine.

    A run in the background (``make test &``) ignores Ctrl-C, and so would all that it starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    before = dict(os.environ)
    after = hermetic_environment(tmp_path_factory.mktemp("home"), before)
    os.environ.clear()
    os.environ.update(after)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A Git project with one commit and nothing of ours in it."""
    project = make_project(tmp_path / "project")
    project.write("README.md", "A project.\n")
    project.commit("First commit")
    return project
