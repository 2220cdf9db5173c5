"""The sources are formatted, linted and typed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT


def _run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_formatted() -> None:
    _run("ruff", "format", "--check", ".")


def test_linted() -> None:
    _run("ruff", "check", ".")


@pytest.mark.slow
def test_typed() -> None:
    _run("mypy")
