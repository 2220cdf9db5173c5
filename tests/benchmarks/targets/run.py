"""Runs commands as a user's shell does, and takes their time and their memory.

The system counts the memory of a new process from the one that starts it, so a measured command is
started by a small process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_STARTER = """
import os, sys, time
began = time.perf_counter()
child = os.posix_spawnp("sh", ["sh", "-c", sys.argv[1]], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - began
cpu = usage.ru_utime + usage.ru_stime
sys.stdout.write(f"\\n{seconds} {cpu} {usage.ru_maxrss}")
sys.exit(os.waitstatus_to_exitcode(status))
"""
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: wall seconds, the processor's, and the memory of its biggest process."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(script: str, folder: Path, env: Mapping[str, str]) -> str:
    """Run a script of the shell in ``folder``, untimed; return what it printed.

    Raises:
        RuntimeError: Its exit status is not 0; with what it printed.
    """
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise RuntimeError(f"{script} exited {done.returncode}\n{done.stdout}")
    return done.stdout


def measure(script: str, folder: Path, env: Mapping[str, str]) -> Cost:
    """Run a script as :func:`run` does, and return what it took."""
    command = [sys.executable, "-I", "-S", "-c", _STARTER, script]
    done = subprocess.run(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    printed, _, measured = done.stdout.rpartition("\n")
    if done.returncode:
        raise RuntimeError(f"{script} exited {done.returncode}\n{printed}")
    seconds, cpu_seconds, peak = measured.split()
    return Cost(float(seconds), float(cpu_seconds), int(peak) * _PEAK_UNIT)
