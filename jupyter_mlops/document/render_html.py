"""Documents as HTML for notebooks: every text escaped, colours from the theme around it."""

from __future__ import annotations

import base64
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
    Image,
    Note,
    Patch,
    PatchLine,
    Table,
    Time,
)
from jupyter_mlops.text import visible, visible_parts

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
.mlops-document .mlops-patch { margin: 0.75em 0; border-radius: 4px; overflow: hidden;
  border: 1px solid var(--jp-border-color2, rgba(128, 128, 128, 0.35)); }
.mlops-document .mlops-patch > p { padding: 0.25em 0.75em;
  background: var(--jp-layout-color2, rgba(128, 128, 128, 0.12)); }
.mlops-document .mlops-patch > pre { padding: 0.25em 0; font-size: 0.95em; line-height: 1.45; }
.mlops-document .mlops-patch pre > * { display: block; min-height: 1.45em; white-space: pre-wrap;
  overflow-wrap: anywhere; text-decoration: none; color: inherit;
  padding: 0 0.75em 0 calc(0.75em + 2ch); text-indent: -2ch; border-left: 3px solid transparent; }
.mlops-document .mlops-patch ins { --mlops-tint: var(--jp-success-color1, var(--mlops-good)); }
.mlops-document .mlops-patch del { --mlops-tint: var(--jp-error-color1, var(--mlops-bad)); }
.mlops-document .mlops-patch ins, .mlops-document .mlops-patch del {
  border-left-color: var(--mlops-tint);
  background: color-mix(in srgb, var(--mlops-tint) 15%, transparent); }
.mlops-document .mlops-patch mark { color: inherit; border-radius: 2px;
  background: color-mix(in srgb, var(--mlops-tint) 40%, transparent); }
.mlops-document .mlops-patch pre > .mlops-place { opacity: 0.65; }
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


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  font: 0.9rem/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 1.2rem; margin: 0; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def render_html_page(document: Document, title: str) -> str:
    """Return ``document`` as a page of its own, in which nothing is loaded and nothing runs."""
    return _PAGE.format(title=_text(title), body=render_html(document))


def render_image(image: Image) -> str:
    """Return an image that carries its content; a browser runs nothing that is in it."""
    content = base64.b64encode(image.content).decode("ascii")
    return f'<img alt="{_text(image.alt)}" src="data:{image.media_type};base64,{content}">'


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
        case Patch():
            yield _render_patch(block)
        case Table():
            yield from _render_table(block)


_TAGS = {" ": "span", "-": "del", "+": "ins", "@": "span"}


def _render_patch(patch: Patch) -> str:
    head = f'<b class="mlops-{patch.tone}">{_text(patch.change)}</b> ' if patch.change else ""
    lines = "".join(map(_render_patch_line, patch.lines))
    body = f"<pre>{lines}</pre>" if lines else ""
    return f'<div class="mlops-patch"><p>{head}{_text(patch.title)}</p>{body}</div>'


def _render_patch_line(line: PatchLine) -> str:
    """Return one line, with its end: where the style sheet is taken out, lines are lines still."""
    text = "".join(
        f"<mark>{escape(part)}</mark>" if marked and part else escape(part)
        for part, marked in visible_parts(line.text, line.marks)
    )
    tag = _TAGS[line.sign]
    if line.sign == "@":
        return f'<{tag} class="mlops-place">{text}\n</{tag}>'
    return f"<{tag}>{line.sign} {text}\n</{tag}>"


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
