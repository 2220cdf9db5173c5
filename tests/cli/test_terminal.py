from __future__ import annotations

import os
import sys
from pathlib import Path

import pexpect
import pytest

from tests.support.project import Project

ROOT = Path(__file__).parents[2]


def on_terminal(folder: Path, *words: str, columns: int = 80, **more: str) -> str:
    """Return what a command writes to a terminal."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}
    env = {name: value for name, value in env.items() if value}
    child = pexpect.spawn(
        sys.executable,
        ["-m", "tests.support.sample_commands", *words],
        cwd=str(folder),
        env=env,
        encoding="utf-8",
        dimensions=(24, columns),
    )
    child.expect(pexpect.EOF)
    child.close()
    return str(child.before)


@pytest.fixture
def opened(project: Project) -> Path:
    """The root of a project with an empty mlops.toml."""
    project.write("mlops.toml", "")
    return project.root


def test_a_terminal_gets_colours_unless_the_user_says_no(opened: Path) -> None:
    assert "\x1b[32mKept 1 paths\x1b[0m" in on_terminal(opened, "keep", "a", NO_COLOR="")
    assert "\x1b[31mdata was changed" in on_terminal(opened, "fail", NO_COLOR="")
    assert "\x1b" not in on_terminal(opened, "keep", "a", NO_COLOR="1")
    assert "\x1b" not in on_terminal(opened, "keep", "a", NO_COLOR="", TERM="dumb")


def test_tables_are_fitted_to_the_terminal(opened: Path) -> None:
    wide = on_terminal(opened, "--help", columns=120)
    narrow = on_terminal(opened, "--help", columns=38)
    assert "Data, models, metrics and notebooks" in wide
    assert "Explain a command, or list them all." in wide
    assert "Explain a command, or\r\n              list them all." in narrow
    assert "things remove" in narrow


def test_short_work_shows_no_progress(opened: Path) -> None:
    assert "keeping" not in on_terminal(opened, "keep", "a", NO_COLOR="")
