"""Commands while the clock is wrong, or as if time had gone by."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LATER = "+1h"
"""By then the stat cache believes what it sees of files that are written now."""

_ROOT = Path(__file__).parents[2]
_TRUE_TIMES = {"NO_FAKE_STAT": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
"""What leaves the times of files, and waiting, as they are."""


def by_clock(clock: str, command: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return ``command`` as it is run by a clock as faketime has it, and its environment.

    Skips the test, with the reason, where the clock cannot be moved.
    """
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("not run: no faketime can be had here")
    return [faketime, "-f", clock, *command], {**os.environ, **_TRUE_TIMES}


def run_at(root: Path, clock: str, *words: str) -> str:
    """Run a command of ours in ``root``, as :func:`by_clock` does; return what it printed."""
    command, environment = by_clock(clock, [sys.executable, "-m", "jupyter_mlops", *words])
    done = subprocess.run(
        command,
        cwd=root,
        env={**environment, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
