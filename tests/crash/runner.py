"""A process that has the package loaded and carries commands out in copies of itself.

``python -m tests.crash.runner [STEP]`` reads one request a line and answers with one line. A copy
does what ``jupyter-mlops`` does in a process of its own, without the time that loading takes. With
the name of a step in ``tests.crash.broken`` that step is broken in every copy.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from jupyter_mlops.git.process import read_git_version
from tests.support.project import IDENTITY
from tests.support.system_calls import READS, WATCHED, Call, Fault, run_watched

ROOT = Path(__file__).parents[2]
OURS = "mlops"
"""The first word of a command that is ours; every other one is a program's name."""


Counted = Literal["changes", "reads"]
_CALLS: dict[Counted | None, frozenset[str]] = {
    "changes": WATCHED,
    "reads": READS,
    None: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command."""

    status: int
    stdout: str
    stderr: str
    calls: tuple[Call, ...]
    hit: Call | None
    overdue: bool

    @property
    def was_killed(self) -> bool:
        """Whether the command's own process ended by a signal."""
        return self.status < 0

    @property
    def told(self) -> str:
        """All that it said."""
        return self.stdout + self.stderr


class Runner:
    """Runs commands in a process that was started for it."""

    def __init__(self, broken: str | None = None) -> None:
        words = [sys.executable, "-m", "tests.crash.runner", *([broken] if broken else [])]
        self._process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(
        self,
        folder: Path,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        fault: Fault | None = None,
        counted: Counted | None = None,
    ) -> Outcome:
        """Run ``command`` in ``folder`` and return what came of it.

        ``counted`` are the calls that the outcome tells of and a fault counts: those that change
        something, where none are named, or those that read files in ``folder``. Without a fault
        and without ``counted`` no call is watched, which costs a third less.
        """
        asked = {
            "folder": os.fspath(folder),
            "command": list(command),
            "env": dict(env or {}),
            "fault": asdict(fault) if fault else None,
            "counted": counted or ("changes" if fault else None),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        calls = tuple(Call(*call) for call in answer.pop("calls"))
        hit = answer.pop("hit")
        return Outcome(**answer, calls=calls, hit=Call(*hit) if hit else None)

    def ours(self, folder: Path, *words: str) -> Outcome:
        """Run a command of ours that has to succeed."""
        done = self.run(folder, (OURS, *words))
        assert done.status == 0, (words, done.told)
        return done


def _load() -> None:
    """Load all that commands load when they run."""
    package = importlib.import_module("jupyter_mlops.commands")
    for module in pkgutil.walk_packages(package.__path__, "jupyter_mlops.commands."):
        if "demo_project" not in module.name:
            importlib.import_module(module.name)
    for name in ("git.cmd", "nbformat", "jupyter_mlops.cli.main", "jupyter_mlops.cli.progress"):
        importlib.import_module(name)
    read_git_version()
    gc.freeze()


def _carry_out(asked: Mapping[str, Any], stdout: int, stderr: int) -> None:
    from jupyter_mlops.cli.main import main

    os.chdir(asked["folder"])
    os.environ.update(asked["env"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(descriptor, number)
    program, *words = asked["command"]
    if program != OURS:
        os.execvp(program, [program, *words])
    sys.argv = ["jupyter-mlops", *words]
    try:
        sys.exit(main())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        done = run_watched(
            lambda: _carry_out(asked, stdout.fileno(), stderr.fileno()),
            calls=_CALLS[asked["counted"]],
            beneath=os.path.join(asked["folder"], "") if asked["counted"] == "reads" else "/",
            fault=Fault(**asked["fault"]) if asked["fault"] else None,
        )
        stdout.seek(0)
        stderr.seek(0)
        return {
            "status": done.status,
            "stdout": stdout.read().decode("utf-8", "replace"),
            "stderr": stderr.read().decode("utf-8", "replace"),
            "calls": done.calls,
            "hit": done.hit,
            "overdue": done.overdue,
        }


def main(broken: str | None) -> None:
    """Answer requests until there are no more."""
    os.environ.update(IDENTITY)
    _load()
    if broken is not None:
        from tests.crash.broken import BROKEN

        BROKEN[broken]()
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
