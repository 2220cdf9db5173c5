"""``help``: what can be typed, told from the table and from each command's own signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops._version import __version__
from jupyter_mlops.commands.parse import find_command, nearest
from jupyter_mlops.commands.signature import Parameter, read_signature
from jupyter_mlops.commands.spec import PROGRAM, Arg, Command
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import NotFoundError

_JSON = ("--json", "Print the result as one JSON document.")
_HELP = ("-h, --help", "Explain the command.")


@dataclass(frozen=True, slots=True)
class HelpLine:
    """Something that can be typed, and what it is for."""

    words: str
    text: str


@dataclass(frozen=True, slots=True)
class Help:
    """The explanation of one command, or the list of several."""

    usage: str
    summary: str
    details: tuple[str, ...] = ()
    commands: tuple[HelpLine, ...] = ()
    arguments: tuple[HelpLine, ...] = ()
    options: tuple[HelpLine, ...] = ()

    def describe(self) -> Document:
        """Return usage, summary, details, and one table for each kind of word."""
        blocks: list[Block] = [Hint("Usage", self.usage), Note(self.summary)]
        blocks += [Note(paragraph) for paragraph in self.details]
        for title, lines in (
            ("Commands", self.commands),
            ("Arguments", self.arguments),
            ("Options", self.options),
        ):
            if lines:
                rows = tuple((Code(line.words), line.text) for line in lines)
                blocks.append(Table(("", ""), rows, title=title))
        return Document(tuple(blocks))


@dataclass(frozen=True, slots=True)
class Version:
    """The version of this package."""

    version: str = __version__

    def describe(self) -> Document:
        """Return one line, the package's name first."""
        return Document((Note(f"jupyter-mlops {self.version}"),))


def help(
    here: Here,
    words: Annotated[
        tuple[str, ...], Arg("The command to explain.", metavar="COMMAND", complete="command")
    ] = (),
) -> Help:
    """Explain a command, or list them all.

    Raises:
        NotFoundError: there is no such command.
    """
    return explain_words(words, COMMANDS)


def explain_words(words: Sequence[str], commands: Sequence[Command]) -> Help:
    """Return the help on the command that ``words`` name, or on all that begin with them.

    Raises:
        NotFoundError: there is no such command.
    """
    if not words:
        return explain_all(commands)
    command, rest = find_command(words, commands)
    if command is not None and not rest:
        return explain_command(command, commands)
    group = [c for c in commands if c.words[: len(words)] == tuple(words)]
    if group:
        return explain_group(tuple(words), commands)
    known = [name for c in commands if not c.hidden for name in (c.words[0], c.name)]
    near = nearest(" ".join(words), dict.fromkeys(known))
    raise NotFoundError(
        f"There is no command {' '.join(words)!r}.",
        code="unknown-command",
        hints=[f"{PROGRAM} help {near}" if near else f"{PROGRAM} --help"],
    )


def explain_all(commands: Sequence[Command]) -> Help:
    """Return the list of all commands; imports none of them."""
    return Help(
        usage=f"{PROGRAM} COMMAND [ARGUMENTS]",
        summary="Data, models, metrics and notebooks as one state tied to a Git commit.",
        commands=_list_commands(commands),
        options=(
            HelpLine("-h, --help", "Explain a command, or list them all."),
            HelpLine("--version", "Print the version of this package."),
        ),
    )


def explain_group(words: tuple[str, ...], commands: Sequence[Command]) -> Help:
    """Return the list of the commands that begin with ``words``; imports none of them."""
    lines = _list_commands([c for c in commands if c.words[: len(words)] == words])
    name = " ".join(words)
    return Help(
        usage=f"{PROGRAM} {name} COMMAND [ARGUMENTS]",
        summary=f"Commands that begin with {name!r}.",
        commands=lines,
        options=(HelpLine(*_HELP),),
    )


def explain_command(command: Command, commands: Sequence[Command]) -> Help:
    """Return the help on ``command``, the commands that begin with its words included."""
    signature = read_signature(command)
    below = [c for c in commands if c.words[:-1] == command.words]
    return Help(
        usage=format_usage(command),
        summary=signature.summary,
        details=signature.details,
        commands=_list_commands(below),
        arguments=tuple(HelpLine(p.metavar, p.arg.help) for p in signature.positionals),
        options=(
            *(HelpLine(format_option(p), p.arg.help) for p in signature.options),
            HelpLine(*_JSON),
            HelpLine(*_HELP),
        ),
    )


def format_usage(command: Command) -> str:
    """Return the one-line grammar: ``jupyter mlops snapshot [PATH…] [-m TEXT]``."""
    signature = read_signature(command)
    words = [PROGRAM, command.name]
    for parameter in signature.positionals:
        word = parameter.metavar
        if not word.startswith("["):
            word += "…" if parameter.many else ""
            word = word if parameter.required else f"[{word}]"
        words.append(word)
    for parameter in signature.options:
        word = parameter.arg.short or parameter.option
        if not parameter.is_flag:
            word += f" {parameter.metavar}"
        words.append(
            (word if parameter.required else f"[{word}]")
            + ("…" if parameter.many and not parameter.may_stand_alone else "")
        )
    return " ".join(words)


def format_option(option: Parameter) -> str:
    """Return how an option is written: ``-m, --message TEXT``."""
    name = f"{option.arg.short}, {option.option}" if option.arg.short else option.option
    return name if option.is_flag else f"{name} {option.metavar}"


def _list_commands(commands: Sequence[Command]) -> tuple[HelpLine, ...]:
    return tuple(HelpLine(c.name, c.summary) for c in commands if not c.hidden)
