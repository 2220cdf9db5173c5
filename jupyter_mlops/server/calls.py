"""One call of a command by a request: planned, carried out, and its outcome as a value.

All of it starts Git or reads files, so it belongs in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.commands.failure import explain_failure
from jupyter_mlops.commands.python import format_words
from jupyter_mlops.commands.run import encode_result, run_command
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.workspace import Execution
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.server.cancelling import CancellableProgress, Cancelled
from jupyter_mlops.server.places import (
    check_paths,
    find_project,
    relative_to_root,
    resolve_folder,
)


@dataclass(frozen=True, slots=True)
class Call:
    """A command with arguments that were looked at, and the folder that it runs in.

    ``project`` is the folder of its project relative to the server's root, None where there is
    none.
    """

    command: Command
    arguments: Mapping[str, object]
    folder: Path
    project: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: a result as JSON, an error, or neither where it was asked to stop."""

    result: bytes | None = None
    error: MlopsError | None = None


def plan_call(
    root: Path, command: Command, at: str, decode: Callable[[], Mapping[str, object]]
) -> Call:
    """Return the call of ``command`` that a request asks for; nothing is changed.

    Raises:
        UsageError: an argument does not fit, or something leads out of ``root``.
        NotFoundError: there is no folder ``at``.
    """
    arguments = decode()
    folder = resolve_folder(root, at)
    try:
        project = relative_to_root(root, find_project(root, folder).root)
    except NotFoundError:
        project = None
    check_paths(root, folder, command, arguments)
    return Call(command, arguments, folder, project)


def run_call(call: Call, progress: CancellableProgress) -> Outcome:
    """Carry out ``call``; never raises."""
    words = format_words(call.command, call.arguments)
    try:
        progress.go_on()
        result = run_command(
            call.command,
            call.arguments,
            start=call.folder,
            progress=progress,
            execution=Execution(command=words),
        )
        return Outcome(result=encode_result(result))
    except Cancelled:
        return Outcome()
    except Exception as error:
        return Outcome(error=explain_failure(error, call.folder))


def answer_call(plan: Callable[[], Call], root: Path, progress: CancellableProgress) -> Outcome:
    """Plan a call and carry it out at once; never raises."""
    try:
        call = plan()
    except Exception as error:
        return Outcome(error=explain_failure(error, root))
    return run_call(call, progress)
