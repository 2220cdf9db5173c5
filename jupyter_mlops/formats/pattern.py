"""Patterns of files, as in ``mlops.toml``; docs/formats/project.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jupyter_mlops.formats.names import show

FOLDERS = "**"
"""The part of a pattern that stands for any number of folders, or at the end for all below."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What :func:`parse_pattern` read; safe to use from threads."""

    _parts: tuple[_Part | None, ...]  # None: FOLDERS

    def matches(self, path: str) -> bool:
        """Return whether the whole of ``path`` matches.

        Whatever the two are, each character of ``path`` is looked at once at most for each part of
        the pattern.
        """
        names = path.split("/")
        reached = {0}
        for at, name in enumerate(names):
            reached = self._with_no_folder(reached)
            is_last = at == len(names) - 1
            following = set()
            for index in reached:
                if index == len(self._parts):
                    continue
                part = self._parts[index]
                if part is not None:
                    if part.matches(name):
                        following.add(index + 1)
                elif index == len(self._parts) - 1:
                    if name or not is_last:
                        return True
                elif name:
                    following.add(index)
            if not following:
                return False
            reached = following
        return len(self._parts) in reached

    def _with_no_folder(self, reached: set[int]) -> set[int]:
        """Return ``reached`` and what comes after a ``**`` among it that stands for nothing."""
        end = len(self._parts) - 1
        return reached | {at + 1 for at in reached if at < end and self._parts[at] is None}


def parse_pattern(text: str) -> Pattern:
    """Return the pattern that ``text`` spells.

    Raises:
        ValueError: a set of it has a range whose end comes before its beginning.
    """
    parts: list[_Part | None] = []
    for part in text.split("/"):
        if part != FOLDERS:
            parts.append(_parse_part(part))
        elif not parts or parts[-1] is not None:
            parts.append(None)
    return Pattern(tuple(parts))


@dataclass(frozen=True, slots=True)
class _Set:
    is_negated: bool
    ranges: tuple[tuple[str, str], ...]

    def __contains__(self, char: str) -> bool:
        return self.is_negated != any(low <= char <= high for low, high in self.ranges)


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands between two slashes, as an automaton that is in several states at once.

    State n: n tokens were met, each one character long. A number's bit n belongs to state n.
    """

    literal: str | None
    """The only text that matches, where the part has nothing special."""
    length: int
    by_char: dict[str, int]
    by_set: dict[_Set, int]
    by_any: int
    """The states that a character leads out of: a certain one, one of a set, any."""
    stars: int
    """The states that every character leads back to."""

    def matches(self, name: str) -> bool:
        if self.literal is not None:
            return name == self.literal
        states = 1
        for char in name:
            leaving = self.by_any | self.by_char.get(char, 0)
            for one_of, bits in self.by_set.items():
                if char in one_of:
                    leaving |= bits
            states = (states & leaving) << 1 | states & self.stars
            if not states:
                return False
        return bool(states >> self.length & 1)


def _parse_part(part: str) -> _Part:
    by_char: dict[str, int] = {}
    by_set: dict[_Set, int] = {}
    by_any = stars = length = 0
    literal: str | None = ""
    for token in _iter_tokens(part):
        bit = 1 << length
        if token == "*":
            stars |= bit
            literal = None
            continue
        length += 1
        if isinstance(token, _Set):
            by_set[token] = by_set.get(token, 0) | bit
            literal = None
        elif token == "?":
            by_any |= bit
            literal = None
        else:
            char = token[-1]
            by_char[char] = by_char.get(char, 0) | bit
            literal = None if literal is None else literal + char
    return _Part(literal, length, by_char, by_set, by_any, stars)


def _iter_tokens(part: str) -> Iterator[str | _Set]:
    r"""Yield ``*``, ``?``, sets, and each other character as ``\`` and itself."""
    at = 0
    while at < len(part):
        char = part[at]
        closing = part.find("]", at + 2) if char == "[" else -1
        if char in "*?":
            yield char
        elif closing > 0:
            yield _parse_set(part[at + 1 : closing])
            at = closing
        elif char == "\\" and at + 1 < len(part):
            at += 1
            yield f"\\{part[at]}"
        else:
            yield f"\\{char}"
        at += 1


def _parse_set(inner: str) -> _Set:
    is_negated = inner[0] in "!^"
    at = 1 if is_negated else 0
    ranges = []
    while at < len(inner):
        low = high = inner[at]
        if inner[at + 1 : at + 2] == "-" and at + 2 < len(inner):
            high = inner[at + 2]
            if high < low:
                raise ValueError(f"the range {show(f'{low}-{high}')} ends before it begins")
            at += 2
        ranges.append((low, high))
        at += 1
    return _Set(is_negated, tuple(ranges))
