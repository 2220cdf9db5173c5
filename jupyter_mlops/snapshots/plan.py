"""What a restore would do, decided before anything is touched."""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import Pointer, TreePointer
from jupyter_mlops.ids import Hash
from jupyter_mlops.snapshots.scan import Present, parents_of


@dataclass(frozen=True, slots=True)
class PathPlan:
    """What is done at one tracked path; names are relative to it, ``""`` is the path itself.

    ``pointer`` is None where nothing shall be there. ``write`` are files, links and empty folders;
    ``delete`` are files and links whose place is not written to; ``empty`` are folders that nothing
    is left in, to be removed where that is so. ``erased`` are files that cannot be written because
    their content was erased; what is in their places stays.
    """

    path: str
    pointer: Pointer | None
    wanted: Mapping[str, Entry]
    present: Present | None
    write: tuple[str, ...]
    delete: tuple[str, ...]
    empty: tuple[str, ...] = ()
    makes_folder: bool = False
    erased: tuple[str, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether anything on disk changes."""
        return bool(self.write or self.delete or self.empty or self.makes_folder)

    @property
    def unchanged_count(self) -> int:
        """How many files stay as they are."""
        return _count_files(self.wanted.values()) - self.written_count - len(self.erased)

    @property
    def written_count(self) -> int:
        """How many files and links are written."""
        return _count_files(self.wanted[name] for name in self.write)

    @property
    def deleted_count(self) -> int:
        """How many files and links are deleted."""
        return len(self.delete)

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
    erased: Container[Hash] = (),
) -> PathPlan:
    """Return what makes ``present`` equal ``wanted``, but for files whose content is ``erased``.

    Args:
        path: the tracked path.
        pointer: what shall be there.
        wanted: the flat entries that ``pointer`` names; the key is ``""`` for a single file.
        present: what is on disk.
        erased: hashes of files that nobody has any more.

    Raises:
        ConflictError: a file that Git tracks stands where one is wanted, or in the way of one.
    """
    on_disk: Mapping[str, Entry] = present.entries if present is not None else {}
    if present is not None:
        _check_git_files(path, wanted, present)
    write = tuple(name for name, entry in wanted.items() if on_disk.get(name) != entry)
    lost = tuple(name for name in write if wanted[name].hash in erased)
    if lost:
        write = tuple(name for name in write if name not in set(lost))
    gone = [name for name in on_disk if name not in wanted]
    is_folder = isinstance(pointer, TreePointer)
    is_bare = len(lost) == len(wanted)
    makes_folder = is_folder and is_bare and (present is None or not present.is_folder)
    return PathPlan(
        path,
        pointer,
        wanted,
        present,
        write,
        tuple(name for name in gone if on_disk[name].mode is not Mode.FOLDER),
        _emptied(gone, on_disk, wanted, present, is_folder=is_folder),
        makes_folder,
        lost,
    )


def _emptied(
    gone: Iterable[str],
    on_disk: Mapping[str, Entry],
    wanted: Mapping[str, Entry],
    present: Present | None,
    *,
    is_folder: bool,
) -> tuple[str, ...]:
    """Return the folders on disk that ``wanted`` has no use for, ``""`` for the path itself."""
    if present is None or not present.is_folder:
        return ()
    folders = {name for name in gone if on_disk[name].mode is Mode.FOLDER}
    for name in gone:
        folders.update(parents_of(name))
    needed = {parent for name in wanted for parent in parents_of(name)}
    needed.update(name for name, entry in wanted.items() if entry.mode is Mode.FOLDER)
    left = sorted(folders - needed)
    return tuple(left) if is_folder else ("", *left)


def _check_git_files(path: str, wanted: Mapping[str, Entry], present: Present) -> None:
    of_git = set(present.git_files)
    if not of_git:
        return
    folders_of_git = {parent for name in of_git for parent in parents_of(name)}
    for name in wanted or ("",):
        taken = name in of_git or name in folders_of_git or "" in of_git
        taken = taken or (name == "" and bool(wanted))
        taken = taken or any(parent in of_git for parent in parents_of(name))
        if taken:
            where = f"{path}/{name}" if name else path
            raise ConflictError(
                f"{where} cannot be restored: Git itself tracks a file there.",
                code="tracked-by-git",
                hints=[f"git rm -r --cached -- {shlex.quote(where)}"],
            )


def _count_files(entries: Iterable[Entry]) -> int:
    return sum(entry.mode is not Mode.FOLDER for entry in entries)
