"""What every picture in HTML needs: a page around it, its scripts, and BokehJS packed inside."""

from __future__ import annotations

import base64
import gzip
import html
import re
from functools import lru_cache
from pathlib import Path

_MODULES = re.compile(r"^import .*\n|^export (?=\w)", re.MULTILINE)
_PAGE_CSS = """
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 16px; max-width: 1600px; background: #fff; color: #1f2328;
  font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 16px; font-weight: 600; margin: 0 0 8px; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3; } }
@media (max-width: 400px) { body { padding: 8px; } }
"""


def wrap_page(title: str, body: str) -> str:
    """Return a whole page around ``body``, light or dark as the reader's system is."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_PAGE_CSS}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def pack(content: bytes, level: int) -> str:
    """Return ``content``, packed, as text that may stand in a script; ``page.js`` unpacks it."""
    return base64.b64encode(gzip.compress(content, level, mtime=0)).decode("ascii")


@lru_cache(maxsize=1)
def packed_bokeh() -> str:
    """Return the element that carries BokehJS, which ``page.js`` unpacks once in a page."""
    from bokeh.util.paths import bokehjs_path

    source = (Path(bokehjs_path()) / "js" / "bokeh.min.js").read_bytes()
    return f'<script type="text/plain" class="bokehjs">{pack(source, 9)}</script>'


def page_script(*names: str) -> str:
    """Return scripts that lie beside this module as one: ``page.js``, then those named.

    ``import`` and ``export`` are for modules, and left out.
    """
    return _MODULES.sub("", "".join(read_asset(name) for name in ("page.js", *names)))


@lru_cache(maxsize=8)
def read_asset(name: str) -> str:
    """Return the text of a file beside this module."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
