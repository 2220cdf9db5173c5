"""What a restore would do, decided before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import Pointer
from jupyter_mlops.snapshots.scan import Present


@dataclass(frozen=True, slots=True)
class PathPlan:
    """What is done at one tracked path; names are relative to it, ``""`` is the path itself.

    ``pointer`` is None where nothing shall be there. ``write`` are files, links and empty folders,
    ``delete`` are files and links whose place is not written to.
    """

    path: str
    pointer: Pointer | None
    wanted: Mapping[str, Entry]
    present: Present | None
    write: tuple[str, ...]
    delete: tuple[str, ...]

    @property
    def unchanged_count(self) -> int:
        """How many files stay as they are."""
        return (
            sum(entry.mode is not Mode.FOLDER for entry in self.wanted.values())
            - self.written_count
        )

    @property
    def written_count(self) -> int:
        """How many files and links are written."""
        return sum(self.wanted[name].mode is not Mode.FOLDER for name in self.write)

    @property
    def written_bytes(self) -> int:
        """How many bytes are written."""
        return sum(self.wanted[name].size_bytes for name in self.write)

    @property
    def overwritten(self) -> Mapping[str, Entry]:
        """The files on disk that are replaced or deleted."""
        if self.present is None:
            return {}
        present = self.present.entries
        return {name: present[name] for name in (*self.write, *self.delete) if name in present}


def plan_path(
    path: str,
    pointer: Pointer | None,
    wanted: Mapping[str, Entry],
    present: Present | None,
) -> PathPlan:
    """Return what makes ``present`` equal ``wanted``.

    Args:
        path: the tracked path.
        pointer: what shall be there.
        wanted: the flat entries that ``pointer`` names; the key is ``""`` for a single file.
        present: what is on disk.

    Raises:
        ConflictError: a file that Git tracks stands where one is wanted, or in the way of one.
    """
    on_disk: Mapping[str, Entry] = present.entries if present is not None else {}
    write = tuple(name for name, entry in wanted.items() if on_disk.get(name) != entry)
    delete = tuple(name for name in on_disk if name not in wanted)
    if present is not None:
        _check_git_files(path, wanted, present)
    return PathPlan(path, pointer, wanted, present, write, delete)


def _check_git_files(path: str, wanted: Mapping[str, Entry], present: Present) -> None:
    of_git = set(present.git_files)
    folders_of_git = {parent for name in of_git for parent in _parents(name)}
    for name in wanted:
        taken = name in of_git or name in folders_of_git or (bool(of_git) and name == "")
        taken = taken or any(parent in of_git for parent in _parents(name))
        if taken:
            where = f"{path}/{name}" if name else path
            raise ConflictError(
                f"{where} cannot be restored: Git itself tracks a file there.",
                code="tracked-by-git",
                hints=[f"git rm -r --cached -- {where}"],
            )


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
