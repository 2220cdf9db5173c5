"""Commands of this package in processes of their own, as Git and people start them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit status, negative for a signal, and what it printed."""

    status: int
    printed: bytes
    said: bytes


class OwnProcess:
    """A ``jupyter-mlops`` with ``words``, running in ``folder``.

    Raises:
        UnavailableError: no process can be started.
    """

    def __init__(self, folder: Path, *words: str) -> None:
        command = [sys.executable, "-P", "-m", "jupyter_mlops", *words]
        try:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise UnavailableError(
                f"{sys.executable} cannot be started: {error.strerror}.",
                code="process-not-started",
            ) from error

    def wait(self, *, kill_after: float | None = None) -> Ended:
        """Wait until it ends; where it has not after ``kill_after`` seconds, kill it then."""
        try:
            printed, said = self._process.communicate(timeout=kill_after)
        except subprocess.TimeoutExpired:
            self._process.kill()
            printed, said = self._process.communicate()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return Ended(self._process.returncode, printed, said)
