"""Typed words to a command and its arguments: one grammar for shells and notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jupyter_mlops.commands.signature import Parameter, Signature, read_signature
from jupyter_mlops.commands.spec import PROGRAM, Command
from jupyter_mlops.errors import UsageError


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command with its arguments by parameter name, and what was asked of the front end.

    With ``wants_help`` the arguments are empty, and the command may be None: help on everything,
    or on the commands that begin with ``group``. With ``wants_version`` there is no command.
    """

    command: Command | None
    arguments: dict[str, object] = field(default_factory=dict)
    wants_json: bool = False
    wants_help: bool = False
    wants_version: bool = False
    group: tuple[str, ...] = ()


def parse_words(words: Sequence[str], commands: Sequence[Command]) -> Invocation:
    """Return what ``words`` ask for.

    Options may stand anywhere after the command's words; ``--`` ends them.

    Raises:
        UsageError: they are no call of a command; the message says why, in one sentence.
    """
    for word in words:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            raise UsageError(
                f"{word!a} is not valid UTF-8 text.",
                code="not-utf8",
                hints=("Rename what it names, then run the same command again.",),
            )
    if not words or words[0] in ("-h", "--help"):
        return Invocation(None, wants_help=True, wants_json="--json" in words)
    if words[0] == "--version":
        return Invocation(None, wants_version=True, wants_json="--json" in words)
    command, rest = find_command(words, commands)
    options = list(rest[: rest.index("--")] if "--" in rest else rest)
    if command is None:
        return _group_help(words, options, commands)
    if "--help" in options or "-h" in options:
        return Invocation(command, wants_help=True, wants_json="--json" in options)
    return _parse_arguments(command, rest)


def find_command(
    words: Sequence[str], commands: Sequence[Command]
) -> tuple[Command | None, Sequence[str]]:
    """Return the command with the longest beginning in common with ``words``, and what follows."""
    found: Command | None = None
    for command in commands:
        length = len(command.words)
        if command.words == tuple(words[:length]) and length > len(found.words if found else ()):
            found = command
    return found, words[len(found.words) :] if found else words


def _group_help(
    words: Sequence[str], options: Sequence[str], commands: Sequence[Command]
) -> Invocation:
    """Explain a first word that is no command by itself: a group with subcommands, or a mistake."""
    first = words[0]
    group = [c for c in commands if c.words[0] == first and not c.hidden]
    if group and len(words) > 1 and words[1] in ("-h", "--help"):
        return Invocation(None, wants_help=True, wants_json="--json" in options, group=(first,))
    if group:
        second = ", ".join(c.words[1] for c in group)
        given = f", not {words[1]!r}" if words[1:] and not words[1].startswith("-") else ""
        raise UsageError(
            f"After {first!r} comes {'one of ' if len(group) > 1 else ''}{second}{given}.",
            code="unknown-command",
            hints=[f"{PROGRAM} {c.name}" for c in group],
        )
    near = nearest(first, {c.words[0]: None for c in commands if not c.hidden})
    raise UsageError(
        f"{first} stands after the command."
        if first == "--json"
        else f"There is no option {first}."
        if first.startswith("-")
        else f"There is no command {first!r}.",
        code="unknown-command",
        hints=[f"{PROGRAM} {near}"] if near else [f"{PROGRAM} --help"],
    )


def _parse_arguments(command: Command, words: Sequence[str]) -> Invocation:
    reader = _Reader(command, read_signature(command), list(words))
    reader.read()
    return Invocation(command, reader.arguments, reader.wants_json)


class _Reader:
    """Reads one command's words from left to right."""

    def __init__(self, command: Command, signature: Signature, words: list[str]) -> None:
        self.command = command
        self.signature = signature
        self.words = words
        self.arguments: dict[str, object] = {}
        self.wants_json = False
        self._plain: list[str] = []

    def read(self) -> None:
        """Fill ``arguments`` with every parameter that the words give."""
        while self.words:
            word = self.words.pop(0)
            if word == "--":
                self._plain += self.words
                self.words.clear()
            elif word == "--json":
                self.wants_json = True
            elif word.startswith("--"):
                self._read_long(word)
            elif word.startswith("-") and len(word) > 1:
                self._read_short(word)
            else:
                self._plain.append(word)
        self._place_positionals()
        missing = [
            p for p in self.signature.parameters if p.required and p.name not in self.arguments
        ]
        if missing:
            wanted = missing[0].label
            if missing[0].choices:
                wanted += f", one of {', '.join(missing[0].choices)}"
            raise self._error(f"{self.command.name!r} needs {wanted}.", "missing-argument")

    def _read_long(self, word: str) -> None:
        name, equals, value = word.partition("=")
        option = self.signature.find_option(name)
        if option is None:
            known = {p.option: None for p in self.signature.options} | {
                "--json": None,
                "--help": None,
            }
            near = nearest(name, known)
            raise self._error(
                f"{self.command.name!r} has no option {name}"
                + (f"; did you mean {near}?" if near else "."),
                "unknown-option",
            )
        if option.is_flag:
            if equals:
                raise self._error(f"{name} takes no value.", "bad-value")
            self.arguments[option.name] = not option.default
        elif option.may_stand_alone and not equals:
            self.arguments.setdefault(option.name, ())
            while self.words and not self.words[0].startswith("-"):
                self._store(option, self.words.pop(0))
        else:
            self._store(option, value if equals else self._next_value(name))

    def _read_short(self, word: str) -> None:
        """Read ``-m VALUE``, ``-mVALUE``, and flags that are written together."""
        letters = word[1:]
        while letters:
            name, letters = "-" + letters[0], letters[1:]
            option = self.signature.find_option(name)
            if option is None:
                raise self._error(f"{self.command.name!r} has no option {name}.", "unknown-option")
            if option.is_flag:
                self.arguments[option.name] = not option.default
            else:
                self._store(option, letters or self._next_value(name))
                return

    def _next_value(self, name: str) -> str:
        following = self.words[0].partition("=")[0] if self.words else "--"
        if following in ("--", "--json") or self.signature.find_option(following):
            raise self._error(f"{name} needs a value.", "missing-value")
        return self.words.pop(0)

    def _store(self, option: Parameter, text: str) -> None:
        value = self._convert(option, text)
        if option.many:
            earlier = self.arguments.get(option.name, ())
            assert isinstance(earlier, tuple)
            self.arguments[option.name] = (*earlier, value)
        elif option.name in self.arguments:
            raise self._error(f"{option.option} is given twice.", "repeated-option")
        else:
            self.arguments[option.name] = value

    def _place_positionals(self) -> None:
        plain = self._plain
        for parameter in self.signature.positionals:
            if not plain:
                return
            if parameter.many:
                self.arguments[parameter.name] = tuple(
                    self._convert(parameter, one) for one in plain
                )
                return
            self.arguments[parameter.name] = self._convert(parameter, plain.pop(0))
        if plain:
            raise self._error(
                f"{self.command.name!r} does not know what to do with {plain[0]!r}.",
                "too-many-arguments",
            )

    def _convert(self, parameter: Parameter, text: str) -> object:
        try:
            return parameter.convert(text)
        except UsageError as error:
            raise self._error(error.message, error.code) from error

    def _error(self, message: str, code: str) -> UsageError:
        return UsageError(message, code=code, hints=[f"{PROGRAM} {self.command.name} --help"])


def nearest(word: str, known: dict[str, None]) -> str | None:
    """Return the one of ``known`` that ``word`` is most likely a slip of, if any is near enough."""
    fitting = (one for one in known if abs(len(one) - len(word)) <= _slips(one))
    best = min(fitting, key=lambda candidate: _distance(word, candidate), default=None)
    if best is not None and _distance(word, best) <= _slips(best):
        return best
    return None


def _slips(known: str) -> int:
    """Return how many slips away from it a word may be."""
    return max(1, len(known) // 3)


def _distance(a: str, b: str) -> int:
    """Return the number of letters to insert, delete, replace or exchange with a neighbour."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, above, row = row, before, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
