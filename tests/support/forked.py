"""Python programs in processes of their own that need not import anew what they are made of.

A process that has imported all commands stands by and is forked for each program, which then has
the arguments, the environment, the folder and the streams that it would have been started with.
What an interpreter does before that, and how long it takes, is not seen.
"""

from __future__ import annotations

import array
import atexit
import gc
import io
import marshal
import os
import runpy
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory, TemporaryFile
from typing import NoReturn

from tests.support.start.sitecustomize import STANDBY, ask

_ROOT = Path(__file__).parents[2]
_START = Path(__file__).with_name("start")
_OF_INTERPRETERS = ("PYTHON", "LC_", "LANG", "LD_", "COVERAGE")
"""How variables begin that are only read as an interpreter starts."""

_CAN_STAND_BY = hasattr(os, "pidfd_open") and hasattr(os, "memfd_create")
"""Whether this system has what it takes; where it has not, interpreters are started."""

_HEAVY = {"nbconvert": "nbconvert.nbconvertapp"}
"""What is imported for good as soon as a program needs it."""


def run_python(
    *words: str, cwd: Path, env: Mapping[str, str], input: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run ``python WORDS``, of which the first is ``-m``, with ``env`` in ``cwd``.

    Safe to call from threads. Standard input is empty where there is no ``input``.
    """
    command = [sys.executable, *words]
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        stdin.write(input or b"")
        stdin.seek(0)
        if _is_of_this_interpreter(env):
            streams = (stdin.fileno(), stdout.fileno(), stderr.fileno())
            ended = ask(_standby().address, list(words), str(cwd), dict(env), *streams)
            status = os.waitstatus_to_exitcode(ended)
        else:
            status = subprocess.run(
                command, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr, check=False
            ).returncode
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(command, status, stdout.read(), stderr.read())


def started_by_git() -> dict[str, str]:
    """Return the environment in which what Git starts of ours is forked as well.

    It is for what Git and a command say to each other; what is killed, or finds its modules, is
    to be started as it is everywhere.
    """
    if not _CAN_STAND_BY:
        return {}
    paths = [str(_START), str(_ROOT), os.environ.get("PYTHONPATH", "")]
    return {STANDBY: _standby().address, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _is_of_this_interpreter(env: Mapping[str, str]) -> bool:
    """Return whether an interpreter with ``env`` would begin as this process has begun."""
    return _CAN_STAND_BY and all(
        env.get(name) == os.environ.get(name)
        for name in env.keys() | os.environ.keys()
        if name.startswith(_OF_INTERPRETERS)
    )


class _Standby:
    """The process that is forked; it ends with the one that started it."""

    def __init__(self) -> None:
        self.of = os.getpid()
        self._folder = TemporaryDirectory()
        self.address = f"{self._folder.name}/standby"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
            asked.bind(self.address)
            asked.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(asked.fileno())],
                cwd=_ROOT,
                pass_fds=[asked.fileno()],
                stdin=subprocess.PIPE,
            )
        atexit.register(self._end)

    def _end(self) -> None:
        if self.of == os.getpid():
            self._process.communicate()
            self._folder.cleanup()


_standing: list[_Standby] = []
_starting = threading.Lock()


def _standby() -> _Standby:
    """Return the one of this process, whose user and rights its forks have."""
    with _starting:
        if not _standing or _standing[0].of != os.getpid():
            _standing[:] = [_Standby()]
        return _standing[0]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a fork is to be."""

    words: list[str]
    cwd: str
    env: dict[str, str]
    umask: int

    @property
    def module(self) -> int:
        """The place among the words of the module's name."""
        return self.words.index("-m") + 1

    def become(self, streams: Sequence[int]) -> None:
        """Be it, with these standard streams."""
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
            os.close(fd)
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            old = getattr(sys, name)
            raw = io.FileIO(old.fileno(), mode, closefd=False)
            buffer = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
            by_line = name == "stderr" or raw.isatty()
            new = io.TextIOWrapper(buffer, old.encoding, old.errors, line_buffering=by_line)
            setattr(sys, name, new)
            setattr(sys, f"__{name}__", new)
        os.chdir(self.cwd)
        os.umask(self.umask)
        os.environ.clear()
        os.environ.update(self.env)
        time.tzset()
        sys.path[:1] = [] if "-P" in self.words[: self.module] else [self.cwd]
        sys.argv = self.words[self.module :]
        try:
            runpy.run_module(self.words[self.module], run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            if ended.code is not None and not isinstance(ended.code, int):
                raise
            _end(ended.code or 0)


def _end(status: int) -> NoReturn:
    """End as an interpreter does, but take no memory apart, which would have all of it copied."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _serve(asked: socket.socket) -> tuple[_Wanted, Sequence[int]] | None:
    """Fork for each request: return in each fork what it is to be, and at the end None."""
    running: dict[int, tuple[int, socket.socket]] = {}  # by its pidfd: a process, and who asked
    with selectors.DefaultSelector() as events:
        events.register(asked, selectors.EVENT_READ)
        events.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in events.select():
                if key.fileobj is sys.stdin:
                    return None
                if key.fileobj is not asked:
                    events.unregister(key.fd)
                    os.close(key.fd)
                    process, asker = running.pop(key.fd)
                    with asker, suppress(OSError):
                        asker.send(b"%d" % os.waitpid(process, 0)[1])
                    continue
                asker, _ = asked.accept()
                wanted, streams = _receive(asker)
                process = os.fork()
                if not process:
                    for one in (asked, asker, *(other for _, other in running.values())):
                        one.close()
                    for fd in running:
                        os.close(fd)
                    return wanted, streams
                for fd in streams:
                    os.close(fd)
                watch = os.pidfd_open(process)
                running[watch] = process, asker
                events.register(watch, selectors.EVENT_READ)


def _receive(asker: socket.socket) -> tuple[_Wanted, Sequence[int]]:
    size = socket.CMSG_SPACE(4 * array.array("i").itemsize)
    _, rights, _, _ = asker.recvmsg(1, size, socket.MSG_CMSG_CLOEXEC)
    request, *streams = array.array("i", rights[0][2])
    with open(request, "rb") as file:
        file.seek(0)
        wanted = _Wanted(*marshal.load(file))
    if heavy := _HEAVY.get(wanted.words[wanted.module]):
        import_module(heavy)
    return wanted, streams


def _stand_by(asked: socket.socket) -> None:
    import_module("jupyter_mlops.cli.main")
    for command in iter_modules(import_module("jupyter_mlops.commands").__path__):
        import_module(f"jupyter_mlops.commands.{command.name}")
    gc.collect()
    gc.freeze()  # what collection touches is copied
    try:
        found = _serve(asked)
    except KeyboardInterrupt:
        return
    if found is not None:
        wanted, streams = found
        wanted.become(streams)


if __name__ == "__main__":
    _stand_by(socket.socket(fileno=int(sys.argv[1])))
