"""Which rules count: chosen by name, and ignored by comments in cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from jupyter_mlops.errors import UsageError
from jupyter_mlops.notebooks.canonical import Notebook, cell_source
from jupyter_mlops.reports.findings import Checked, Finding
from jupyter_mlops.reports.rules import BY_ID, RULES
from jupyter_mlops.units import plural

_COMMENT = re.compile(
    r"(?:#|//|<!--)[ \t]{0,20}mlops:[ \t]{0,20}(ignore|ignore-notebook)\[([^\]\n]{0,1000})\]"
)
_MARK = "mlops:"
_SOURCE_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules that count; without any word all of them do."""

    rules: frozenset[str] = frozenset(BY_ID)

    def counts(self, *rules: str) -> bool:
        """Return whether at least one of ``rules`` counts."""
        return not self.rules.isdisjoint(rules)

    def apply(self, checked: Checked) -> Checked:
        """Return ``checked`` without what rules found that do not count."""
        kept = tuple(found for found in checked.findings if found.rule in self.rules)
        return Checked(kept, checked.notes)


def select_rules(select: Sequence[str], ignore: Sequence[str], *, fast: bool = False) -> Selection:
    """Return the rules that ``select`` names, all where it names none, without those of ``ignore``.

    Each word is a rule's name, may have ``*`` in it, or has several of them between commas.
    ``fast`` leaves out those that look further than at notebooks and Git's index.

    Raises:
        UsageError: a word means no rule; code ``unknown-rule``.
    """
    chosen = _expand(select) if select else set(BY_ID)
    chosen -= _expand(ignore)
    if fast:
        chosen -= {rule.id for rule in RULES if not rule.is_fast}
    return Selection(frozenset(chosen))


def _expand(words: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for word in (part.strip() for one in words for part in one.split(",")):
        matching = {id for id in BY_ID if fnmatchcase(id, word)}
        if not matching:
            raise UsageError(
                f"There is no rule {word!r}; the rules are {', '.join(BY_ID)}.",
                code="unknown-rule",
                hints=("jupyter mlops check-notebooks --ignore executed-with-gaps",),
            )
        found |= matching
    return found


@dataclass(frozen=True, slots=True)
class Comments:
    """What comments in a notebook say: rules to ignore in all of it, and in single cells."""

    everywhere: frozenset[str] = frozenset()
    cells: dict[int, frozenset[str]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    def apply(self, checked: Checked) -> Checked:
        """Return ``checked`` without what comments ignore, which a note counts."""
        kept = tuple(found for found in checked.findings if not self._ignores(found))
        count = len(checked.findings) - len(kept)
        notes = [*checked.notes]
        if count:
            notes.append(f"{plural(count, 'finding')} ignored by comments in cells.")
        if self.unknown:
            notes.append(f"Comments ignore rules that do not exist: {', '.join(self.unknown)}.")
        return Checked(kept, tuple(notes))

    def _ignores(self, found: Finding) -> bool:
        here = self.cells.get(found.cell.index, frozenset()) if found.cell is not None else ()
        return found.rule in self.everywhere or found.rule in here


def read_comments(cells: Iterable[Notebook]) -> Comments:
    """Return what comments say: ``# mlops: ignore[RULE, …]``, for the cell that has it.

    ``# mlops: ignore-notebook[RULE]`` in the first cell that is not empty holds for all cells.
    Other languages' ``//`` and Markdown's ``<!--`` begin a comment as well.
    """
    found = Comments()
    is_first = True
    unknown: dict[str, None] = {}
    for index, cell in enumerate(cells):
        source = cell_source(cell)
        if not source.strip():
            continue
        if _MARK in source:
            for kind, names in _COMMENT.findall(source[:_SOURCE_LIMIT]):
                words = {word.strip() for word in names.split(",") if word.strip()}
                unknown.update(dict.fromkeys(sorted(words - BY_ID.keys())))
                known = frozenset(words & BY_ID.keys())
                if kind == "ignore":
                    found.cells[index] = found.cells.get(index, frozenset()) | known
                elif is_first:
                    found = replace(found, everywhere=found.everywhere | known)
        is_first = False
    return replace(found, unknown=tuple(unknown)[:10])
