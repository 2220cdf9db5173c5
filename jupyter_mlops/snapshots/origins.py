"""Origins: for each tracked path of a worktree, the content that its data came from.

An origin tells stale data from changed data. A snapshot writes it before the pointer file that it
belongs to moves, and it names the content before and after until the snapshot stands; a pointer
that names either of them has not been moved by anyone else. A restore writes it when data and
pointer stand, and leaves a note until then (:mod:`jupyter_mlops.snapshots.unfinished`). One small
file a path, so that two commands on different paths never meet. Origins are local to a worktree and
may be deleted: data that differs from its pointer is then ``diverged``, never silently ``changed``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from jupyter_mlops.files import durable
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import Hash, format_hash, hash_bytes, parse_hash

_FOLDER = "origins"
_BLOB = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the data at ``path`` came from.

    ``content`` is what the pointer names once the last command is through. ``before`` is what it
    named when that command began (``content`` again, where there was no pointer), and None once the
    command is known to be through. Where ``external`` is set, the data was fetched from outside by
    the pointer file whose bytes have that hash, and ``content`` is what came. ``blob`` is Git's id
    of the pointer file where that says more than the content, as it does of imported data.
    """

    path: str
    content: Entry
    before: Entry | None = None
    external: Hash | None = None
    blob: str | None = None

    def holds(self, data: Entry) -> bool:
        """Return whether ``data`` is content that some pointer or snapshot surely names."""
        return data == self.content if self.before is None else data == self.before != self.content

    def names(self, content: Entry | None) -> bool:
        """Return whether ``content`` is one that this origin accounts for."""
        return content is not None and content in (self.content, self.before)


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    content: tuple[str, str, int]
    before: tuple[str, str, int] | None = None
    external: str | None = None
    blob: str | None = None


def read_origins(state_dir: Path) -> dict[str, Origin]:
    """Return the origins of a worktree by path; one that cannot be read counts as absent."""
    origins: dict[str, Origin] = {}
    folder = state_dir / _FOLDER
    if not folder.is_dir():
        return origins
    for file in sorted(folder.iterdir()):
        try:
            origin = decode_origin(file.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if file.name == _file_name(origin.path):
            origins[origin.path] = origin
    return origins


def write_origin(state_dir: Path, origin: Origin) -> None:
    """Put ``origin`` in place of the path's former one, durably."""
    folder = state_dir / _FOLDER
    durable.make_folder(folder)
    durable.write_atomic(folder / _file_name(origin.path), encode_origin(origin), overwrite=True)


def remove_origin(state_dir: Path, path: str) -> None:
    """Forget the origin of ``path``, if there is one."""
    durable.remove(state_dir / _FOLDER / _file_name(path))


def encode_origin(origin: Origin) -> bytes:
    """Return the bytes that :func:`decode_origin` reads."""
    before = _pack(origin.before) if origin.before else None
    external = format_hash(origin.external) if origin.external else None
    stored = _Stored(origin.path, _pack(origin.content), before, external, origin.blob)
    return msgspec.json.encode(stored)


def decode_origin(encoded: bytes) -> Origin:
    """Return the origin that ``encoded`` holds.

    Raises:
        ValueError: it holds none.
    """
    stored = msgspec.json.decode(encoded, type=_Stored)
    before = _unpack(stored.before) if stored.before else None
    external = parse_hash(stored.external) if stored.external else None
    if stored.blob is not None and not _BLOB.fullmatch(stored.blob):
        raise ValueError("its blob is no id of Git's")
    return Origin(stored.path, _unpack(stored.content), before, external, stored.blob)


def _file_name(path: str) -> str:
    return hash_bytes(path.encode())[:16].hex() + ".json"


def _pack(entry: Entry) -> tuple[str, str, int]:
    return entry.mode.value, format_hash(entry.hash), entry.size_bytes


def _unpack(fields: tuple[str, str, int]) -> Entry:
    mode, content_hash, size_bytes = fields
    return Entry(Mode(mode), parse_hash(content_hash), size_bytes)
