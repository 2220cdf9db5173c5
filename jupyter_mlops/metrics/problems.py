"""What a history leaves out, and why: each file and each value is named once; pure."""

from __future__ import annotations

from dataclasses import replace

from jupyter_mlops.metrics.facts import Facts
from jupyter_mlops.metrics.layouts import Layouts
from jupyter_mlops.metrics.read import Problem, full_name


class Problems:
    """Contents that could not be read, and texts where other versions have a number.

    ``are_there`` is false where none are, so that nobody need look.
    """

    def __init__(self, facts: Facts, layouts: Layouts) -> None:
        self._facts = facts
        self._layouts = layouts
        self._texts = _find_texts(layouts, facts)
        self.are_there = bool(self._texts) or any(shape < 0 for shape in facts.blobs.shapes)
        self._found: dict[str, Problem] = {}
        self._seen: set[tuple[int, int]] = set()

    def look(self, state: int, commit: str) -> None:
        """Note what is to be said of a state, met at ``commit``."""
        facts = self._facts
        for path, blob in self._layouts.files(state).items():
            if (path, blob) in self._seen:
                continue
            self._seen.add((path, blob))
            why = facts.why_not(blob)
            if why is not None:
                self._note(facts.paths[path], why, commit)
            for name in self._texts.get((path, facts.blobs.shapes[blob]), ()):
                self._note(name, "it is no number there", commit)

    def listed(self) -> tuple[Problem, ...]:
        """Return what was noted, in the order in which it was met."""
        return tuple(self._found.values())

    def _note(self, what: str, why: str, commit: str) -> None:
        known = self._found.get(what)
        self._found[what] = (
            replace(known, versions=known.versions + 1) if known else Problem(what, why, commit)
        )


def _find_texts(layouts: Layouts, facts: Facts) -> dict[tuple[int, int], tuple[str, ...]]:
    """Return, by path and shape, the full names of what is a number in other shapes there."""
    shapes: dict[int, dict[int, None]] = {}
    for number in dict.fromkeys(layouts.of):
        for path in layouts.counted(number):
            shape = layouts.layout(number)[path]
            if shape >= 0:
                shapes.setdefault(path, {})[shape] = None
    found = {}
    for path, known in shapes.items():
        numbers = {name for shape in known for name in facts.shapes[shape].numbers}
        for shape in known:
            texts = tuple(
                full_name(facts.paths[path], one)
                for one in facts.shapes[shape].others
                if one in numbers
            )
            if texts:
                found[path, shape] = texts
    return found
