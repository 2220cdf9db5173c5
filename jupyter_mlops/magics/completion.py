"""Completion of the magics' words in IPython and in notebooks."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.table import COMMANDS, MAGICS

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

_LINE = re.compile(rf"\s*(?:[\w\s,.\[\]'\"]+=\s*)?%(mlops|{'|'.join(MAGICS)})\s(.*)", re.DOTALL)
_QUOTES = "'\""
_NEEDS_QUOTES = re.compile(r"[\s'\"\\$`&;()<>|*?{}]")


class Completer:
    """A matcher of IPython's completer: answers on lines of our magics only, and there alone."""

    matcher_identifier = "jupyter_mlops"
    matcher_priority = 100
    matcher_api_version = 2

    def __init__(self, commands: tuple[Command, ...] = COMMANDS) -> None:
        self._commands = commands
        self.__qualname__ = "jupyter_mlops.magics.completion.Completer"

    def __call__(self, context: CompletionContext) -> SimpleMatcherResult:
        """Return the words that may stand at the cursor."""
        from IPython.core.completer import SimpleCompletion

        match = _LINE.fullmatch(context.text_until_cursor)
        if match is None:
            return {"completions": [], "suppress": False}
        magic, line = match.groups()
        before, word, quote = split_partial(line)
        words = before if magic == "mlops" else [magic, *before]
        candidates: tuple[str, ...]
        try:
            engine = import_module("jupyter_mlops.commands.complete")  # at the first key press
            candidates = engine.complete_words(words, word, Path.cwd(), self._commands).words
        except Exception:  # whatever is wrong, a key press must not show an error
            candidates = ()
        return {
            "completions": [
                SimpleCompletion(text=_quote(text, quote), type="magic") for text in candidates
            ],
            "suppress": True,
            "matched_fragment": _last_fragment(line),
            "ordered": True,
        }


def split_partial(line: str) -> tuple[list[str], str, str]:
    """Return the finished words of ``line``, the unfinished last one, and the quote it is in."""
    fragment = _last_fragment(line)
    head = line[: len(line) - len(fragment)]
    try:
        before = shlex.split(head)
    except ValueError:
        before = head.split()
    quote = fragment[0] if fragment[:1] and fragment[0] in _QUOTES else ""
    word = fragment[1:] if quote else re.sub(r"\\(.)", r"\1", fragment)
    return before, word, quote


def _last_fragment(line: str) -> str:
    """Return the end of ``line`` that is the unfinished word as typed, an open quote included."""
    start, quote, escaped = 0, "", False
    for i, letter in enumerate(line):
        if escaped:
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter.isspace():
            start = i + 1
    return line[start:]


def _quote(text: str, quote: str) -> str:
    """Return ``text`` as it can stand in a line; a folder stays open for what follows."""
    if not quote and not _NEEDS_QUOTES.search(text):
        return text
    mark = quote or ('"' if "'" in text else "'")
    return mark + text if text.endswith("/") else mark + text + mark
