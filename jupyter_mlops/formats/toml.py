"""TOML from files that anyone may have written, in time and memory that grow with their length."""

from __future__ import annotations

import re
import tomllib
from typing import Any

MAX_KEY_PARTS = 64
"""More in one dotted key is refused: the time that ``tomllib`` takes grows with their square."""

_LONG_KEY = re.compile(
    rf"(?<![\w-])(?:(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MAX_KEY_PARTS}}}",
    re.ASCII,
)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table that ``text`` says.

    Raises:
        ValueError: it is not TOML, or is nested too deeply; the message completes a sentence that
            begins with ``it is``.
    """
    if _LONG_KEY.search(text):
        raise ValueError("nested too deeply")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"not TOML: {error}") from error
