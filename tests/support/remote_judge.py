"""Whether a remote is whole: all that its index names is there, and is what its name says."""

from __future__ import annotations

from pathlib import PurePosixPath

from jupyter_mlops.formats.index import IndexView, verify
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.packs import decode_place, stored_span
from jupyter_mlops.storage.backend import Backend
from jupyter_mlops.sync.listing import pack_object

_PARTS = (
    "packs",
    "index",
    "projects",
    "claims",
    "snapshots",
    "erased",
    "unneeded",
    "trash",
    "clock",
)
"""Folders of a remote that is whole."""


def check_remote(backend: Backend) -> int:
    """Read all objects of a remote and judge them; return how many records its index names.

    Raises:
        AssertionError: something is not as docs/formats/remote.md has it, or is noted as damaged.
    """
    sizes = {one.name: one.size_bytes for one in backend.iter_objects()}
    contents = {name: backend.read(name) for name in sizes}
    assert contents.pop("format", b"0\n") == b"0\n"
    for name, content in contents.items():
        path = PurePosixPath(name)
        assert path.parts[0] in _PARTS, f"{name} is no object of a remote"
        if path.parts[0] not in ("packs", "index"):
            continue
        assert hash_bytes(content).hex() == path.stem, f"the bytes of {name} are not of that name"
        assert sizes[name] == len(content), f"{name} is listed with another size"
    records = 0
    for name in sizes:
        if not name.startswith("index/"):
            continue
        view = IndexView(contents[name], origin=name)
        verify(view)
        for pack in view.packs:
            assert sizes.get(pack_object(pack.hash, pack.plain)) == pack.size_bytes, name
        for id, place in view:
            pack_name = pack_object(place.pack, place.plain)
            offset, length = stored_span(place)
            stored = contents[pack_name][offset : offset + length]
            decode_place(stored, offset, place, id, pack_name)
            records += 1
    return records
