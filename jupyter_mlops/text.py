"""Text from outside as it may be shown: nothing in it steers a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# C0 and C1 controls, line separators, and the marks that turn the direction of writing.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str, *, keep_lines: bool = False) -> str:
    r"""Return ``text`` with control characters written out (``\x1b``), so that none takes effect.

    Newlines and tabs stay when ``keep_lines`` says so.
    """
    return _CONTROLS.sub(
        lambda match: (
            match[0]
            if keep_lines and match[0] in "\n\t"
            else match[0].encode("unicode_escape", "backslashreplace").decode()
        ),
        text,
    )


def visible_parts(text: str, marks: Iterable[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a line as :func:`visible` has them, each with whether it is marked.

    ``marks`` are in order, from one character to before another; tabs stay.
    """
    place = 0
    for start, end in marks:
        yield visible(text[place:start], keep_lines=True), False
        yield visible(text[start:end], keep_lines=True), True
        place = end
    yield visible(text[place:], keep_lines=True), False
