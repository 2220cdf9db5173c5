"""The files of a tracked path, as a pointer names them."""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import Pointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.snapshots.content import read_entries


def read_pointer_files(ws: Workspace, pointer: Pointer) -> dict[str, Entry]:
    """Return the files that ``pointer`` names; external ones by what their place told of them.

    Raises:
        NotFoundError: the store lacks a folder's manifest.
    """
    if not isinstance(pointer, ExternalPointer):
        return only_files(read_entries(ws.store, pointer))
    return {
        name: Entry(Mode.FILE, hash_bytes(repr(one[1:]).encode()), one.size_bytes)
        for name, one in pointer.objects.items()
    }


def only_files(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return ``entries`` without empty folders."""
    return {name: entry for name, entry in entries.items() if entry.mode is not Mode.FOLDER}
