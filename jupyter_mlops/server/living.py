"""Which processes that log to runs are there, as far as a look can tell. Belongs in a thread."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jupyter_mlops.errors import UnsupportedError
from jupyter_mlops.files.owner import Owner, parse_owner, sees_gone
from jupyter_mlops.metrics.series import read_began


class Living:
    """The processes whose series are looked at; one that has ended is never asked for again.

    A process that is killed changes no file: without this nobody would be told that it died.
    """

    def __init__(self) -> None:
        self._owners: dict[str, Owner | None] = {}

    def look(self, paths: Iterable[str]) -> list[str]:
        """Return those of the series ``paths`` whose processes are there."""
        known: dict[str, Owner | None] = {}
        for path in paths:
            if path in self._owners:
                owner = self._owners[path]
            else:
                try:
                    began = read_began(Path(path))
                except (ValueError, UnsupportedError):
                    known[path] = None
                    continue
                if began is None:  # not whole yet: it is read again at the next look
                    continue
                owner = parse_owner(began.owner)
            known[path] = None if owner is None or sees_gone(owner) else owner
        self._owners = known
        return [path for path, owner in known.items() if owner is not None]
