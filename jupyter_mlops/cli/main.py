"""The command line: words in; text or JSON, and an exit status out."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

from jupyter_mlops.cli.output import confirm, prepare_streams, write_error, write_result
from jupyter_mlops.cli.progress import open_progress
from jupyter_mlops.commands.failure import explain_failure, wants_traceback
from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.run import exit_status, run_invocation
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.workspace import Execution, current_folder
from jupyter_mlops.errors import MlopsError, UnavailableError

INTERRUPTED_STATUS = 130
"""The exit status after Ctrl-C, as shells count it."""


def main(words: Sequence[str] | None = None, commands: tuple[Command, ...] = COMMANDS) -> int:
    """Carry out ``words`` (by default those of this process) and return the exit status.

    Standard output gets the result and nothing else; errors and progress go to standard error.
    Nothing is raised.
    """
    words = list(sys.argv[1:] if words is None else words)
    prepare_streams()
    as_json = "--json" in (words[: words.index("--")] if "--" in words else words)
    try:
        return _run(words, commands)
    except KeyboardInterrupt:
        error = UnavailableError(
            "Interrupted; type the command again to go on.", code="interrupted"
        )
        write_error(error, as_json=as_json)
        return INTERRUPTED_STATUS
    except Exception as error:
        if wants_traceback() and not isinstance(error, MlopsError):
            traceback.print_exception(error)
        explained = explain_failure(error)
        write_error(explained, as_json=as_json)
        return explained.exit_status


def _run(words: Sequence[str], commands: tuple[Command, ...]) -> int:
    invocation = parse_words(words, commands)
    result = run_invocation(
        invocation,
        start=current_folder(),
        progress=open_progress(),
        execution=Execution(
            command=tuple(words), confirm=None if invocation.wants_json else confirm
        ),
        commands=commands,
    )
    write_result(result, as_json=invocation.wants_json)
    return exit_status(result)
