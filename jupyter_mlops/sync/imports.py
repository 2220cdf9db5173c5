"""Content of another project, brought into this one's store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError, NotFoundError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH
from jupyter_mlops.formats.pointer import FilePointer, Pointer, StoredPointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.erased import may_not_be_kept
from jupyter_mlops.objects.folders import Folder, write_folder
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.writer import open_writer
from jupyter_mlops.progress import Progress
from jupyter_mlops.sync.erased import read_new
from jupyter_mlops.sync.fetch import fetch_content
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.sync.view import View
from jupyter_mlops.units import plural


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is at a path of another project: its files, links and empty folders by path in it.

    A file itself has the key ``""``.
    """

    entries: Mapping[str, Entry]

    @property
    def is_file(self) -> bool:
        """Whether it is one file."""
        return "" in self.entries

    @property
    def hash(self) -> Hash:
        """The hash of the file, or of the folder's manifest."""
        return self.entries[""].hash if self.is_file else Folder.of(self.entries).hash

    @property
    def files(self) -> list[Entry]:
        """The files and links."""
        return [entry for entry in self.entries.values() if entry.mode is not Mode.FOLDER]

    @property
    def size_bytes(self) -> int:
        """The bytes in them."""
        return sum(entry.size_bytes for entry in self.files)


def find_wanted(view: View, pointers: Mapping[str, Pointer], path: str) -> Wanted:
    """Return what is at ``path``: a tracked path, a part of one, or a folder that holds some.

    Raises:
        NotFoundError: nothing is tracked there, or a manifest is nowhere.
        UnsupportedError: it is external to that project (code ``external-not-here``).
        ConflictError: it is a link (code ``path-is-link``).
    """
    for tracked, pointer in pointers.items():
        if isinstance(pointer, ExternalPointer):
            raise UnsupportedError(
                f"{tracked} is external to that project; it stays at {pointer.url}.",
                code="external-not-here",
                hints=("jupyter mlops snapshot --external URL PATH",),
            )
    entry = view.find(path)
    if entry is None:
        raise NotFoundError(
            f"Nothing is tracked at {path} in that revision.", code="path-not-found"
        )
    if entry.mode is Mode.SYMLINK:
        raise ConflictError(
            f"{path} is a symbolic link; import what it points to.", code="path-is-link"
        )
    if entry.mode is not Mode.FOLDER:
        return Wanted({"": entry})
    found: dict[str, Entry] = {}
    waiting = [""]
    while waiting:
        here = waiting.pop()
        inner = view.list(f"{path}/{here}".rstrip("/")) or {}
        if here and not inner:
            found[here] = Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0)
        for name, one in inner.items():
            full = f"{here}/{name}" if here else name
            if one.mode is Mode.FOLDER:
                waiting.append(full)
            else:
                found[full] = one
    return Wanted(dict(sorted(found.items())))


def bring_content(
    store: Store, places: Iterable[Remote | None], wanted: Wanted, progress: Progress
) -> StoredPointer:
    """Bring to the store what it lacks of ``wanted``; durable on return. Return the pointer to it.

    Args:
        store: where it goes.
        places: where it may come from, each asked for what those before it lacked.
        wanted: what is to come.
        progress: is told the bytes.

    Raises:
        ConflictError: some of it was erased, here or there (code ``content-erased``).
        NotFoundError: something is in none of the places (code ``content-missing``).
        UnavailableError: a place failed, or the disk did not take it.
    """
    lacking: Iterable[Entry] = wanted.files
    names = []
    erased = store.erased
    for place in places:
        if place is not None:
            names.append(place.place)
            erased = erased.joined(read_new(place, erased.erasures))
            lacking = fetch_content(store, place, lacking, (), progress).lacking
            if not lacking:
                break
    for name, entry in wanted.entries.items():
        if (erasure := erased.find(entry.hash)) is not None:
            raise may_not_be_kept(name or "that file", erasure, ("jupyter mlops log",))
    lost = missing(store, lacking)
    if lost:
        raise NotFoundError(
            f"Nothing was imported: {plural(len(lost), 'file')} of it"
            f" {'is' if len(lost) == 1 else 'are'} neither here nor at"
            f" {' or '.join(names) or 'any remote of that project'}.",
            code="content-missing",
            hints=("jupyter mlops push   (in a clone of that project that has it)",),
        )
    if wanted.is_file:
        return FilePointer(wanted.entries[""])
    with open_writer(store) as writer:
        pointer = write_folder(writer, Folder.of(wanted.entries))
        writer.finish()
    return pointer
