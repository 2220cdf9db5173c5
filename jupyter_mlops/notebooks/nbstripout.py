"""Options of ``nbstripout``'s command line, as they stand in ``filter.nbstripout.clean``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

PROGRAM = "nbstripout"
"""The program's name, that of its filter in Git, and of the section of its settings."""

_TYPES = frozenset({"drop-output-type", "keep-output-type"})
_VALUES = frozenset(
    {"extra-keys", "keep-metadata-keys", "drop-tagged-cells", "max-size", "mode", "attributes"}
)
_FLAGS = frozenset(
    {
        *("keep-output", "keep-count", "drop-empty-cells", "strip-init-cells"),
        *("keep-id", "textconv", "force", "unix-newlines", "dry-run", "verify"),
    }
)
_NAMES = _TYPES | _VALUES | _FLAGS
_SHELL = frozenset({"|", "||", "&&", ";", ">", "<"})
_UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}


@dataclass(frozen=True, slots=True)
class Options:
    """What a command line asks for; the defaults are nbstripout's.

    ``max_size`` is in letters; a type of outputs may have the name of a stream behind a colon.
    """

    keep_output: bool = False
    keep_count: bool = False
    drop_empty_cells: bool = False
    strip_init_cells: bool = False
    extra_keys: tuple[str, ...] = ()
    keep_metadata_keys: tuple[str, ...] = ()
    drop_tagged_cells: tuple[str, ...] = ()
    drop_output_types: tuple[str, ...] = ()
    keep_output_types: tuple[str, ...] = ()
    max_size: int = 0


DEFAULTS = Options()


def parse_command(command: str) -> Options:
    """Return the options with which ``command``, a line for a shell, calls nbstripout.

    A name may be cut short, and the last of several values counts, as nbstripout has it. What is
    not understood, and a line that does not call nbstripout, leave the defaults.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return DEFAULTS
    called = [place for place, word in enumerate(words) if _is_program(word)]
    if not called:
        return DEFAULTS
    return _parse_words(words[called[0] + 1 :])


def _is_program(word: str) -> bool:
    """Return whether ``word`` is the program's path, or its name behind an interpreter's ``-m``."""
    return re.split(r"[\\/]", word)[-1].removesuffix(".exe") == PROGRAM


def _parse_words(words: Sequence[str]) -> Options:
    flags: set[str] = set()
    texts: dict[str, str] = {}
    types: dict[str, tuple[str, ...]] = {}
    rest = list(words)
    while rest and rest[0] not in _SHELL:
        word, equals, value = rest.pop(0).partition("=")
        name = _resolve_name(word)
        if name in _TYPES:
            values = [value] if equals else []
            while not equals and rest and rest[0] not in _SHELL and not rest[0].startswith("-"):
                values.append(rest.pop(0))
            types[name] = tuple(value for value in values if value.count(":") <= 1)
        elif name in _VALUES:
            texts[name] = value if equals or not rest else rest.pop(0)
        else:
            flags.add(name)
    return Options(
        keep_output="keep-output" in flags,
        keep_count="keep-count" in flags,
        drop_empty_cells="drop-empty-cells" in flags,
        strip_init_cells="strip-init-cells" in flags,
        extra_keys=tuple(texts.get("extra-keys", "").split()),
        keep_metadata_keys=tuple(texts.get("keep-metadata-keys", "").split()),
        drop_tagged_cells=tuple(texts.get("drop-tagged-cells", "").split()),
        drop_output_types=types.get("drop-output-type", ()),
        keep_output_types=types.get("keep-output-type", ()),
        max_size=_parse_size(texts.get("max-size", "")),
    )


def _resolve_name(word: str) -> str:
    """Return the option's whole name without dashes, the empty text where there is none."""
    given = word.removeprefix("--")
    if given == word or not given:
        return ""
    found = [given] if given in _NAMES else [name for name in _NAMES if name.startswith(given)]
    return found[0] if len(found) == 1 else ""


def _parse_size(text: str) -> int:
    unit = _UNITS.get(text[-1:].upper(), 1)
    digits = text if unit == 1 else text[:-1]
    return int(digits) * unit if digits.isascii() and digits.isdigit() else 0
