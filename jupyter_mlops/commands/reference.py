"""What is made from the table and the signatures: docs/commands.md, stub, types in TypeScript.

``python -m jupyter_mlops.commands.reference`` writes all anew; with ``--check`` it only says
whether one is stale, by its exit status.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from jupyter_mlops.commands.help import HelpLine, explain_command
from jupyter_mlops.commands.python import make_function
from jupyter_mlops.commands.signature import read_signature
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.stub import STUB_PATH, render_stub
from jupyter_mlops.commands.table import COMMANDS, MAGICS
from jupyter_mlops.commands.typescript import TYPES_PATH, render_types
from jupyter_mlops.document.render_markdown import escape_markdown, format_code

REFERENCE_PATH = Path(__file__).parents[2] / "docs" / "commands.md"

_INTRODUCTION = """# Commands

<!-- Made by `python -m jupyter_mlops.commands.reference` from the commands' own signatures. -->

Every command can be typed in a terminal (`jupyter mlops status`, or `jupyter-mlops status`), in a
notebook cell after `%load_ext jupyter_mlops` (`%mlops status`), and called from Python
(`jupyter_mlops.status()`). Those marked *magic* need no `mlops` in a cell: `%snapshot data/`.

Options may stand anywhere after the command; `--` ends them, for a path that begins with `-`. A
path that is called like a subcommand is written with its folder: `snapshot ./list`. Every command
takes `--help`, and `--json`, which prints the result as one JSON document on standard
output and nothing else there.

In a notebook a command returns its result: `s = %snapshot data/` and then `s.id`.

| exit status | meaning |
|---|---|
| 0 | done |
| 1 | a check or gate found something |
| 2 | the command was typed wrongly, or this version cannot do that |
| 3 | a path, revision or name was not found |
| 4 | refused: the user must choose |
| 5 | damage was found |
| 6 | something cannot be reached or read now; try again |
| 70 | a defect of jupyter-mlops |
| 130 | interrupted |

Set `NO_COLOR=1` for output without colours, `MLOPS_TRACEBACK=1` to see the traceback of a defect.
"""


def render_reference(commands: Sequence[Command] = COMMANDS) -> str:
    """Return the reference as Markdown; equal commands give equal bytes."""
    shown = [command for command in commands if not command.hidden]
    parts = [_INTRODUCTION]
    parts += ["\n".join(_render_command(command, shown)) for command in shown]
    return "\n".join(parts)


def _render_command(command: Command, commands: Sequence[Command]) -> Iterator[str]:
    told = explain_command(command, commands)
    yield f"## {command.name}"
    yield ""
    yield f"```text\n{told.usage}\n```"
    yield ""
    yield escape_markdown(told.summary)
    yield ""
    for paragraph in told.details:
        indented = paragraph.startswith(" ")
        yield f"```text\n{_dedent(paragraph)}\n```" if indented else escape_markdown(paragraph)
        yield ""
    yield from _render_lines("argument", told.arguments)
    yield from _render_lines("option", told.options[:-2])
    yield f"Python: {format_code(_python_call(command))}"
    if command.words[0] in MAGICS and command.magic:
        yield f"· magic: {format_code('%' + command.name)}"
    result = read_signature(command).result
    if result is not None and hasattr(result, "__dataclass_fields__"):
        names = ", ".join(format_code(name) for name in result.__dataclass_fields__)
        yield f"· result: {names}"
    yield ""


def _render_lines(head: str, lines: Sequence[HelpLine]) -> Iterator[str]:
    if lines:
        yield f"| {head} | |"
        yield "|---|---|"
        for line in lines:
            words = format_code(line.words).replace("|", "\\|")
            yield f"| {words} | {escape_markdown(line.text)} |"
        yield ""


def _python_call(command: Command) -> str:
    names = []
    for parameter in read_signature(command).parameters:
        if parameter.positional:
            names.append(f"*{parameter.name}" if parameter.many else parameter.name)
        else:
            names.append(f"{parameter.name}=…")
    return f"jupyter_mlops.{make_function(command).__name__}({', '.join(names)})"


def _dedent(paragraph: str) -> str:
    lines = paragraph.split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines)


def main(words: Sequence[str]) -> int:
    """Write what is stale; with ``--check`` return 1 instead where something is."""
    fresh = {
        REFERENCE_PATH: render_reference(),
        STUB_PATH: render_stub(),
        TYPES_PATH: render_types(),
    }
    stale = [p for p, text in fresh.items() if not p.exists() or p.read_text("utf-8") != text]
    if "--check" in words:
        return int(bool(stale))
    for path in stale:
        path.write_text(fresh[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
