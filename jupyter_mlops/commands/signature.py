"""What a command's function says about its parameters, read once and used by every surface."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from jupyter_mlops.commands.spec import Arg, Command
from jupyter_mlops.commands.workspace import Here, Workspace
from jupyter_mlops.errors import UsageError

REQUIRED: Any = inspect.Parameter.empty
"""The default of a parameter that has none."""

RESERVED_OPTIONS = frozenset({"--help", "--json", "-h"})
"""Options that every command has without saying so."""

_SECTIONS = frozenset({"Args:", "Raises:", "Returns:", "Yields:"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a command.

    ``type`` is the annotation without :class:`Arg`; ``base`` the type of one value; ``many`` says
    that there may be several; ``choices`` are the only values, when there are some.
    """

    name: str
    arg: Arg
    type: Any
    base: type
    many: bool
    choices: tuple[str, ...]
    default: Any
    positional: bool

    @property
    def option(self) -> str:
        """The long form, ``--dry-run``; ``--no-…`` for a flag that is on by default."""
        dashed = self.name.replace("_", "-")
        return f"--no-{dashed}" if self.default is True else f"--{dashed}"

    @property
    def is_flag(self) -> bool:
        """Whether it is an option without a value."""
        return self.base is bool

    @property
    def may_stand_alone(self) -> bool:
        """Whether it is an option that takes as many values as follow it, or none."""
        return self.many and not self.positional and self.default is None

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is REQUIRED

    @property
    def metavar(self) -> str:
        """The word that stands for the value in help."""
        shown = "|".join(self.choices) or self.name.upper().replace("_", "-")
        return self.arg.metavar or shown

    @property
    def label(self) -> str:
        """What messages call it: ``PATH``, ``--limit``."""
        if not self.positional:
            return self.option
        return self.arg.metavar or self.name.upper().replace("_", "-")

    def convert(self, text: str) -> object:
        """Return the value that the word ``text`` says.

        Raises:
            UsageError: it says none (``bad-value``).
        """
        label = self.label
        if self.choices and text not in self.choices:
            allowed = ", ".join(self.choices)
            raise UsageError(
                f"{label} is {text!r}, but must be one of {allowed}.", code="bad-value"
            )
        try:
            return self.base(text)
        except ValueError as error:
            kind = "a whole number" if self.base is int else "a number"
            raise UsageError(
                f"{label} is {text!r}, but must be {kind}.", code="bad-value"
            ) from error


@dataclass(frozen=True, slots=True)
class Signature:
    """A command's function and all that its signature and docstring say.

    ``takes_workspace`` tells a command that needs a project from one that runs anywhere;
    ``result`` is the class of what it returns, None where that is nothing.
    """

    function: Callable[..., Any]
    takes_workspace: bool
    parameters: tuple[Parameter, ...]
    result: type | None
    summary: str
    details: tuple[str, ...]

    @property
    def positionals(self) -> tuple[Parameter, ...]:
        """Parameters that stand without a name, in order."""
        return tuple(p for p in self.parameters if p.positional)

    @property
    def options(self) -> tuple[Parameter, ...]:
        """Parameters that are named."""
        return tuple(p for p in self.parameters if not p.positional)

    def find_option(self, word: str) -> Parameter | None:
        """Return the option written as ``word`` (``--message`` or ``-m``)."""
        return next((p for p in self.options if word in (p.option, p.arg.short)), None)


@cache
def read_signature(command: Command) -> Signature:
    """Import the command and return what its function says.

    Raises:
        TypeError: the function does not keep to the rules that ``spec`` states.
    """
    module, _, name = command.target.partition(":")
    function = getattr(import_module(module), name)
    hints = get_type_hints(function, include_extras=True)
    first, *others = inspect.signature(function).parameters.values()
    if hints.get(first.name) not in (Workspace, Here):
        raise TypeError(f"{command.target}: the first parameter is neither a Workspace nor a Here")
    parameters = tuple(_read_parameter(p, hints.get(p.name)) for p in others)
    _check_order(command, parameters)
    summary, details = _read_docstring(function)
    return Signature(
        function=function,
        takes_workspace=hints[first.name] is Workspace,
        parameters=parameters,
        result=_result_class(hints.get("return")),
        summary=summary,
        details=details,
    )


def _read_parameter(parameter: inspect.Parameter, hint: Any) -> Parameter:
    if get_origin(hint) is not Annotated or not isinstance(hint.__metadata__[0], Arg):
        raise TypeError(
            f"parameter {parameter.name}: its annotation is not Annotated[TYPE, Arg(...)]"
        )
    kind = hint.__origin__
    base, many, choices = _read_type(parameter.name, kind)
    positional = parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    default = parameter.default
    if base is bool and (positional or default is REQUIRED):
        raise TypeError(f"parameter {parameter.name}: a flag is an option and has a default")
    return Parameter(
        name=parameter.name,
        arg=hint.__metadata__[0],
        type=kind,
        base=base,
        many=many,
        choices=choices,
        default=default,
        positional=positional,
    )


def _read_type(name: str, kind: Any) -> tuple[type, bool, tuple[str, ...]]:
    """Return the type of one value, whether there may be many, and the only values there are."""
    if get_origin(kind) in (Union, types.UnionType):
        inner = [a for a in get_args(kind) if a is not type(None)]
        if len(inner) == 1:
            return _read_type(name, inner[0])
    if get_origin(kind) is tuple and get_args(kind)[1:] == (...,):
        base, many, choices = _read_type(name, get_args(kind)[0])
        if not many and base is not bool:
            return base, True, choices
    if get_origin(kind) is Literal and all(isinstance(a, str) for a in get_args(kind)):
        return str, False, get_args(kind)
    if kind in (str, int, float, bool, Path):
        return kind, False, ()
    raise TypeError(f"parameter {name}: {kind!r} cannot be written on a command line")


def _check_order(command: Command, parameters: tuple[Parameter, ...]) -> None:
    positionals = [p for p in parameters if p.positional]
    if any(p.many for p in positionals[:-1]):
        raise TypeError(f"{command.target}: only the last positional parameter may take many words")
    if any(b.required and not a.required for a, b in pairwise(positionals)):
        raise TypeError(f"{command.target}: a required word follows one that may be left out")
    written = [o for p in parameters if not p.positional for o in (p.option, p.arg.short) if o]
    if len(set(written)) < len(written) or RESERVED_OPTIONS.intersection(written):
        raise TypeError(f"{command.target}: an option is written like another one")


def _result_class(hint: Any) -> type | None:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(a for a in get_args(hint) if a is not type(None))
    return None if hint is type(None) else hint


def _read_docstring(function: Callable[..., Any]) -> tuple[str, tuple[str, ...]]:
    """Return the first line, and the paragraphs between it and the first section."""
    summary, _, rest = (inspect.getdoc(function) or "").partition("\n")
    kept: list[str] = []
    for line in rest.splitlines():
        if line in _SECTIONS:
            break
        kept.append(line)
    paragraphs = [p for p in "\n".join(kept).strip().split("\n\n") if p.strip()]
    return summary, tuple(_unwrap(p) for p in paragraphs)


def _unwrap(paragraph: str) -> str:
    """Join the lines of prose; indented lines stay as they are."""
    lines = paragraph.strip("\n").split("\n")
    if any(line.startswith(" ") for line in lines):
        return "\n".join(lines)
    return " ".join(line.strip() for line in lines)
