"""Documents as Markdown, for comments and for documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jupyter_mlops.document.cells import amount_columns, format_cell
from jupyter_mlops.document.model import (
    Block,
    Cell,
    Code,
    Document,
    Figure,
    Hint,
    Note,
    Patch,
    Table,
)
from jupyter_mlops.text import visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&])")
_AT_START = re.compile(r"(?m)^(\s*|\s*\d+)(?=[-+=.)])")


def render_markdown(document: Document) -> str:
    """Return ``document`` as Markdown (GitHub's flavour) with a final newline.

    No text in it is taken for markup.
    """
    parts = ["\n".join(_render_block(block)) for block in document.blocks]
    return "\n\n".join(parts) + "\n" if parts else ""


def escape_markdown(text: str) -> str:
    """Return ``text`` so that Markdown shows it letter by letter."""
    return _AT_START.sub(r"\1\\", _escape_marks(visible(text, keep_lines=True)))


def format_code(text: str) -> str:
    """Return ``text`` as a span of code, whatever backticks are in it."""
    shown = visible(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}" if shown else ""


def _render_block(block: Block) -> Iterator[str]:
    match block:
        case Note(text):
            yield escape_markdown(text)
        case Hint(text, command):
            lead = escape_markdown(text).rstrip(" :")
            yield (lead + ": " if lead else "") + format_code(command)
        case Figure(title):
            yield f"**{escape_markdown(title)}**"
            yield ""
            yield _fence(visible(block.draw_text(), keep_lines=True).rstrip(), "text")
        case Patch(change, _, title, lines):
            head = f"**{escape_markdown(change)}** " if change else ""
            yield head + escape_markdown(title)
            yield ""
            signed = (("" if line.sign == "@" else line.sign) + line.text for line in lines)
            yield _fence("\n".join(visible(line, keep_lines=True) for line in signed), "diff")
        case Table():
            yield from _render_table(block)


def _fence(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _render_table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"**{escape_markdown(table.title)}**"
        yield ""
    yield _join(escape_markdown(name) for name in table.columns)
    yield _join("---:" if to_right else "---" for to_right in amount_columns(table))
    for row in table.rows:
        yield _join(_render_cell(cell) for cell in row)


def _render_cell(cell: Cell) -> str:
    if isinstance(cell, Code):
        return format_code(cell.text).replace("|", "\\|")
    return _escape_marks(format_cell(cell))


def _escape_marks(text: str) -> str:
    """Return ``text`` with every mark taken back that works within a line."""
    return _SPECIAL.sub(r"\\\1", text)


def _join(cells: Iterator[str]) -> str:
    return "| " + " | ".join(cells) + " |"
