"""Every command that a hint, a message or a document tells someone to type can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.table import COMMANDS, MAGICS
from tests.architecture.sources import ROOT, code_blocks, documents, iter_texts, sources, text_of

_PROGRAM = re.compile(r"^(?:jupyter mlops|%mlops)(?: (?P<words>.*))?$")
_MAGIC = re.compile(rf"^%(?P<words>(?:{'|'.join(MAGICS)})\b.*)$")


def _words(line: str) -> list[str] | None:
    """Return the words after the program's name, None for a line that does not call it."""
    found = _PROGRAM.match(line.strip()) or _MAGIC.match(line.strip())
    return shlex.split(found["words"] or "", comments=True) if found else None


def _check(line: str) -> None:
    words = _words(line)
    assert words is not None
    if words != ["--version"]:
        parse_words(words, COMMANDS)


def _hints() -> list[str]:
    found = set()
    for source in sources():
        for node in iter_texts(source.tree):
            text = text_of(node)
            if text and "\n" not in text and "…" not in text and _words_or_none(text):
                found.add(text)
    return sorted(found)


def _words_or_none(text: str) -> list[str] | None:
    try:
        return _words(text)
    except ValueError:
        return None


def test_hints_parse() -> None:
    hints = _hints()
    assert len(hints) > 20
    for hint in hints:
        _check(hint)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_documents_parse(document: Path) -> None:
    for block in code_blocks(document, "sh", "python", "ipython", "console", ""):
        for line in block.replace("\\\n", " ").splitlines():
            line = re.sub(r"^(\$|\w+ =) ", "", line.strip())
            if _words_or_none(line) and "…" not in line and "[" not in line:
                _check(line)
