"""Other users of the machine: numbers alone, which need no entry anywhere."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.project import hermetic_environment

GROUP = 64_207
"""A group that all users are in."""


class Turn:
    """A function that a user is carrying out, in a process of its own."""

    def __init__(self, number: int, told: int) -> None:
        self.number = number
        self._told = told

    def wait(self) -> None:
        """Wait until it has ended; fail as it failed."""
        with open(self._told, encoding="utf-8") as told:
            said = told.read()
        _, status = os.waitpid(self.number, 0)
        assert status == 0, said or f"ended by {status}"


@dataclass(frozen=True, slots=True)
class User:
    """A user with a group of its own, in :data:`GROUP` as well, and with a umask."""

    id: int
    umask: int
    home: Path

    def start(self, act: Callable[[], object]) -> Turn:
        """Let this user carry out ``act``, which imports nothing, in a fork of this process."""
        hear, tell = os.pipe()
        number = os.fork()
        if number:
            os.close(tell)
            return Turn(number, hear)
        status = 1
        try:
            os.close(hear)
            self._become()
            act()
            status = 0
        except BaseException:
            os.write(tell, traceback.format_exc().encode("utf-8", "replace")[-60_000:])
        finally:
            os._exit(status)

    def does(self, act: Callable[[], object]) -> None:
        """Let this user carry out ``act`` and wait until that is done."""
        self.start(act).wait()

    def _become(self) -> None:
        os.setgroups([GROUP])
        os.setgid(self.id)
        os.setuid(self.id)
        os.umask(self.umask)
        os.environ.update(hermetic_environment(self.home, os.environ))
        os.chdir(self.home)


def wait_until(is_so: Callable[[], object]) -> None:
    """Wait until another process has brought it about; fail after a minute."""
    given_up_at = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < given_up_at, "it did not come about"
        time.sleep(0.01)


@contextmanager
def open_users() -> Iterator[tuple[Path, User, User]]:
    """Yield a folder that everybody may enter, and two users with homes in it.

    One of them lets nobody else at what it makes.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        pytest.skip("not run: only root takes the part of other users")
    with tempfile.TemporaryDirectory(prefix="mlops-users-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        users = []
        for id, umask in ((64_201, 0o022), (64_202, 0o077)):
            home = folder / f"home-{id}"
            home.mkdir(mode=0o700)
            os.chown(home, id, id)
            users.append(User(id, umask, home))
        yield folder, users[0], users[1]
