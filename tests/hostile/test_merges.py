"""Pointers and notebooks that are up to no good: in a merge, in a conflict, in the index."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pytest

from tests.hostile.arena import Arena, Case
from tests.hostile.conftest import Attack
from tests.hostile.corpus import HEAD, listed, mutated, notebook, pointer_texts, sized, words
from tests.hostile.test_notebooks import notebooks

pytestmark = pytest.mark.slow

_GOOD = {"o": listed("a", "b/c"), "a": listed("a", "b/c", "x"), "b": listed("a", "b/c", "y")}
_BOMB = 'kind = "tree"\nentries = [\n' + "<<<<<<< a\n" * 50_000

_LEFT = words("status", "resolve data --ours", "resolve data", "restore", "snapshot", "doctor")
_STAGE = {"base": 1, "ours": 2, "theirs": 3}


def _sides(role: str, text: bytes) -> Callable[[Arena], object]:
    def plant(arena: Arena) -> None:
        for name, good in _GOOD.items():
            arena.project.write(name, text if name == role else good)

    return plant


def _marked(text: bytes) -> Callable[[Arena], object]:
    """Plant a pointer with marks, as Git leaves it."""

    def plant(arena: Arena) -> None:
        good = listed("a").encode()
        joined = b"<<<<<<< ours\n" + text + b"\n=======\n" + good + b">>>>>>> theirs\n"
        arena.project.write("data.mlops", joined)

    return plant


def _unmerged(role: str, text: bytes) -> Callable[[Arena], object]:
    """Plant three versions in Git's index, one of them hostile."""

    def plant(arena: Arena) -> None:
        project = arena.project
        rows = [f"0 {'0' * 40}\tdata.mlops\n"]
        for name, good in zip(_STAGE, _GOOD.values(), strict=True):
            project.write("version", text if name == role else good)
            oid = project.git("hash-object", "-w", "version").strip()
            rows.append(f"100644 {oid} {_STAGE[name]}\tdata.mlops\n")
        project.remove("version")
        project.git("update-index", "--index-info", input="".join(rows))

    return plant


def test_in_the_driver(attack: Attack) -> None:
    commands = words("merge o a b 7 data.mlops")
    texts = {**pointer_texts(), "marks without end": (HEAD + _BOMB).encode()}
    attack(
        [
            Case(f"{name} as {role}", _sides(role, text), commands)
            for (name, text), role in zip(texts.items(), cycle(_GOOD), strict=False)
        ]
    )


def test_with_a_few_bytes_changed_in_the_driver(attack: Attack, scale: int) -> None:
    samples = [sized(2).encode(), *(text.encode() for text in _GOOD.values())]
    attack(
        [
            Case(f"mutation {number}", _sides("oab"[number % 3], text), words("merge o a b 7 x"))
            for number, text in enumerate(mutated(1, samples, 40 * scale))
        ]
    )


def test_in_a_conflict(attack: Attack) -> None:
    texts = [item for item in pointer_texts().items() if len(item[1]) < 5_000_000]
    attack(
        [
            Case(name, _marked(text), (_LEFT[number % len(_LEFT)],))
            for number, (name, text) in enumerate(texts)
        ]
    )


def test_in_the_index(attack: Attack) -> None:
    texts = [item for item in pointer_texts().items() if len(item[1]) < 5_000_000]
    attack(
        [
            Case(f"{name} as {role}", _unmerged(role, text), words("resolve data --theirs"))
            for (name, text), role in zip(texts[::2], cycle(_STAGE), strict=False)
        ]
    )


def test_notebooks_in_the_driver(attack: Attack, scale: int) -> None:
    good = {"o": notebook(), "a": notebook(metadata={"a": 1}), "b": notebook(metadata={"b": 2})}

    def plant(role: str, content: bytes) -> Callable[[Arena], object]:
        def write_all(arena: Arena) -> None:
            for name, version in good.items():
                arena.project.write(name, content if name == role else version)

        return write_all

    found = notebooks()
    small = [content for content in found.values() if len(content) < 5000]
    found |= {f"mutation {n}": data for n, data in enumerate(mutated(3, small, 20 * scale))}
    commands = words("notebook merge o a b 7 x.ipynb")
    cases = [
        Case(f"{name} as {role}", plant(role, content), commands)
        for (name, content), role in zip(found.items(), cycle("abo"), strict=False)
    ]
    attack(cases[:: max(1, 5 - 2 * scale)])


@pytest.mark.parametrize("length", ["-1", "0", "1000000000", "99999999999999999999999999"])
def test_the_length_of_marks(attack: Attack, length: str) -> None:
    case = Case(length, _sides("", b""), (("merge", "--", "o", "a", "b", length, "-rf\n.mlops"),))
    attack([case])
