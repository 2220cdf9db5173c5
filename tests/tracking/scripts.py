"""Scripts that log, run as processes of their own, and what they left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from jupyter_mlops.formats.run import Began, Ended, Line, Metrics, parse_line
from tests.support.project import Project

TIMEOUT_SECONDS = 60


def start_script(
    project: Project, code: str, name: str = "train.py", env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start ``code`` as a script of the project; what it prints on both streams can be read."""
    project.write(name, code)
    return subprocess.Popen(
        [sys.executable, name],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **(env or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_script(
    project: Project,
    code: str,
    name: str = "train.py",
    env: Mapping[str, str] | None = None,
    *,
    status: int = 0,
) -> str:
    """Run ``code`` as a script of the project and return what it printed on both streams."""
    process = start_script(project, code, name, env)
    printed, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == status, printed
    return printed


def values(project: Project, path: str) -> object:
    """Return a file of values."""
    return json.loads(project.read(path))


def series(project: Project, run: str) -> list[list[Line]]:
    """Return the lines of each process's file of a run, in the order they began."""
    files = sorted((project.root / ".git/mlops/runs" / run).glob("*.jsonl"))
    return [
        [parse_line(line, origin=file.name) for line in file.read_bytes().splitlines()]
        for file in files
    ]


def metrics(lines: list[Line]) -> list[tuple[float, Mapping[str, float]]]:
    """Return steps and values."""
    return [(line.step, line.values) for line in lines if isinstance(line, Metrics)]


def first(lines: list[Line]) -> Began:
    """Return the first line."""
    assert isinstance(lines[0], Began)
    return lines[0]


def end(lines: list[Line]) -> Ended | None:
    """Return the last line where it says how the process ended."""
    return lines[-1] if isinstance(lines[-1], Ended) else None
