"""Commands in any order do what a model of the project says, and lose nothing.

Each test runs :mod:`tests.crash.model` in a process of its own. Its clock is the machine's, or an
hour ahead of that of the files: then the stat cache trusts what it has seen, as it does of files
that nobody has written for some seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.cutting import count_of
from tests.crash.model import BROKEN
from tests.support.later import LATER, by_clock
from tests.support.scoreboard import Scoreboard

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RUNS = [
    (1, 6, "none", "true"),
    (2, 6, "none", "ahead"),
    (3, 6, "called", "true"),
    (4, 6, "called", "ahead"),
    (8, 2, "real", "true"),
]
"""The seed, how many examples for each scale, which hooks, which clock; at scale 1 half as many."""

FOUND_BY = {
    "restore drops unsaved data": 1,
    "stat cache ignores ctime": 1,
    "undo forgets a file": 3,
    "states are wrong": 2,
}
"""The seed with which each defect is found soon."""


def _run(
    number: int, examples: int, hooks: str, clock: str, *broken: str
) -> subprocess.CompletedProcess[str]:
    words = [f"{number}", f"{examples}", hooks, *broken]
    command = [sys.executable, "-m", "tests.crash.model", *words]
    environment = dict(os.environ)
    if clock == "ahead":
        command, environment = by_clock(LATER, command)
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
    )


@pytest.mark.parametrize("number, examples, hooks, clock", RUNS)
def test_any_order_of_commands_does_what_the_model_says(
    number: int, examples: int, hooks: str, clock: str, scale: int, scoreboard: Scoreboard
) -> None:
    tried = count_of(scale, examples // 2, examples)
    done = _run(number, tried, hooks, clock)
    assert done.returncode == 0, done.stderr[-20_000:]
    steps = int(done.stdout.split("\n")[0])
    assert steps > 20 * tried
    scoreboard.add("state machine steps", steps)


@pytest.mark.parametrize("broken", BROKEN)
def test_the_model_finds(broken: str) -> None:
    done = _run(FOUND_BY[broken], 60, "none", "ahead", broken)
    assert done.returncode == 1
    assert "AssertionError" in done.stderr
