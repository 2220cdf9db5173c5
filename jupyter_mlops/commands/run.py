"""One call of a command, from arguments to result; every front end goes through here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import msgspec

from jupyter_mlops.clock import Clock
from jupyter_mlops.commands.cycles import rare_cycle_search
from jupyter_mlops.commands.help import Help, Version, explain_all, explain_command, explain_group
from jupyter_mlops.commands.parse import Invocation
from jupyter_mlops.commands.signature import read_signature
from jupyter_mlops.commands.spec import Command, Result
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.workspace import (
    Execution,
    Here,
    Workspace,
    open_here,
    open_workspace,
)
from jupyter_mlops.config import REPLAY_VARIABLE
from jupyter_mlops.document import Document, Note
from jupyter_mlops.errors import InternalError, MlopsError
from jupyter_mlops.objects.running import running
from jupyter_mlops.progress import Progress


def run_command(
    command: Command,
    arguments: Mapping[str, object],
    *,
    start: Path,
    clock: Clock | None = None,
    progress: Progress | None = None,
    execution: Execution | None = None,
) -> Result | None:
    """Call ``command`` in the folder ``start`` and return what it returns.

    ``arguments`` are by parameter name, already of the right types; those that are missing have
    their defaults.

    Raises:
        MlopsError: whatever the command raises, and what ``open_workspace`` raises when the
            command needs a project.

    In a kernel of ``notebook verify`` commands that change more than its working tree are passed
    over.
    """
    if os.environ.get(REPLAY_VARIABLE) and not _is_replayed(command):
        return PassedOver(command.name)
    signature = read_signature(command)
    open_handles = open_workspace if signature.takes_workspace else open_here
    handles = open_handles(start, clock=clock, progress=progress, execution=execution)
    positionals = [arguments.get(p.name, p.default) for p in signature.positionals]
    options = {p.name: arguments[p.name] for p in signature.options if p.name in arguments}
    with rare_cycle_search(), _noted(command, handles):
        result = signature.function(handles, *positionals, **options)
    if result is None or isinstance(result, Result):
        return result
    raise InternalError(f"{command.name!r} returned a {type(result).__name__}, which is no result.")


_REPLAYED = frozenset({"restore", "pull", "fetch", "get", "import", "update", "strip"})


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A command that was not carried out, since the notebook that calls it is being verified.

    Whatever field of its result the notebook reads is None.
    """

    command: str

    def describe(self) -> Document:
        """Return the sentence that says so."""
        return Document((Note(f"{self.command} is passed over while a notebook is verified."),))

    def __getattr__(self, name: str) -> None:
        if name.startswith("_"):
            raise AttributeError(name)


def _is_replayed(command: Command) -> bool:
    return command.reads or command.hidden or command.words[0] in _REPLAYED


def _noted(command: Command, handles: Workspace | Here) -> AbstractContextManager[None]:
    """Let garbage collection know of a command that may write, while it is under way."""
    if command.reads or not isinstance(handles, Workspace):
        return nullcontext()
    return running(handles.store)


def run_invocation(
    invocation: Invocation,
    *,
    start: Path,
    clock: Clock | None = None,
    progress: Progress | None = None,
    execution: Execution | None = None,
    commands: tuple[Command, ...] = COMMANDS,
) -> Result | None:
    """Do what typed words ask for: explain, tell the version, or call the command.

    Raises:
        MlopsError: as :func:`run_command`.
    """
    if invocation.wants_help:
        return _explain(invocation, commands)
    if invocation.command is None:
        return Version()
    return run_command(
        invocation.command,
        invocation.arguments,
        start=start,
        clock=clock,
        progress=progress,
        execution=execution,
    )


def _explain(invocation: Invocation, commands: tuple[Command, ...]) -> Help:
    if invocation.command is not None:
        return explain_command(invocation.command, commands)
    return explain_group(invocation.group, commands) if invocation.group else explain_all(commands)


def exit_status(result: Result | None) -> int:
    """Return the exit status that a result stands for; 0 unless it says otherwise."""
    status = getattr(result, "exit_status", 0)
    return status if isinstance(status, int) else 0


def encode_result(result: Result | None) -> bytes:
    r"""Return a result as one JSON document, indented, with a final newline; NaN becomes null.

    What is not UTF-8 in a name of Git's or of a file's stands in it as ``\udcff``.
    """
    try:
        encoded = msgspec.json.encode(result)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_encodable(msgspec.to_builtins(result)))
    return msgspec.json.format(encoded, indent=2) + b"\n"


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(one) for key, one in value.items()}
    return [_encodable(one) for one in value] if isinstance(value, list | tuple) else value


def encode_error(error: MlopsError) -> bytes:
    """Return an error as one JSON document on one line, with a final newline."""
    told = {"code": error.code, "message": error.message, "hints": error.hints}
    return msgspec.json.encode({"error": told}) + b"\n"
