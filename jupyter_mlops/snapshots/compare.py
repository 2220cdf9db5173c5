"""What differs between two states of a tracked path; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jupyter_mlops.formats.entry import Entry


@dataclass(frozen=True, slots=True)
class FileChanges:
    """Files by what became of them, each list sorted.

    A renamed file is neither added nor deleted.
    """

    added: tuple[str, ...]
    deleted: tuple[str, ...]
    modified: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]

    @property
    def any(self) -> bool:
        """Whether there is a difference."""
        return bool(self.added or self.deleted or self.modified or self.renamed)


def compare_entries(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> FileChanges:
    """Return what differs; a file that vanished and one of the same content that came are a rename.

    Of several files of one content, the first by name are paired. A change of mode is a
    modification.
    """
    gone = sorted(old.keys() - new.keys())
    came = sorted(new.keys() - old.keys())
    by_content: dict[Entry, list[str]] = {}
    for name in gone:
        by_content.setdefault(old[name], []).append(name)
    renamed: list[tuple[str, str]] = []
    for name in came:
        candidates = by_content.get(new[name])
        if candidates:
            renamed.append((candidates.pop(0), name))
    sources = {source for source, _ in renamed}
    targets = {target for _, target in renamed}
    return FileChanges(
        added=tuple(name for name in came if name not in targets),
        deleted=tuple(name for name in gone if name not in sources),
        modified=tuple(sorted(n for n in old.keys() & new.keys() if old[n] != new[n])),
        renamed=tuple(renamed),
    )
