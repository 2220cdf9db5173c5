"""The arena finds what does harm: each of these is broken on purpose, in its own process."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.commands import workspace
from tests.hostile import arena
from tests.hostile.arena import Case, try_cases
from tests.hostile.corpus import words

pytestmark = pytest.mark.slow


def _write_beside(root: Path) -> None:
    (root.parent / "outside/new").write_text("x")


def _start(root: Path) -> None:
    subprocess.run(["true"], check=True)


def _option(root: Path) -> None:
    subprocess.run(["git", "--exec-path=x", "version"], check=False, capture_output=True)


def _raise(root: Path) -> None:
    raise KeyError("x")


def _wait(root: Path) -> None:
    time.sleep(60)


def _fill(root: Path) -> None:
    bytearray(4 * arena.MEMORY_BYTES)


def _lose(root: Path) -> None:
    os.unlink(root / "notes.txt")


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "writes beside the project": (_write_beside, "outside of the project"),
    "starts a program": (_start, "started ['true']"),
    "gives Git an option of its own": (_option, "gave Git the option '--exec-path=x'"),
    "raises what is no refusal": (_raise, "KeyError"),
    "does not end": (_wait, "took more than"),
    "takes all memory": (_fill, "out-of-memory"),
    "loses a file": (_lose, "notes.txt is lost"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_harm_is_found(what: str, template: Path, tmp_path: Path) -> None:
    harm, told = BROKEN[what]

    def prepare() -> None:
        reading = workspace.read_config

        def broken(root: Path) -> object:
            harm(root)
            return reading(root)

        arena.SECONDS = 2
        workspace.read_config = broken  # type: ignore[assignment]

    case = Case("harm", lambda _: None, words("status"))
    verdict = try_cases([case], template, tmp_path / "room", prepare)
    assert any(told in failure for failure in verdict.failures), verdict.failures


def test_no_harm_is_found_where_there_is_none(template: Path, tmp_path: Path) -> None:
    case = Case("harmless", lambda _: None, words("status", "snapshot", "restore first", "undo"))
    verdict = try_cases([case], template, tmp_path / "room")
    assert (verdict.failures, verdict.commands) == ([], 4)
