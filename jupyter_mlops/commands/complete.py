"""``complete``: the words that may stand at the cursor, for shells and notebooks alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.candidates import list_candidates
from jupyter_mlops.commands.parse import find_command
from jupyter_mlops.commands.signature import Parameter, Signature, read_signature
from jupyter_mlops.commands.spec import Arg, Command
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Document, Note

_EVERYWHERE = ("--json", "--help")


@dataclass(frozen=True, slots=True)
class Candidates:
    """Words that may stand at the cursor, each whole; one that ends in ``/`` can go on."""

    words: tuple[str, ...]

    def describe(self) -> Document:
        """Return one word a line."""
        return Document(tuple(Note(word) for word in self.words))


def complete(
    here: Here,
    words: Annotated[
        tuple[str, ...],
        Arg("The words typed after the program's name, the unfinished one last.", metavar="WORD"),
    ] = (),
) -> Candidates:
    """Print the words that may stand at the cursor."""
    return complete_words(words[:-1], words[-1] if words else "", here.cwd, COMMANDS)


def complete_words(
    before: Sequence[str], partial: str, start: Path, commands: Sequence[Command]
) -> Candidates:
    """Return the words that may stand after ``before`` and begin with ``partial``."""
    found = [
        command.words[len(before)]
        for command in commands
        if command.words[: len(before)] == tuple(before)
        and len(command.words) > len(before)
        and not command.hidden
    ]
    command, given = find_command(before, commands)
    if command is not None:
        found += _complete_arguments(read_signature(command), list(given), partial, start)
    elif not before:
        found += ["--help", "--version"] if partial.startswith("-") else []
    unique = dict.fromkeys(word for word in found if word.startswith(partial))
    return Candidates(tuple(word for word in unique if "\n" not in word))


def _complete_arguments(
    signature: Signature, given: list[str], partial: str, start: Path
) -> list[str]:
    options_ended = "--" in given
    waiting, plain_count = _read_given(signature, given)
    if waiting is not None and not (waiting.may_stand_alone and partial.startswith("-")):
        return _values(waiting, partial, start)
    if not options_ended and partial.startswith("--") and "=" in partial:
        name, _, value = partial.partition("=")
        option = signature.find_option(name)
        values = _values(option, value, start) if option and not option.is_flag else []
        return [f"{name}={value}" for value in values]
    if not options_ended and partial.startswith("-"):
        open_options = [p for p in signature.options if p.many or not _is_given(p, given)]
        return [p.option for p in open_options] + [o for o in _EVERYWHERE if o not in given]
    positionals = signature.positionals
    if plain_count < len(positionals):
        return _values(positionals[plain_count], partial, start)
    if positionals and positionals[-1].many:
        arg = positionals[-1].arg
        return list_candidates(arg.complete_rest or arg.complete, partial, start)
    return []


def _read_given(signature: Signature, given: list[str]) -> tuple[Parameter | None, int]:
    """Return the option whose value comes next, if any, and the number of plain words so far."""
    plain_count = 0
    taking: Parameter | None = None
    words = iter(given)
    for word in words:
        if word == "--":
            return None, plain_count + len(list(words))
        if word.startswith("-") and len(word) > 1:
            option = signature.find_option(word)
            taking = option if option is not None and option.may_stand_alone else None
            if option is None or option.is_flag or taking is not None:
                continue
            if next(words, None) is None:
                return option, plain_count
        elif taking is None:
            plain_count += 1
    return taking, plain_count


def _is_given(option: Parameter, given: list[str]) -> bool:
    names = {option.option, option.arg.short}
    return any(word.partition("=")[0] in names for word in given)


def _values(parameter: Parameter, partial: str, start: Path) -> list[str]:
    if parameter.choices:
        return list(parameter.choices)
    return list_candidates(parameter.arg.complete, partial, start)
