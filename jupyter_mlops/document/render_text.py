"""Documents as text for terminals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jupyter_mlops.document.cells import (
    amount_columns,
    cell_tone,
    format_cell,
    shorten,
    text_width,
    wrap,
)
from jupyter_mlops.document.model import (
    Block,
    Cell,
    Code,
    Document,
    Figure,
    Hint,
    Note,
    Patch,
    PatchLine,
    Table,
    Tone,
)
from jupyter_mlops.text import visible, visible_parts

_GAP = "  "
_NARROWEST = 12
_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_COLOURS: dict[Tone, str] = {
    "plain": "",
    "good": "\x1b[32m",
    "warning": "\x1b[33m",
    "bad": "\x1b[31m",
    "quiet": "\x1b[2m",
}
_REVERSE = "\x1b[7m"
_SIGN_COLOURS = {" ": "", "-": "\x1b[31m", "+": "\x1b[32m", "@": "\x1b[36m"}


def render_text(document: Document, *, width: int | None = None, colour: bool = False) -> str:
    """Return ``document`` as lines of text with a final newline; an empty one as an empty string.

    A ``width`` breaks notes between words, and fits tables: plain words go on in the next line
    where they are the last column, and are shortened elsewhere; ids, paths and numbers never are.
    Nothing in the document can steer the terminal.
    """
    lines: list[str] = []
    before: Block | None = None
    for block in document.blocks:
        if before is not None and _stands_apart(before, block):
            lines.append("")
        lines += _render_block(block, width, colour)
        before = block
    return "".join(line + "\n" for line in lines)


def _stands_apart(before: Block, block: Block) -> bool:
    apart = Table | Figure | Patch
    return isinstance(before, apart) or isinstance(block, apart)


def _render_block(block: Block, width: int | None, colour: bool) -> Iterator[str]:
    match block:
        case Note(text, tone):
            lines = visible(text, keep_lines=True).split("\n")
            if width is not None and len(lines) == 1:
                lines = wrap(lines[0], width)
            for line in lines:
                yield _paint(line, _COLOURS[tone], colour)
        case Hint(text, command):
            lead = visible(text).rstrip(" :")
            yield (lead + ": " if lead else "") + _paint(visible(command), _BOLD, colour)
        case Figure(title):
            yield _paint(visible(title), _BOLD, colour)
            yield from visible(block.draw_text(width), keep_lines=True).rstrip("\n").split("\n")
        case Table():
            yield from _render_table(block, width, colour)
        case Patch(change, tone, title, patch_lines):
            head = f"{visible(change)} · " if change else ""
            yield _paint(f"── {head}{visible(title)}", _BOLD + _COLOURS[tone], colour)
            for patch_line in patch_lines:
                yield _render_patch_line(patch_line, colour)


def _render_patch_line(line: PatchLine, colour: bool) -> str:
    start = _SIGN_COLOURS[line.sign]
    sign = "" if line.sign == "@" else line.sign
    parts = "".join(
        f"{_RESET}{start}{_REVERSE}{text}{_RESET}{start}" if marked and colour and text else text
        for text, marked in visible_parts(line.text, line.marks)
    )
    return _paint(sign + parts, start, colour)


def _render_table(table: Table, width: int | None, colour: bool) -> Iterator[str]:
    if table.title:
        yield _paint(visible(table.title), _BOLD, colour)
    heads = [visible(name) for name in table.columns]
    texts = [[format_cell(cell) for cell in row] for row in table.rows]
    widths = [
        max([text_width(head), *(text_width(row[i]) for row in texts)])
        for i, head in enumerate(heads)
    ]
    if width is not None:
        widths = _fit(widths, [_may_shrink(table.rows, i) for i in range(len(heads))], width)
    right = amount_columns(table)
    if any(heads):
        yield _paint(_join(heads, widths, right, ["plain"] * len(heads), False), _BOLD, colour)
    for row, shown in zip(table.rows, texts, strict=True):
        tones = [cell_tone(cell) for cell in row]
        first, *others = wrap(shown[-1], widths[-1])
        yield _join([*shown[:-1], first], widths, right, tones, colour)
        for rest in others:
            yield _join([*[""] * (len(shown) - 1), rest], widths, right, tones, colour)


def _may_shrink(rows: Sequence[Sequence[Cell]], column: int) -> bool:
    cells = [row[column] for row in rows]
    return all(isinstance(cell, str) or cell is None for cell in cells) and not any(
        isinstance(cell, Code) for cell in cells
    )


def _fit(widths: list[int], may_shrink: list[bool], width: int) -> list[int]:
    """Take columns from the widest that may give some until the line fits or none can give more."""
    fitted = list(widths)
    while sum(fitted) + len(_GAP) * len(fitted) > width:
        givers = [i for i, w in enumerate(fitted) if may_shrink[i] and w > _NARROWEST]
        if not givers:
            break
        widest = max(givers, key=lambda i: fitted[i])
        excess = sum(fitted) + len(_GAP) * len(fitted) - width
        second = max([fitted[i] for i in givers if i != widest], default=_NARROWEST)
        step = max(1, fitted[widest] - max(second, _NARROWEST))
        fitted[widest] -= min(step, excess, fitted[widest] - _NARROWEST)
    return fitted


def _join(
    texts: Sequence[str],
    widths: Sequence[int],
    right: Sequence[bool],
    tones: Sequence[Tone],
    colour: bool,
) -> str:
    parts = []
    for text, width, to_right, tone in zip(texts, widths, right, tones, strict=True):
        short = shorten(text, width)
        space = " " * (width - text_width(short))
        painted = _paint(short, _COLOURS[tone], colour)
        parts.append(space + painted if to_right else painted + space)
    return (_GAP + _GAP.join(parts)).rstrip()


def _paint(text: str, start: str, colour: bool) -> str:
    return f"{start}{text}{_RESET}" if colour and start and text else text
