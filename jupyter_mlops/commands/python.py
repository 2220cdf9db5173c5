"""The commands as Python functions: ``jupyter_mlops.snapshot("data", message="wider trees")``."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jupyter_mlops.commands.kernel import find_shell, read_execution, show_results_of
from jupyter_mlops.commands.run import run_command
from jupyter_mlops.commands.signature import REQUIRED, Parameter, read_signature
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.workspace import current_folder
from jupyter_mlops.errors import UsageError


def function_names() -> list[str]:
    """Return the names under which commands can be called from Python."""
    return [command.python_name for command in COMMANDS if not command.hidden]


def find_function(name: str) -> Callable[..., Any] | None:
    """Return the function that calls the command ``name``, None where there is no such command."""
    for command in COMMANDS:
        if command.python_name == name and not command.hidden:
            return make_function(command)
    return None


@cache
def make_function(command: Command) -> Callable[..., Any]:
    """Return ``command`` as a function of its own parameters, called in the current folder.

    Positional parameters stand as on the command line, the last one with as many words as wanted;
    options are keywords. Words may be given as :class:`pathlib.Path`, several as a list.
    """
    signature = read_signature(command)
    shape = inspect.Signature([_shape(p) for p in signature.parameters])
    known = {p.name: p for p in signature.parameters}

    def call(*args: object, **kwargs: object) -> object:
        try:
            bound = shape.bind(*args, **kwargs)
        except TypeError as error:
            raise UsageError(
                f"{command.python_name}: {error}.",
                code="bad-call",
                hints=(f"help(jupyter_mlops.{command.python_name})",),
            ) from error
        arguments = {name: _accept(known[name], value) for name, value in bound.arguments.items()}
        for parameter in signature.parameters:
            if parameter.required and arguments.get(parameter.name, ()) == ():
                message = f"{command.python_name} needs {parameter.name}."
                raise UsageError(message, code="missing-argument")
        shell = find_shell()
        words = format_words(command, arguments)
        execution = read_execution(shell, words, save=command.saves_notebook)
        result = run_command(command, arguments, start=current_folder(), execution=execution)
        if shell is not None and result is not None:
            show_results_of(shell, type(result))
        return result

    call.__name__ = call.__qualname__ = command.python_name
    call.__module__ = "jupyter_mlops"
    call.__doc__ = inspect.getdoc(signature.function)
    call.__signature__ = shape.replace(return_annotation=signature.result)  # type: ignore[attr-defined]
    return call


def format_words(command: Command, arguments: Mapping[str, object]) -> tuple[str, ...]:
    """Return the words which, typed, would call ``command`` with ``arguments``."""
    plain: list[str] = []
    options: list[str] = []
    alone: list[str] = []
    for parameter in read_signature(command).parameters:
        value = arguments.get(parameter.name, parameter.default)
        if value == parameter.default or value is None:
            continue
        if parameter.is_flag:
            options.append(parameter.option)
            continue
        texts = [str(one) for one in (value if isinstance(value, tuple) else (value,))]
        if not texts:
            alone.append(parameter.option)
        if parameter.positional:
            plain += texts
        else:
            options += [f"{parameter.option}={text}" for text in texts]
    needs_end = plain and (alone or any(word.startswith("-") for word in plain))
    separator = ["--"] if needs_end else []
    return (*command.words, *options, *alone, *separator, *plain)


def _shape(parameter: Parameter) -> inspect.Parameter:
    if parameter.positional and parameter.many:
        kind = inspect.Parameter.VAR_POSITIONAL
        return inspect.Parameter(parameter.name, kind, annotation=parameter.base)
    named = (
        inspect.Parameter.POSITIONAL_OR_KEYWORD
        if parameter.positional
        else inspect.Parameter.KEYWORD_ONLY
    )
    return inspect.Parameter(
        parameter.name,
        named,
        default=inspect.Parameter.empty if parameter.default is REQUIRED else parameter.default,
        annotation=parameter.type,
    )


def _accept(parameter: Parameter, value: object) -> object:
    """Return a Python value as the command takes it."""
    if parameter.many and not (value is None and parameter.may_stand_alone):
        several = [value] if isinstance(value, str | os.PathLike) else value
        if not isinstance(several, list | tuple | set):
            raise _wrong_type(parameter, value)
        return tuple(_accept_one(parameter, one) for one in several)
    return value if value is None or value == parameter.default else _accept_one(parameter, value)


def _accept_one(parameter: Parameter, value: object) -> object:
    if parameter.base in (str, Path) and isinstance(value, str | os.PathLike):
        return parameter.convert(str(os.fspath(value)))
    if parameter.base is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, parameter.base):
        return value
    raise _wrong_type(parameter, value)


def _wrong_type(parameter: Parameter, value: object) -> UsageError:
    wanted, given = parameter.base.__name__, type(value).__name__
    return UsageError(f"{parameter.name} must be of type {wanted}, not {given}.", code="bad-value")
