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
_TRUE_TIMES = {
    "NO_FAKE_STAT": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    "FAKETIME_FORCE_MONOTONIC_FIX": "0",
}
"""What leaves the times of files, and waiting, as they are; without the last threads spin."""

_LIBRARY = "faketime/libfaketime.so.1"
_LIBRARY_FOLDERS = ("lib", "lib/*", "lib64", "lib64/*")


def by_clock(clock: str, command: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return ``command`` as it is run by a clock as faketime has it, and its environment.

    Skips the test, with the reason, where the clock cannot be moved. faketime's library is loaded
    without its program, which refuses where a killed one of the same process id has left its
    semaphore behind.
    """
    library = _find_library()
    if library is None:
        pytest.skip("not run: no faketime can be had here")
    moved = {"LD_PRELOAD": str(library), "FAKETIME": clock}
    return command, {**os.environ, **_TRUE_TIMES, **moved}


def _find_library() -> Path | None:
    program = shutil.which("faketime")
    if program is None:
        return None
    top = Path(program).resolve().parents[1]
    found = (path for folder in _LIBRARY_FOLDERS for path in top.glob(f"{folder}/{_LIBRARY}"))
    return next(found, None)


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
