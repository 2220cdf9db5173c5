"""Pointer files that are not as a snapshot writes them, on disk, in the index and in a commit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.hostile.arena import Arena, Case
from tests.hostile.conftest import Attack
from tests.hostile.corpus import listed, mutated, pointer_texts, sized, words, write

pytestmark = pytest.mark.slow

_COMMANDS = words("status", "restore", "snapshot", "diff HEAD", "doctor", "undo", "restore first")
_SLICES = 4


def _choose(number: int, scale: int) -> tuple[tuple[str, ...], ...]:
    """Return the commands for a case: all of them in turn, more of them at once when asked for."""
    count = min(len(_COMMANDS), 1 + scale)
    return tuple(_COMMANDS[(number + step) % len(_COMMANDS)] for step in range(count))


@pytest.mark.parametrize("part", range(_SLICES))
def test_on_disk(attack: Attack, scale: int, part: int) -> None:
    texts = list(pointer_texts().items())
    attack(
        [
            Case(name, write("model.bin.mlops", text), _choose(number, scale))
            for number, (name, text) in enumerate(texts)
            if number % _SLICES == part
        ]
    )


def test_with_a_few_bytes_changed(attack: Attack, scale: int) -> None:
    samples = [sized(2).encode(), listed("a", "b/c", "b/d").encode()]
    attack(
        [
            Case(f"mutation {number}", write("data.mlops", text), _choose(number, 1))
            for number, text in enumerate(mutated(0, samples, 40 * scale))
        ]
    )


def test_in_a_commit(attack: Attack, scale: int) -> None:
    """A revision's pointer is read from Git, where nothing was checked when it came."""

    def commit(text: bytes) -> Callable[[Arena], object]:
        def plant(arena: Arena) -> None:
            arena.project.write("model.bin.mlops", text)
            arena.project.git("commit", "-q", "-a", "-m", "x")
            arena.project.git("reset", "-q", "--hard", "HEAD~")
            arena.project.write("data/mine.csv", b"mine, not kept anywhere\n")

        return plant

    texts = [item for item in pointer_texts().items() if len(item[1]) < 5_000_000]
    commands = words("restore HEAD@{1}", "diff HEAD HEAD@{1}", "log")
    attack([Case(name, commit(text), commands[:2]) for name, text in texts[:: max(1, 4 // scale)]])
