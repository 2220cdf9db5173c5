"""Words after each command, where a path, a revision or a name may stand."""

from __future__ import annotations

import pytest

from jupyter_mlops.commands.table import COMMANDS
from tests.hostile.arena import Case
from tests.hostile.conftest import Attack
from tests.hostile.corpus import NAMES, PATHS, REVISIONS

pytestmark = pytest.mark.slow

_LEFT_OUT = {"demo", "hook", "filter", "selftest", "notebook verify"}
"""Commands that make a project elsewhere, read standard input, or start processes by design."""

_NAMES = [command.words for command in COMMANDS if command.name not in _LEFT_OUT]


@pytest.mark.parametrize("part", range(3))
def test_words(attack: Attack, scale: int, part: int) -> None:
    said = [*REVISIONS, *PATHS, *NAMES]
    cases = []
    for number, word in enumerate(said):
        chosen = []
        for step in range(2 + scale):
            command = _NAMES[(number * 7 + step * 5) % len(_NAMES)]
            chosen += [(*command, word), (*command, "--", word), (*command, "--", word, word)]
        cases.append(Case(f"word {word[:30]!r}", lambda _: None, tuple(chosen)))
    attack(cases[part::3])
