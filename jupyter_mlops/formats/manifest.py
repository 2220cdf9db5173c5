"""Manifests: a folder's entries (a tree), a file's chunks in order; docs/formats/manifest.md."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode, check_entry
from jupyter_mlops.formats.names import check_name, check_names, show
from jupyter_mlops.ids import Hash, hash_bytes

FORMAT = 0

_TREE_MAGIC = b"mlopsTR" + bytes([FORMAT])
_FILE_MAGIC = b"mlopsFI" + bytes([FORMAT])
_TREE_HEAD = struct.Struct(">8sII")
_TREE_ROW = struct.Struct(">BQ32s")
_FILE_HEAD = struct.Struct(">8sQI")
_FILE_ROW = struct.Struct(">I32s")
_MODES = {1: Mode.FILE, 2: Mode.EXECUTABLE, 3: Mode.SYMLINK, 4: Mode.FOLDER}
_MODE_CODES = {mode: code for code, mode in _MODES.items()}


class ChunkRef(NamedTuple):
    """One chunk of a file: the BLAKE3 of its bytes, and how many they are."""

    hash: Hash
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FileManifest:
    """A file as its chunks in order; ``size_bytes`` is their sum."""

    size_bytes: int
    chunks: tuple[ChunkRef, ...]


def encode_tree(entries: Mapping[str, Entry]) -> bytes:
    """Return the one encoding of a folder's direct ``entries``; its BLAKE3 is the folder's hash.

    Raises:
        ValueError: a name or an entry that :func:`decode_tree` would refuse.
    """
    for name, entry in entries.items():
        check_name(name)
        check_entry(entry)
    check_names(entries.keys())
    pack = _TREE_ROW.pack
    codes = _MODE_CODES
    rows = []
    for name in (names := sorted(entries)):
        mode, content, size_bytes = entries[name]
        rows.append(pack(codes[mode], size_bytes, content))
    text = b"".join([name.encode() + b"\0" for name in names])
    return b"".join([_TREE_HEAD.pack(_TREE_MAGIC, len(rows), len(text)), *rows, text])


def decode_tree(data: bytes | bytearray | memoryview, *, origin: str) -> dict[str, Entry]:
    """Return the entries of an encoded folder, sorted by name; ``origin`` names it in errors.

    Raises:
        IntegrityError: ``data`` is not the one encoding of a folder whose names are all allowed.
        UnsupportedError: a newer format.
    """
    _check_magic(data, _TREE_MAGIC, "folder", origin)
    if len(data) < _TREE_HEAD.size:
        raise _damaged("folder", origin, "it is cut short")
    _, count, text_bytes = _TREE_HEAD.unpack_from(data)
    rows_end = _TREE_HEAD.size + count * _TREE_ROW.size
    if rows_end + text_bytes != len(data):
        raise _damaged("folder", origin, "its length is not what its header says")
    try:
        names = bytes(data[rows_end:]).decode().split("\0")
    except UnicodeDecodeError:
        raise _damaged("folder", origin, "a name is not UTF-8") from None
    if names.pop() or len(names) != count:
        raise _damaged("folder", origin, "it does not hold a name for each entry")
    rows = _TREE_ROW.iter_unpack(data[_TREE_HEAD.size : rows_end])
    entries: dict[str, Entry] = {}
    previous = ""
    for name, (code, size_bytes, content) in zip(names, rows, strict=True):
        try:
            check_name(name)
            entry = Entry(_MODES[code], content, size_bytes)
            check_entry(entry)
        except KeyError:
            raise _damaged("folder", origin, f"{show(name)} has the unknown mode {code}") from None
        except ValueError as error:
            raise _damaged(
                "folder", origin, f"the entry {show(name)} is refused: {error}"
            ) from None
        if name <= previous:
            raise _damaged("folder", origin, f"{show(name)} stands after {show(previous)}")
        entries[name] = entry
        previous = name
    try:
        check_names(entries.keys())
    except ValueError as error:
        raise _damaged("folder", origin, str(error)) from None
    return entries


def encode_file_manifest(manifest: FileManifest) -> bytes:
    """Return the one encoding of ``manifest``.

    Raises:
        ValueError: no chunks, an empty chunk, or sizes that do not add up.
    """
    reason = _explain_chunks(manifest)
    if reason:
        raise ValueError(f"not a file manifest: {reason}")
    pack = _FILE_ROW.pack
    head = _FILE_HEAD.pack(_FILE_MAGIC, manifest.size_bytes, len(manifest.chunks))
    return head + b"".join([pack(size_bytes, content) for content, size_bytes in manifest.chunks])


def decode_file_manifest(data: bytes | bytearray | memoryview, *, origin: str) -> FileManifest:
    """Return the manifest that ``data`` encodes; ``origin`` names it in errors.

    Raises:
        IntegrityError: ``data`` is not the one encoding of a manifest.
        UnsupportedError: a newer format.
    """
    _check_magic(data, _FILE_MAGIC, "file", origin)
    if len(data) < _FILE_HEAD.size:
        raise _damaged("file", origin, "it is cut short")
    _, size_bytes, count = _FILE_HEAD.unpack_from(data)
    if _FILE_HEAD.size + count * _FILE_ROW.size != len(data):
        raise _damaged("file", origin, "its length is not what its header says")
    rows = _FILE_ROW.iter_unpack(data[_FILE_HEAD.size :])
    chunks = tuple([ChunkRef(content, chunk_bytes) for chunk_bytes, content in rows])
    manifest = FileManifest(size_bytes, chunks)
    reason = _explain_chunks(manifest)
    if reason:
        raise _damaged("file", origin, reason)
    return manifest


def _explain_chunks(manifest: FileManifest) -> str | None:
    if not manifest.chunks:
        return "it names no chunk"
    sizes = [chunk.size_bytes for chunk in manifest.chunks]
    if min(sizes) < 1:
        return "it names an empty chunk"
    if sum(sizes) != manifest.size_bytes:
        return "its chunks do not add up to its size"
    return None


def _check_magic(
    data: bytes | bytearray | memoryview, magic: bytes, what: str, origin: str
) -> None:
    head = bytes(data[: len(magic)])
    if head == magic:
        return
    if len(head) == len(magic) and head[:-1] == magic[:-1]:
        raise UnsupportedError(
            f"The {what} manifest {origin} has format {head[-1]}; this version reads {FORMAT}.",
            code="format-newer",
            hints=("pip install --upgrade jupyter-mlops",),
        )
    raise _damaged(what, origin, "it does not begin as one")


def _damaged(what: str, origin: str, reason: str) -> IntegrityError:
    return IntegrityError(
        f"The {what} manifest {origin} is damaged: {reason}.",
        code="manifest-damaged",
        hints=("jupyter mlops repair",),
    )


EMPTY_TREE = encode_tree({})
EMPTY_TREE_HASH = hash_bytes(EMPTY_TREE)
