"""A report as one page that needs no network."""

from __future__ import annotations

import html
from collections.abc import Sequence

from jupyter_mlops.document import Block, Document, Image
from jupyter_mlops.document.render_html import render_html, render_image
from jupyter_mlops.document.render_markdown import Shown
from jupyter_mlops.metrics.page import wrap_page
from jupyter_mlops.reports.own_text import Own, render_own
from jupyter_mlops.reports.state_report import Section
from jupyter_mlops.text import visible

_PAGE_CSS = """
<style>
.mlops-report section { margin: 20px 0; }
.mlops-report { font-size: 14px; }
.mlops-report h2 { font-size: 15px; margin: 0 0 4px; }
.mlops-report h2 span { font-weight: 400; opacity: 0.8; }
.mlops-report summary { cursor: pointer; margin: 4px 0; }
.mlops-report img { max-width: 100%; height: auto; }
.mlops-report table { display: block; overflow-x: auto; }
.mlops-report .good h2::before { content: "✓ "; color: #1a7f37; }
.mlops-report .bad h2::before { content: "✗ "; color: #cf222e; }
.mlops-report .warning h2::before { content: "! "; color: #9a6700; }
</style>
"""


def render_state_page(title: str, verdict: str, sections: Sequence[Section]) -> str:
    """Return the report as one page that needs no network."""
    body = [f'{_PAGE_CSS}<div class="mlops-report"><p>{html.escape(verdict)}</p>']
    for section in sections:
        summary = f" <span>· {html.escape(visible(section.summary))}</span>"
        head = f"<h2>{html.escape(section.title)}{summary if section.summary else ''}</h2>"
        shown = _render_own(section.own) + _render_blocks((*section.shown, *section.pictured))
        folded = _render_blocks(section.folded)
        if folded:
            word = "More" if shown else "Show"
            folded = f"<details><summary>{word}</summary>\n{folded}\n</details>"
        body.append(f'<section class="{section.tone}">{head}\n{shown}\n{folded}</section>')
    return wrap_page(title, "\n".join([*body, "</div>"]))


def _render_blocks(blocks: Sequence[Block]) -> str:
    return render_html(Document(tuple(blocks))) if blocks else ""


def _render_own(own: Own) -> str:
    """Return the project's Markdown as HTML; what is HTML in it is shown as text."""
    if not own:
        return ""
    import mistune

    images = {one.name: one for one in own if isinstance(one, Image)}

    class Renderer(mistune.HTMLRenderer):
        def image(self, text: str, url: str, title: str | None = None) -> str:
            found = images.get(url)
            return super().image(text, url, title) if found is None else render_image(found)

    shown = Shown({name: name for name in images})
    text = render_own(own, shown)
    return str(mistune.create_markdown(renderer=Renderer(escape=True), plugins=["table"])(text))
