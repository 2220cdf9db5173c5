"""``%load_ext jupyter_mlops``: line magics with completion, and the journal of cells."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jupyter_mlops.commands.failure import explain_failure, wants_traceback
from jupyter_mlops.commands.front_end import Patience
from jupyter_mlops.commands.help import explain_words
from jupyter_mlops.commands.kernel import read_execution, show_results_of
from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.run import encode_result, run_invocation
from jupyter_mlops.commands.spec import PROGRAM, Command, Result
from jupyter_mlops.commands.table import COMMANDS, MAGICS
from jupyter_mlops.commands.workspace import current_folder
from jupyter_mlops.document import Document, Hint
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import MlopsError, UsageError
from jupyter_mlops.magics.completion import Completer
from jupyter_mlops.magics.journal import Recorder
from jupyter_mlops.magics.progress import CellProgress
from jupyter_mlops.progress import NoProgress, Progress
from jupyter_mlops.text import visible

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

GENERAL_MAGIC = "mlops"


class Interrupted(KeyboardInterrupt):
    """The user stopped a magic; shows as one sentence."""

    def _render_traceback_(self) -> list[str]:
        return ["Interrupted; run the cell again to go on."]


def load(
    shell: InteractiveShell,
    commands: tuple[Command, ...] = COMMANDS,
    patience: Patience | None = None,
) -> None:
    """Register ``%mlops``, the magics of single commands, completion, and the journal of cells.

    Again changes nothing but that the journal is begun anew.
    ``patience`` is had with a front end that is to save the notebook.
    """
    unload(shell)
    recorder = Recorder(shell)
    for name in (GENERAL_MAGIC, *MAGICS):
        shell.magics_manager.register_function(
            _Magic(shell, name, commands, patience, recorder), "line", name
        )
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(Completer(commands))
    shell.events.register("post_run_cell", _write_logged)
    shell.events.register("pre_run_cell", recorder.begin_cell)
    shell.events.register("post_run_cell", recorder.end_cell)


def unload(shell: InteractiveShell) -> None:
    """Take away what :func:`load` registered."""
    for name in (GENERAL_MAGIC, *MAGICS):
        if isinstance(shell.magics_manager.magics["line"].get(name), _Magic):
            del shell.magics_manager.magics["line"][name]
            delattr(shell.magics_manager.user_magics, name)
    if _write_logged in shell.events.callbacks["post_run_cell"]:
        shell.events.unregister("post_run_cell", _write_logged)
    for event in ("pre_run_cell", "post_run_cell"):
        for callback in list(shell.events.callbacks[event]):
            recorder = getattr(callback, "__self__", None)
            if isinstance(recorder, Recorder):
                recorder.stop()
                shell.events.unregister(event, callback)
    if shell.Completer is not None:
        matchers = shell.Completer.custom_matchers
        matchers[:] = [matcher for matcher in matchers if not isinstance(matcher, Completer)]


def _write_logged(result: object) -> None:
    """Write what a cell has logged, so that its files are there when the cell is through."""
    tracking = sys.modules.get("jupyter_mlops.tracking")
    if tracking is not None:
        tracking.flush()


class _Magic:
    """One line magic."""

    def __init__(
        self,
        shell: InteractiveShell,
        name: str,
        commands: tuple[Command, ...],
        patience: Patience | None,
        recorder: Recorder,
    ) -> None:
        self._shell = shell
        self._recorder = recorder
        self._commands = commands
        self._patience = patience
        self._first: tuple[str, ...] = () if name == GENERAL_MAGIC else (name,)
        self.__name__ = name

    def getdoc(self) -> str:
        """Return what ``%snapshot?`` shows."""
        return render_text(adapt_to_cell(explain_words(self._first, self._commands).describe()))

    def __call__(self, line: str) -> Result | None:
        """Carry out the words in ``line`` and return the result, which shows itself.

        With ``--json`` the result is printed as JSON instead, and nothing is returned.

        Raises:
            MlopsError: the command could not be carried out; IPython shows one sentence.
        """
        try:
            return self._run((*self._first, *split_line(line)))
        except KeyboardInterrupt:
            raise Interrupted from None
        except MlopsError as error:
            raise _as_told_in_a_cell(error) from None
        except Exception as error:
            if wants_traceback():
                traceback.print_exception(error)
            raise explain_failure(error) from None

    def _run(self, words: Sequence[str]) -> Result | None:
        invocation = parse_words(words, self._commands)
        command = None if invocation.wants_help else invocation.command
        execution = read_execution(
            self._shell,
            words,
            save=command is not None and command.saves_notebook,
            patience=self._patience,
        )
        self._recorder.look_again()
        result = run_invocation(
            invocation,
            start=current_folder(),
            progress=_progress(self._shell),
            execution=execution,
            commands=self._commands,
        )
        if invocation.wants_json:
            sys.stdout.write(encode_result(result).decode())
            return None
        if result is not None:
            show_results_of(self._shell, type(result), adapt_to_cell)
        return result


def split_line(line: str) -> list[str]:
    r"""Return the words of a magic's line; on Windows ``\`` is a letter like others.

    Raises:
        UsageError: a quotation mark is left open.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if os.name == "nt":
        lexer.escape = ""
    try:
        return list(lexer)
    except ValueError as error:
        raise UsageError(
            "A quotation mark is not closed.",
            code="open-quote",
            hints=('Write "it\'s.csv" for a name that has such a mark in it.',),
        ) from error


def adapt_to_cell(document: Document) -> Document:
    """Return ``document`` with its commands as one types them in a cell."""
    return Document(
        tuple(
            Hint(block.text, as_magic(block.command)) if isinstance(block, Hint) else block
            for block in document.blocks
        )
    )


def as_magic(command: str) -> str:
    """Return ``jupyter mlops snapshot data`` as ``%snapshot data``; other text as it is."""
    program, _, rest = command.partition(PROGRAM + " ")
    if program or not rest:
        return command
    return f"%{rest}" if rest.split()[0] in MAGICS else f"%{GENERAL_MAGIC} {rest}"


def _as_told_in_a_cell(error: MlopsError) -> MlopsError:
    hints = tuple(as_magic(hint) for hint in error.hints)
    return type(error)(visible(error.message), code=error.code, hints=hints)


def _progress(shell: InteractiveShell) -> Progress:
    """Return a bar below the cell in a notebook, nothing in a terminal."""
    return CellProgress() if getattr(shell, "kernel", None) is not None else NoProgress()
