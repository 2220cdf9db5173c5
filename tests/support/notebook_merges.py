"""Random merges of notebooks as people make them, each line of which tells where it comes from."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Cell = dict[str, Any]
Book = dict[str, Any]

_CODE = (
    "import pandas as pd  # {}",
    "df = pd.read_csv('data/{}.csv')",
    "def step_{}(x):",
    "    return x * {}",
    "model.fit(X_{}, y)",
    "for row in rows_{}:",
    "    print(row, '{}')",
    "plt.plot(df['{}'])",
    "assert total == {}",
    "naïve_{} = 'Größe 🎉'",
)
_TEXT = ("# Part {}", "Some words about {}.", "* a point: {}", "| a | {} |", "$x_{}$ ≤ 1")


@dataclass(frozen=True, slots=True)
class Merge:
    """Three versions of a notebook as the files that Git has.

    Attributes:
        base: the common ancestor.
        ours: one side.
        theirs: the other side.
        apart: whether the sides have changed different cells, so that no conflict is due.
        ids: whether cells have ids, so that it is certain which one is which.
    """

    base: bytes
    ours: bytes
    theirs: bytes
    apart: bool
    ids: bool


@dataclass(slots=True)
class _Author:
    """Makes notebooks and changes them, no line twice.

    Sides that are not apart change the first cells, all of them the same.
    """

    random: random.Random
    ids: bool
    written: int = 0
    touched: set[int] = field(default_factory=set)

    def line(self, kind: str) -> str:
        self.written += 1
        token = f"t{self.written:05d}"
        return self.random.choice(_CODE if kind == "code" else _TEXT).format(token)

    def cell(self) -> Cell:
        kind = self.random.choices(("code", "markdown", "raw"), (6, 3, 1))[0]
        count = self.random.choice((1, 1, 2, 3, 5, 8, 20))
        cell: Cell = {"cell_type": kind, "metadata": {}, "source": self.text(kind, count)}
        if self.ids:
            cell["id"] = f"{self.random.getrandbits(32):08x}"
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        elif kind == "markdown" and self.random.random() < 0.2:
            cell["attachments"] = {"a.png": {"image/png": "aGVsbG8="}}
        if self.random.random() < 0.2:
            cell["metadata"]["tags"] = [self.random.choice(("parameters", "slow", "keep"))]
        return cell

    def text(self, kind: str, count: int) -> str:
        return "\n".join(self.line(kind) for _ in range(count))

    def book(self) -> Book:
        metadata = {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "version": "3.11.4"},
        }
        cells = [self.cell() for _ in range(self.random.randint(3, 30))]
        minor = 5 if self.ids else self.random.choice((0, 2, 4))
        return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}

    def change(self, book: Book, *, apart: bool) -> Book:
        """Return ``book`` with some changes; ``apart`` keeps to cells nobody has changed yet."""
        changed = copy.deepcopy(book)
        present: list[tuple[int | None, Cell]] = list(enumerate(changed["cells"]))
        hot = range(len(present) // 5 + 1)
        for _ in range(self.random.randint(1, 8)):
            free = [
                place
                for place, (number, _) in enumerate(present)
                if (number is None or number not in self.touched if apart else number in hot)
            ]
            if not free:
                break
            place = self.random.choice(free)
            number = present[place][0]
            if number is not None:
                self.touched.add(number)
            self.random.choice(_CHANGES)(self, present, place)
        if self.random.random() < 0.3:
            version = f"3.{self.random.randint(9, 14)}.1"
            changed["metadata"]["language_info"]["version"] = version
        if not apart and self.random.random() < 0.2:
            kernel = self.random.choice(("python3", "mine", "yours"))
            changed["metadata"]["kernelspec"] |= {"name": kernel, "display_name": kernel}
        changed["cells"] = [cell for _, cell in present]
        return changed


_Present = list[tuple[int | None, Cell]]


def _edit(author: _Author, present: _Present, place: int) -> None:
    cell = present[place][1]
    lines = cell["source"].split("\n")
    at = author.random.randrange(len(lines))
    lines[at : at + author.random.randint(0, 1)] = [author.line(cell["cell_type"])]
    cell["source"] = "\n".join(lines)


def _remove_line(author: _Author, present: _Present, place: int) -> None:
    cell = present[place][1]
    lines = cell["source"].split("\n")
    if len(lines) > 3:
        lines.pop(author.random.randrange(len(lines)))
    cell["source"] = "\n".join(lines)


def _add(author: _Author, present: _Present, place: int) -> None:
    present.insert(place + 1, (None, author.cell()))


def _delete(author: _Author, present: _Present, place: int) -> None:
    del present[place]
    if not present:
        present.append((None, author.cell()))


def _move(author: _Author, present: _Present, place: int) -> None:
    present.insert(author.random.randint(0, len(present) - 1), present.pop(place))


def _tag(author: _Author, present: _Present, place: int) -> None:
    metadata = present[place][1]["metadata"]
    tags = (*metadata.get("tags", ()), author.random.choice(("a", "b")))
    metadata["tags"] = list(dict.fromkeys(tags))
    metadata["slideshow"] = {"slide_type": author.random.choice(("slide", "fragment", "skip"))}


def _attach(author: _Author, present: _Present, place: int) -> None:
    cell = present[place][1]
    if cell["cell_type"] == "markdown":
        name = author.random.choice(("a.png", "b.png"))
        picture = {"image/png": f"{author.random.getrandbits(24):06x}=="}
        cell.setdefault("attachments", {})[name] = picture


def _convert(author: _Author, present: _Present, place: int) -> None:
    cell = present[place][1]
    if cell["cell_type"] == "code":
        del cell["execution_count"], cell["outputs"]
        cell["cell_type"] = "raw"
    elif "attachments" not in cell:
        cell |= {"cell_type": "code", "execution_count": None, "outputs": []}


_Change = Callable[[_Author, _Present, int], None]
_CHANGES: tuple[_Change, ...] = (
    *(_edit, _edit, _edit, _edit, _remove_line, _add, _add, _delete, _move),
    *(_tag, _attach, _convert),
)


def make_merge(seed: int) -> Merge:
    """Return one merge, always the same for ``seed``; every other one has sides that are apart."""
    apart = bool(seed % 2)
    author = _Author(random.Random(seed), ids=seed % 5 != 0)
    base = author.book()
    ours, theirs = (encode_book(author.change(base, apart=apart)) for _ in range(2))
    return Merge(encode_book(base), ours, theirs, apart, author.ids)


def encode_book(book: Book) -> bytes:
    """Return the file of a notebook as nbformat writes it."""
    tree = copy.deepcopy(book)
    for cell in tree["cells"]:
        cell["source"] = cell["source"].splitlines(True)
    return (json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def lines_of(notebook: bytes) -> Counter[str]:
    """Return the lines of all sources that are not marks of a conflict, with their numbers."""
    return Counter(
        line
        for cell in json.loads(notebook)["cells"]
        for line in "".join(cell["source"]).split("\n")
    )


def find_lost(merge: Merge, merged: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return what a merge lost, and what came back: lines a side added, lines a side deleted.

    Lines of the common ancestor that neither side has deleted count as lost as well.
    """
    base, ours, theirs = (set(lines_of(one)) for one in (merge.base, merge.ours, merge.theirs))
    present = set(merged)
    wanted = (ours - base) | (theirs - base) | (base & ours & theirs)
    deleted = base - (ours & theirs)
    return wanted - present, deleted & present
