"""The types of the package's lazy names, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops import errors, tracking
from jupyter_mlops.commands.signature import Parameter, read_signature
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.table import COMMANDS

STUB_PATH = Path(__file__).parents[1] / "__init__.pyi"

_HEAD = '''"""Made by ``python -m jupyter_mlops.commands.reference`` from the signatures."""

from os import PathLike
from typing import Literal

from IPython.core.interactiveshell import InteractiveShell

'''
_READING = ("open", "read_table")
_TAIL = """
__version__: str

def load_ipython_extension(shell: InteractiveShell) -> None: ...
def unload_ipython_extension(shell: InteractiveShell) -> None: ...
"""


def render_stub(commands: Sequence[Command] = COMMANDS) -> str:
    """Return the stub; equal commands give equal bytes."""
    shown = [command for command in commands if not command.hidden]
    names: dict[str, set[str]] = {}
    for command in shown:
        result = read_signature(command).result
        if result is not None:
            names.setdefault(result.__module__, set()).add(result.__name__)
    names["jupyter_mlops.errors"] = {f"{name} as {name}" for name in errors.__all__}
    names["jupyter_mlops.reading.open"] = {f"{name} as {name}" for name in _READING}
    names["jupyter_mlops.tracking"] = {f"{name} as {name}" for name in tracking.__all__}
    imports = "".join(_format_import(module, names[module]) for module in sorted(names))
    return _HEAD + imports + _TAIL + "".join(_format_function(command) for command in shown)


def _format_import(module: str, names: set[str]) -> str:
    line = f"from {module} import {', '.join(sorted(names))}\n"
    if len(line) <= 101 and " as " not in line:
        return line
    if " as " in line:
        return "".join(f"from {module} import {name}\n" for name in sorted(names))
    return f"from {module} import (\n" + "".join(f"    {n},\n" for n in sorted(names)) + ")\n"


def _format_function(command: Command) -> str:
    signature = read_signature(command)
    words: list[str] = []
    for i, parameter in enumerate(signature.parameters):
        variadic = parameter.positional and parameter.many
        after = signature.positionals[-1:] and signature.positionals[-1].many
        if not parameter.positional and i == len(signature.positionals) and not after:
            words.append("*")
        words.append(("*" if variadic else "") + _format_parameter(parameter))
    result = signature.result.__name__ if signature.result else "None"
    line = f"def {command.python_name}({', '.join(words)}) -> {result}: ...\n"
    if len(line) <= 101:
        return line
    return (
        f"def {command.python_name}(\n"
        + "".join(f"    {word},\n" for word in words)
        + f") -> {result}: ...\n"
    )


def _format_parameter(parameter: Parameter) -> str:
    if parameter.choices:
        one = f"Literal[{', '.join(map(_quote, parameter.choices))}]"
    elif parameter.base is Path or parameter.arg.complete in ("path", "tracked"):
        one = "str | PathLike[str]"
    else:
        one = parameter.base.__name__
    if parameter.positional and parameter.many:
        return f"{parameter.name}: {one}"
    if parameter.many:
        one = f"list[{one}] | tuple[{one}, ...]"
    if type(None) in getattr(parameter.type, "__args__", ()):
        one += " | None"
    return f"{parameter.name}: {one}" + ("" if parameter.required else " = ...")


def _quote(text: str) -> str:
    return f'"{text}"'
