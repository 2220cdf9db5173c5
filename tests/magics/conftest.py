from __future__ import annotations

import atexit
import os
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from jupyter_mlops.magics.extension import load, unload
from tests.support.project import Project
from tests.support.sample_commands import SAMPLES


@pytest.fixture
def shell(project: Project) -> Iterator[InteractiveShell]:
    """IPython's real shell inside a project, with the magics of the sample commands."""
    project.write("mlops.toml", "")
    project.write("data/train one.csv", "x")
    before = os.getcwd()
    os.chdir(project.root)
    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    shell = InteractiveShell.instance(config=config)
    load(shell, SAMPLES)
    yield shell
    unload(shell)
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()
    os.chdir(before)
