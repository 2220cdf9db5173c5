"""The command ``upgrade``."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Note
from jupyter_mlops.objects.store import upgrade_store


@dataclass(frozen=True, slots=True)
class UpgradeResult:
    """The format that the store had and the one that it has."""

    before: int
    after: int

    def describe(self) -> Document:
        """Return one line."""
        if self.before == self.after:
            return Document((Note(f"The store has format {self.after} already.", "good"),))
        return Document(
            (Note(f"The store went from format {self.before} to {self.after}.", "good"),)
        )


def upgrade(ws: Workspace) -> UpgradeResult:
    """Bring the store to the newest format."""
    before, after = upgrade_store(ws.store)
    return UpgradeResult(before, after)
