from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

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
    shell = InteractiveShell.instance()
    shell.reset(new_session=False)
    shell.history_manager.reset()
    load(shell, SAMPLES)
    yield shell
    unload(shell)
    InteractiveShell.clear_instance()
    os.chdir(before)
