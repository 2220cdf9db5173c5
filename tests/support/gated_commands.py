"""Commands that wait until a test lets them go on, and a server extension that offers them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.spec import Arg, Command
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Document
from jupyter_mlops.errors import ConflictError
from jupyter_mlops.server.extension import MlopsExtension

PATIENCE_SECONDS = 30


class Gate:
    """What a command under way passes only when a test has opened it."""

    def __init__(self) -> None:
        self.close()

    def close(self) -> None:
        """Be as new."""
        self.arrived = threading.Semaphore(0)
        self.opened = threading.Event()
        self.left = threading.Semaphore(0)
        self.count = 0

    def wait_for_arrival(self) -> None:
        """Return when one more command stands before the gate."""
        assert self.arrived.acquire(timeout=PATIENCE_SECONDS)

    def wait_for_leaving(self) -> None:
        """Return when one more command has gone, in whichever way."""
        assert self.left.acquire(timeout=PATIENCE_SECONDS)


GATE = Gate()
"""The one gate of this process."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What the commands here return."""

    count: int
    text: str

    def describe(self) -> Document:
        return Document(())


def look(here: Here, text: Annotated[str, Arg("What to say.")] = "") -> Passed:
    """Read something."""
    return _pass(here, text)


def work(
    here: Here,
    text: Annotated[str, Arg("What to say.")] = "",
    *,
    fail: Annotated[bool, Arg("Fail at the end.")] = False,
) -> Passed:
    """Change something."""
    passed = _pass(here, text)
    if fail:
        raise ConflictError("It may not be.", code="conflict", hints=("Leave it.",))
    return passed


def defect(here: Here) -> Passed:
    """Fail in a way that nobody foresaw."""
    raise KeyError(f"no such key in {here.cwd}")


def say(here: Here, text: Annotated[str, Arg("What to say.")] = "") -> Passed:
    """Say something at once."""
    return Passed(0, text)


def _pass(here: Here, text: str) -> Passed:
    GATE.count += 1
    number = GATE.count
    try:
        with here.progress.task("Reading", 100) as task:
            task.advance(40)
            GATE.arrived.release()
            while not GATE.opened.wait(0.01):
                task.advance(0)
            task.advance(60)
    finally:
        GATE.left.release()
    return Passed(number, text)


def _command(name: str, *, reads: bool = False) -> Command:
    return Command((name,), f"{__name__}:{name}", f"{name.title()} something.", reads=reads)


class GatedExtension(MlopsExtension):
    """The extension with these commands alone."""

    commands = (
        _command("look", reads=True),
        _command("work"),
        _command("defect", reads=True),
        _command("say", reads=True),
    )


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    return [{"module": __name__, "app": GatedExtension}]
