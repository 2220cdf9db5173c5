"""Pointer files that are not as a snapshot writes them, on disk, in the index and in a commit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jupyter_mlops.commands.remote import known_places
from tests.hostile.arena import Arena, Case
from tests.hostile.conftest import Attack
from tests.hostile.corpus import (
    PLACES,
    imported,
    listed,
    mutated,
    outside,
    pointer_texts,
    sized,
    words,
    write,
)

pytestmark = pytest.mark.slow

_COMMANDS = words("status", "restore", "snapshot", "diff HEAD", "doctor", "undo", "restore first")
_PLACE_COMMANDS = words(
    "update --theirs",
    "status --external",
    "restore model.bin",
    "snapshot model.bin --keep-mine",
)
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
    samples += [imported("/srv/x").encode(), outside("/srv/x").encode()]
    attack(
        [
            Case(f"mutation {number}", write("data.mlops", text), _choose(number, 1))
            for number, text in enumerate(mutated(0, samples, 40 * scale))
        ]
    )


@pytest.mark.parametrize("confirmed", [False, True], ids=["not used before", "confirmed"])
def test_what_names_a_place_elsewhere(attack: Attack, confirmed: bool) -> None:
    if confirmed:
        for place in ("/etc", "https://127.0.0.1:9"):
            known_places().add_place(place)
    texts = (item for item in pointer_texts().items() if item[0] in PLACES)
    attack(
        [
            Case(f"{name} {command[0]}", write("model.bin.mlops", text), (command,))
            for name, text in texts
            for command in _PLACE_COMMANDS
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
