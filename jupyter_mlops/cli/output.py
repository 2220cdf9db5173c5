"""Standard output and standard error: what goes where, and what happens when nobody reads it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from jupyter_mlops.commands.run import encode_error, encode_result
from jupyter_mlops.commands.spec import Result
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import MlopsError, UnavailableError
from jupyter_mlops.text import visible

_RED = "\x1b[31m"
_BOLD = "\x1b[1m"
_RESET = "\x1b[0m"


def wants_colour(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether ``stream`` is a terminal whose user has not asked for plain text."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def write_result(result: Result | None, *, as_json: bool) -> None:
    """Print ``result`` on standard output and see it through.

    Where the reader has gone away (``| head``) the rest is dropped: the command did its work.

    Raises:
        UnavailableError: standard output takes no more, on a full disk say.
    """
    if as_json:
        printed = encode_result(result).decode()
    elif result is None:
        return
    else:
        printed = render_text(
            result.describe(), width=_terminal_width(sys.stdout), colour=wants_colour(sys.stdout)
        )
    try:
        sys.stdout.write(printed)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
    except OSError as error:
        _discard(sys.stdout)
        raise UnavailableError(
            f"The command is done, but its result cannot be printed: {error.strerror}.",
            code="output-failed",
        ) from error


def write_error(error: MlopsError, *, as_json: bool) -> None:
    """Print ``error`` on standard error: one sentence, then a line for each hint."""
    try:
        if as_json:
            sys.stderr.write(encode_error(error).decode())
        else:
            colour = wants_colour(sys.stderr)
            sys.stderr.write(_paint(visible(error.message), _RED, colour) + "\n")
            for hint in error.hints:
                sys.stderr.write(f"  → {_paint(visible(hint), _BOLD, colour)}\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def confirm(question: str) -> bool:
    """Return whether the user says yes on the terminal; without one nobody does."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(f"{visible(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def prepare_streams() -> None:
    """Make both streams take any text: what their encoding lacks is written out, never an error."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this process
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _terminal_width(stream: TextIO) -> int | None:
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _discard(stream: TextIO) -> None:
    """Send what is left in ``stream`` nowhere, so that the interpreter's own flush cannot fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _paint(text: str, start: str, colour: bool) -> str:
    return f"{start}{text}{_RESET}" if colour else text
