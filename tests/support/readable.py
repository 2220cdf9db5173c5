"""How well texts in a page can be read."""

from __future__ import annotations

from pathlib import Path

LEAST_CONTRAST = 4.5
"""What the Web Content Accessibility Guidelines ask of text, level AA."""

MEASURE = (Path(__file__).parent / "measure_text.js").read_text("utf-8")
"""Returns every text beneath an element, its contrast, and to which side it stands."""
