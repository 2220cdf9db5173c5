"""Documents as HTML for notebooks: every text escaped, colours from the theme around it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from jupyter_mlops.document.cells import amount_columns, cell_tone, format_cell
from jupyter_mlops.document.model import (
    Block,
    Cell,
    Code,
    Document,
    Figure,
    Hint,
    Note,
    Table,
    Time,
)
from jupyter_mlops.text import visible

# JupyterLab's variables first, then Visual Studio Code's, then a colour for the reader's scheme.
# Where the style sheet is taken out, as in a notebook that is not trusted, plain HTML remains.
# Rules for tables name two classes, or JupyterLab's own rules would be the more specific ones.
_STYLE = """<style>
.mlops-document { --mlops-good: #1a7f37; --mlops-warning: #9a6700; --mlops-bad: #cf222e;
  color: var(--jp-content-font-color1, var(--vscode-foreground, inherit)); line-height: 1.5; }
@media (prefers-color-scheme: dark) { .mlops-document {
  --mlops-good: #3fb950; --mlops-warning: #d29922; --mlops-bad: #f85149; } }
.mlops-document p { margin: 0; white-space: pre-wrap; }
.mlops-document pre, .mlops-document code { color: inherit; background: transparent;
  font-family: var(--jp-code-font-family, var(--vscode-editor-font-family, monospace)); }
.mlops-document pre { margin: 0; overflow-x: auto; }
.mlops-document .mlops-table { border-collapse: collapse; margin: 0.5em 0; color: inherit;
  font: inherit; }
.mlops-document caption { text-align: left; font-weight: bold; color: inherit; padding: 0; }
.mlops-document .mlops-table tbody tr { background: transparent; }
.mlops-document .mlops-table th, .mlops-document .mlops-table td { text-align: left;
  padding: 0.15em 1em 0.15em 0;
  border-bottom: 1px solid var(--jp-border-color2, rgba(128, 128, 128, 0.35)); }
.mlops-document .mlops-table td code { background: transparent; padding: 0; }
.mlops-document .mlops-table .mlops-amount { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.mlops-document .mlops-table .mlops-time { white-space: nowrap; }
.mlops-document .mlops-good { color: var(--jp-success-color0, var(--mlops-good));
  color: color-mix(in srgb, var(--jp-success-color0, var(--mlops-good)) 75%, currentColor); }
.mlops-document .mlops-warning { color: var(--jp-warn-color0, var(--mlops-warning));
  color: color-mix(in srgb, var(--jp-warn-color0, var(--mlops-warning)) 75%, currentColor); }
.mlops-document .mlops-bad { color: var(--jp-error-color1, var(--mlops-bad));
  color: color-mix(in srgb, var(--jp-error-color1, var(--mlops-bad)) 75%, currentColor); }
.mlops-document .mlops-quiet { opacity: 0.75; }
.mlops-document figure { margin: 0.5em 0; }
</style>"""


def render_html(document: Document) -> str:
    """Return ``document`` as a fragment of HTML that stands by itself.

    Every text is escaped; only the HTML that a figure makes is taken as it is, since its maker
    escapes what it draws.
    """
    parts = [_STYLE, '<div class="mlops-document">']
    for block in document.blocks:
        parts += _render_block(block)
    parts.append("</div>")
    return "\n".join(parts)


def _render_block(block: Block) -> Iterator[str]:
    match block:
        case Note(text, tone):
            yield f'<p class="mlops-{tone}">{_text(text, keep_lines=True)}</p>'
        case Hint(text, command):
            lead = _text(text).rstrip(" :")
            yield f"<p>{lead + ': ' if lead else ''}<code>{_text(command)}</code></p>"
        case Figure(title, _, html):
            yield f"<figure><figcaption><b>{_text(title)}</b></figcaption>"
            yield html()
            yield "</figure>"
        case Table():
            yield from _render_table(block)


def _render_table(table: Table) -> Iterator[str]:
    yield '<table class="mlops-table">'
    if table.title:
        yield f"<caption>{_text(table.title)}</caption>"
    right = amount_columns(table)
    if any(table.columns):
        yield "<thead><tr>"
        for name, to_right in zip(table.columns, right, strict=True):
            yield f'<th scope="col"{_amount(to_right)}>{_text(name)}</th>'
        yield "</tr></thead>"
    yield "<tbody>"
    for row in table.rows:
        cells = zip(row, right, strict=True)
        yield "<tr>" + "".join(_render_cell(cell, to_right) for cell, to_right in cells) + "</tr>"
    yield "</tbody></table>"


def _render_cell(cell: Cell, to_right: bool) -> str:
    text = escape(format_cell(cell))
    if isinstance(cell, Code):
        text = f"<code>{text}</code>"
    tone = cell_tone(cell)
    if tone != "plain":
        text = f'<span class="mlops-{tone}">{text}</span>'
    style = ' class="mlops-time"' if isinstance(cell, Time) else _amount(to_right)
    return f"<td{style}>{text}</td>"


def _amount(to_right: bool) -> str:
    return ' class="mlops-amount"' if to_right else ""


def _text(text: str, *, keep_lines: bool = False) -> str:
    return escape(visible(text, keep_lines=keep_lines))


def render_progress_html(text: str, share: float | None) -> str:
    """Return a progress bar with ``text`` beside it; ``share`` is what is done, None if unknown."""
    value = "" if share is None else f' value="{share:.4f}"'
    return f'<div><progress max="1"{value}></progress> {_text(text)}</div>'
