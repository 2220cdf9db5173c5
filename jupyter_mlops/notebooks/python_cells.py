"""Cells of IPython as Python: magics and shell lines are taken out, what they define is noted."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

MALFORMED_SOURCE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What is raised for a source that is no Python, or nested too deeply to be looked at."""

_SOURCE_LIMIT = 1 << 20
_WITH_PYTHON = frozenset({"time", "timeit", "capture", "prun", "debug", "pyinstrument", "memray"})
_INJECTING = frozenset({"run", "pylab", "store", "load", "macro", "edit", "sql", "env_load"})
_WRITING = re.compile(r"(?:^|\s)(\w+)\s*<<|--out[= ](\w+)")
_CELL_MAGIC = re.compile(r"\s*%%(\w+)[ \t]*([^\n]*)\n?")
_ASSIGNED = re.compile(r"^([ \t]*)([\w, \t]+?)[ \t]*=[ \t]*[!%][^=\n]")
_LINE = re.compile(r"^([ \t]*)(?:%(\w+)|!(?!=)|\?)|^([ \t]*)[\w.]+\?\??[ \t]*$")


class ParsedCell(NamedTuple):
    """The tree of a cell's Python, what its magics define, and whether they may define anything."""

    tree: ast.Module
    bound: tuple[str, ...] = ()
    is_open: bool = False


def parse_cell(source: str) -> ParsedCell:
    """Return the Python of a cell; a cell of another language has none.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is no Python that can be read
            (:data:`MALFORMED_SOURCE`).
    """
    if len(source) > _SOURCE_LIMIT:
        raise ValueError("too long")
    bound: list[str] = []
    is_open = False
    while matched := _CELL_MAGIC.match(source):
        magic, words = matched[1], matched[2]
        source = source[matched.end() :]
        if magic == "capture":
            bound += [word for word in words.split()[:1] if word.isidentifier()]
        elif magic not in _WITH_PYTHON:
            bound += [word for found in _WRITING.findall(words) for word in found if word]
            return ParsedCell(_parse(""), tuple(bound), magic in _INJECTING)
    if "%" in source or "!" in source or "?" in source:
        source, is_open = _without_magics(source)
    return ParsedCell(_parse(source), tuple(bound), is_open)


def _without_magics(source: str) -> tuple[str, bool]:
    """Return ``source`` with ``pass`` for each magic, and whether one may define any name.

    A line within a text that begins like a magic is taken for one; where Python reads the source
    as it is, it has no magics.
    """
    try:
        _parse(source)
    except SyntaxError:
        pass
    else:
        return source, False
    lines = source.split("\n")
    is_open = goes_on = False
    for number, line in enumerate(lines):
        if goes_on:  # of a magic that ends in a backslash
            lines[number] = ""
        elif assigned := _ASSIGNED.match(line):
            lines[number] = f"{assigned[1]}{assigned[2]} = None"
        elif found := _LINE.match(line):
            lines[number] = f"{found[1] or found[3] or ''}pass"
            is_open |= found[2] in _INJECTING
        else:
            continue
        goes_on = line.endswith("\\")
    return "\n".join(lines), is_open


def _parse(source: str) -> ast.Module:
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(source, "<cell>", "exec", flags, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree
