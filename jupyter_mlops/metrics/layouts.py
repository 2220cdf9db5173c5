"""Which files of each state hold metrics, and by which names; pure.

Thousands of states hold the same names in the same files. What is said of names is therefore said
of layouts: of every file that may hold metrics its shape, and of DVC's own files their content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jupyter_mlops.metrics.dvc import match_named
from jupyter_mlops.metrics.facts import DVC_KIND, NONE, Facts
from jupyter_mlops.metrics.read import Number

Layout = Mapping[int, int]


class Layouts:
    """The layouts of all states of ``facts``, by their numbers.

    Args:
        facts: what is looked at; it does not change any more.
        matches: whether a path holds metrics, whatever DVC's files say.
    """

    def __init__(self, facts: Facts, matches: Callable[[str], bool]) -> None:
        self._facts = facts
        self._always = [matches(path) for path in facts.paths]
        naming = {at for at, kind in enumerate(facts.blobs.kinds) if kind.startswith(DVC_KIND)}
        self._values = list(facts.blobs.shapes)
        for at in naming:
            self._values[at] = at
        pairs = zip(facts.states.paths, facts.states.blobs, strict=True) if naming else ()
        self._naming = {path for path, blob in pairs if blob in naming}
        self._layouts: list[Layout] = []
        self._counted: dict[int, frozenset[int]] = {}
        self._names: dict[int, tuple[str, ...]] = {}
        self._named: dict[frozenset[int], Callable[[str], bool]] = {}
        self._simple = all(self._always) and not self._naming
        self.of: list[int] = self._find()
        """The layout of each state."""

    def layout(self, number: int) -> Layout:
        """Return the shapes of files by path."""
        return self._layouts[number]

    def counted(self, number: int) -> frozenset[int]:
        """Return the paths that hold metrics where the layout is this one."""
        found = self._counted.get(number)
        if found is None:
            layout = self._layouts[number]
            numbers = (path for path in layout if path not in self._naming)
            found = self._counted[number] = frozenset(filter(self._counts_in(layout), numbers))
        return found

    def names(self, number: int) -> tuple[str, ...]:
        """Return the full names of all metrics where the layout is this one."""
        found = self._names.get(number)
        if found is None:
            layout = self._layouts[number]
            found = self._names[number] = tuple(
                name
                for path in self._by_name(number)
                for name in self._facts.names(path, layout[path])
            )
        return found

    def files(self, state: int) -> dict[int, int]:
        """Return the blobs of those files of a state that hold metrics, by path, sorted by name."""
        blobs = self._facts.state(state)
        return {path: blobs[path] for path in self._by_name(self.of[state])}

    def values(self, state: int) -> dict[str, Number]:
        """Return the values of a state by their full names."""
        facts = self._facts
        return {
            name: value
            for path, blob in self.files(state).items()
            for name, value in zip(
                facts.names(path, facts.blobs.shapes[blob]), facts.numbers(blob), strict=False
            )
        }

    def differs(self, state: int) -> bool:
        """Return whether a state has other metrics files than its base, or others in them."""
        base = self._facts.states.bases[state]
        if base == NONE or self._simple:
            return base != NONE
        after, before = self.counted(self.of[state]), self.counted(self.of[base])
        if after != before:
            return True
        if self._facts.states.whole[state]:
            return self.files(state) != self.files(base)
        return any(path in after for path, _ in self._facts.states.entries(state))

    def _find(self) -> list[int]:
        states, values = self._facts.states, self._values
        numbers: dict[frozenset[tuple[int, int]], int] = {}
        found: list[int] = []
        start = 0
        for base, whole, end in zip(states.bases, states.whole, states.ends, strict=True):
            before: Layout = {} if base == NONE else self._layouts[found[base]]
            if not whole and end == start + 1:  # most commits change one file
                path, blob = states.paths[start], states.blobs[start]
                if blob != NONE and before.get(path) == values[blob]:
                    found.append(found[base])
                    start = end
                    continue
            after = {} if whole else dict(before)
            for at in range(start, end):
                if states.blobs[at] == NONE:
                    after.pop(states.paths[at], None)
                else:
                    after[states.paths[at]] = values[states.blobs[at]]
            start = end
            if base != NONE and after == before:
                found.append(found[base])
                continue
            number = numbers.setdefault(frozenset(after.items()), len(self._layouts))
            if number == len(self._layouts):
                self._layouts.append(after)
            found.append(number)
        return found

    def _by_name(self, number: int) -> list[int]:
        return sorted(self.counted(number), key=self._facts.paths.__getitem__)

    def _counts_in(self, layout: Layout) -> Callable[[int], bool]:
        if self._simple:
            return lambda path: True
        naming = frozenset(layout[path] for path in self._naming if path in layout)
        named = self._named.get(naming)
        if named is None:
            named = self._named[naming] = match_named(
                one for blob in naming for one in self._facts.named(blob)
            )
        return lambda path: self._always[path] or named(self._facts.paths[path])
