"""Pointer files: the small text in Git that names content; docs/formats/pointer.md."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode, check_entry
from jupyter_mlops.formats.names import CollisionError, check_name, check_names, check_path, show
from jupyter_mlops.formats.pointer_external import (
    ExternalPointer,
    encode_external,
    explain_external,
    parse_external,
)
from jupyter_mlops.formats.pointer_source import (
    ImportSource,
    encode_source,
    explain_source,
    parse_source,
)
from jupyter_mlops.formats.toml import parse_toml
from jupyter_mlops.ids import Hash, format_hash

FORMAT = 0
POINTER_SUFFIX = ".mlops"
LISTED_LIMIT = 1000
"""How many entries a writer lists at most; a reader takes any number."""
MAX_POINTER_BYTES = 16 * 1024**2

_COMMENT = (
    "# This content is kept by jupyter-mlops, not by Git. "
    "To get it: pip install jupyter-mlops, then jupyter mlops restore"
)
_HEAD = f"{_COMMENT}\nformat = {FORMAT}\n"
_MODES = {str(mode): mode for mode in Mode}
_FILE_MODES = (Mode.FILE, Mode.EXECUTABLE)
_HASH = r"blake3:([0-9a-f]{64})"
_SIZE = r"(0|[1-9][0-9]{0,18})"
_HASH_TEXT = re.compile(_HASH)
_FORMAT_LINE = re.compile(r"^format *= *([0-9]{1,9}) *$", re.MULTILINE)
_KIND = re.compile(r'kind = "(file|tree|external)"\n')
_FILE_BODY = re.compile(rf'hash = "{_HASH}"\nsize_bytes = {_SIZE}\nmode = "([0-9]{{6}})"\n')
_MANIFEST_BODY = re.compile(rf'manifest = "{_HASH}"\n')
_ENTRIES_OPEN = "entries = [\n"
_ENTRIES_CLOSE = "]\n"
_ENTRY_LINE = re.compile(
    r'  \{ path = "((?:[^"\\\n]|\\")+)", '
    rf'hash = "{_HASH}", size_bytes = {_SIZE}, mode = "([0-9]{{6}})" \}},\n'
)
_KEYS = {
    "file": ("format", "kind", "source", "hash", "size_bytes", "mode"),
    "tree": ("format", "kind", "source", "entries", "manifest"),
}
_FILE_KEYS = ("hash", "size_bytes", "mode")
_ENTRY_KEYS = ("path", "hash", "size_bytes", "mode")
_EXPLAINED_BYTES = 1024**2
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FilePointer:
    """Names one file; ``source`` is where it was imported from."""

    entry: Entry
    source: ImportSource | None = None


@dataclass(frozen=True, slots=True)
class TreePointer:
    """Names a folder, by its entries or by its manifest: exactly one of them is not None.

    ``entries`` are by path inside the folder. A FOLDER entry stands for all beneath it, by the hash
    of its manifest. ``source`` is where the folder was imported from.
    """

    entries: Mapping[str, Entry] | None = None
    manifest: Hash | None = None
    source: ImportSource | None = None

    def __post_init__(self) -> None:
        """Refuse a pointer that says both or nothing."""
        if (self.entries is None) == (self.manifest is None):
            raise ValueError("a tree pointer has either entries or a manifest")


StoredPointer = FilePointer | TreePointer
"""A pointer whose content is kept in the store."""

Pointer = StoredPointer | ExternalPointer


def encode_pointer(pointer: Pointer) -> bytes:
    """Return the one encoding of ``pointer``.

    Raises:
        ValueError: what :func:`decode_pointer` would refuse.
    """
    if isinstance(pointer, ExternalPointer):
        body = f'kind = "external"\n{encode_external(pointer)}'
    else:
        kind = "file" if isinstance(pointer, FilePointer) else "tree"
        source = encode_source(pointer.source) if pointer.source is not None else ""
        body = f'kind = "{kind}"\n{source}{_encode_stored(pointer)}'
    data = (_HEAD + body).encode()
    if len(data) > MAX_POINTER_BYTES:
        raise ValueError(f"a pointer file has at most {MAX_POINTER_BYTES} bytes")
    return data


def _encode_stored(pointer: StoredPointer) -> str:
    if isinstance(pointer, FilePointer):
        mode, content, size_bytes = pointer.entry
        _check_file_entry(pointer.entry)
        return f'hash = "{format_hash(content)}"\nsize_bytes = {size_bytes}\nmode = "{mode}"\n'
    if pointer.entries is not None:
        _check_entries(pointer.entries)
        lines = [_entry_line(*item) for item in sorted(pointer.entries.items(), key=_place)]
        return "".join([_ENTRIES_OPEN, *lines, _ENTRIES_CLOSE])
    assert pointer.manifest is not None
    return f'manifest = "{format_hash(pointer.manifest)}"\n'


def find_hashes(data: bytes) -> list[Hash]:
    """Return all hashes that stand in a pointer file that may not be valid, each once."""
    found = re.findall(_HASH.encode(), data)
    return [Hash(bytes.fromhex(digits.decode())) for digits in dict.fromkeys(found)]


def decode_pointer(data: bytes, *, origin: str) -> Pointer:
    """Return the pointer that ``data`` encodes; ``origin`` names the file in errors.

    Raises:
        IntegrityError: ``data`` is not the one encoding of a pointer (code ``pointer-invalid``).
        UnsupportedError: a newer format, or a kind that this version does not read.
    """
    if len(data) > MAX_POINTER_BYTES:
        raise _invalid(origin, f"it is larger than {MAX_POINTER_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _invalid(origin, "it is not UTF-8 text") from None
    try:
        pointer = _parse(text)
    except CollisionError as error:
        raise _invalid(origin, str(error), hints=_merge_again(origin)) from None
    except ValueError as error:
        raise _invalid(origin, str(error)) from None
    if pointer is None:
        _refuse(text, origin)
    return pointer


def _parse(text: str) -> Pointer | None:
    """Return the pointer if ``text`` has the one form, None if not.

    Raises:
        ValueError: it has the form, but what it says is not allowed.
    """
    if not text.startswith(_HEAD):
        return None
    kind = _KIND.match(text, len(_HEAD))
    if kind is None:
        return None
    if kind[1] == "external":
        return parse_external(text, kind.end())
    source, position = parse_source(text, kind.end())
    if kind[1] == "file":
        match = _FILE_BODY.fullmatch(text, position)
        if match is None:
            return None
        content, size_bytes, mode = match.groups()
        entry = Entry(_parse_mode(mode), Hash(bytes.fromhex(content)), int(size_bytes))
        _check_file_entry(entry)
        return FilePointer(entry, source)
    if text.startswith(_ENTRIES_OPEN, position):
        entries = _parse_entries(text, position + len(_ENTRIES_OPEN))
        return None if entries is None else TreePointer(entries=entries, source=source)
    match = _MANIFEST_BODY.fullmatch(text, position)
    return TreePointer(manifest=Hash(bytes.fromhex(match[1])), source=source) if match else None


def _parse_entries(text: str, position: int) -> dict[str, Entry] | None:
    entries: dict[str, Entry] = {}
    previous = ""
    while match := _ENTRY_LINE.match(text, position):
        path, content, size_bytes, mode = match.groups()
        if "\\" in path:
            path = path.replace('\\"', '"')
        entry = Entry(_parse_mode(mode), Hash(bytes.fromhex(content)), int(size_bytes))
        if path in entries:
            if Mode.FOLDER in (entry.mode, entries[path].mode) and entry.mode != entries[path].mode:
                raise CollisionError(f"the file {show(path)} cannot stand beside the folder")
            raise ValueError(f"{show(path)} stands there twice")
        if (place := _place((path, entry))) < previous:
            raise ValueError(f"{show(path)} stands after {show(previous)}")
        entries[path] = entry
        position = match.end()
        previous = place
    if text[position:] != _ENTRIES_CLOSE:
        return None
    _check_entries(entries)
    return entries


def _place(item: tuple[str, Entry]) -> str:
    """Return what the entries of a pointer are sorted by: a folder stands where its files would."""
    path, entry = item
    return f"{path}/" if entry.mode is Mode.FOLDER else path


def _parse_mode(text: str) -> Mode:
    mode = _MODES.get(text)
    if mode is None:
        raise ValueError(f"its mode {text!r} is unknown")
    return mode


def _entry_line(path: str, entry: Entry) -> str:
    mode, content, size_bytes = entry
    quoted = path.replace('"', '\\"')
    return (
        f'  {{ path = "{quoted}", hash = "{format_hash(content)}", '
        f'size_bytes = {size_bytes}, mode = "{mode}" }},\n'
    )


def _check_file_entry(entry: Entry) -> None:
    check_entry(entry)
    if entry.mode not in _FILE_MODES:
        raise ValueError(f"a file's mode is 100644 or 100755, not {entry.mode}")


def _check_entries(entries: Mapping[str, Entry]) -> None:
    for path, entry in entries.items():
        try:
            check_path(path)
            if ":" in path:  # as the manifests of the folders on the way have it
                for name in path.split("/"):
                    check_name(name)
            check_entry(entry)
        except ValueError as error:
            raise ValueError(f"the entry {show(path)} is refused: {error}") from None
    check_names(entries.keys())


def _refuse(text: str, origin: str) -> NoReturn:
    """Say what is wrong with a text that :func:`_parse` does not take."""
    newer = _FORMAT_LINE.search(text[:4096])
    if newer and int(newer[1]) > FORMAT:
        raise UnsupportedError(
            f"The pointer file {origin} has format {int(newer[1])}; this version reads {FORMAT}.",
            code="format-newer",
            hints=("pip install --upgrade jupyter-mlops",),
        )
    if not text:
        raise _invalid(origin, "it is empty")
    if _CONFLICT.search(text):
        raise _invalid(origin, "it holds the marks of a merge that is not finished")
    if "\r\n" in text:
        raise _invalid(
            origin,
            "its lines end in CR LF",
            hints=("Add the line '*.mlops text eol=lf' to .gitattributes.",),
        )
    if len(text) > _EXPLAINED_BYTES:
        raise _invalid(origin, "it is not in the form that snapshot writes")
    try:
        values = parse_toml(text)
    except ValueError as error:
        raise _invalid(origin, f"it is {error}") from None
    raise _invalid(origin, _explain(values))


def _explain(values: Mapping[str, object]) -> str:
    kind = values.get("kind")
    if kind is None:
        return "it has no kind"
    if kind == "external":
        return explain_external(values) or _explain_values(values, ("format",)) or _NOT_CANONICAL
    if not isinstance(kind, str) or kind not in _KEYS:
        return f"its kind {show(kind)} is not 'file', 'tree' or 'external'"
    for key in values:
        if key not in _KEYS[kind]:
            return f"it has the unknown key {show(key)}"
    reason = _explain_values(values, ("format",))
    if not reason and "source" in values:
        reason = explain_source(values["source"])
    if reason:
        return reason
    if kind == "tree":
        if ("entries" in values) == ("manifest" in values):
            return "it has either entries or a manifest, one of them"
        entries = values.get("entries")
        if entries is not None:
            return _explain_entries(entries)
        reason = _explain_value("manifest", values["manifest"])
    else:
        reason = _explain_values(values, _FILE_KEYS)
    return reason or _NOT_CANONICAL


_NOT_CANONICAL = "it says something valid in another form than the one that snapshot writes"


def _explain_entries(entries: object) -> str:
    if not isinstance(entries, list):
        return "its entries are not a list"
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            return f"its entry {number} is not a table"
        where = f"its entry {show(entry.get('path', number))}"
        for key in entry:
            if key not in _ENTRY_KEYS:
                return f"{where} has the unknown key {show(key)}"
        reason = _explain_values(entry, _ENTRY_KEYS)
        if reason:
            return f"{where} is refused: {reason}"
    return _NOT_CANONICAL


def _explain_values(values: Mapping[str, object], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if key not in values:
            return f"it has no {key}"
        reason = _explain_value(key, values[key])
        if reason:
            return reason
    return None


def _explain_value(key: str, value: object) -> str | None:
    try:
        if key in ("hash", "manifest"):
            if not isinstance(value, str) or not _HASH_TEXT.fullmatch(value):
                return f"its {key} {show(value)} is not 'blake3:' and 64 hexadecimal digits"
        elif key == "path":
            if not isinstance(value, str):
                return f"its path is {show(value)}"
            check_path(value)
        elif key == "mode" and not (isinstance(value, str) and value in _MODES):
            return f"its mode {show(value)} is unknown"
        elif key in ("size_bytes", "format") and (
            isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63
        ):
            return f"its {key} is {show(value)}"
    except ValueError as error:
        return str(error)
    return None


def _merge_again(origin: str) -> tuple[str, ...]:
    """Return what mends names that both are right where they come from: no snapshot puts them so.

    They come of a merge as text.
    """
    revision, colon, path = origin.rpartition(":")
    if revision and colon:
        return ()
    word = shlex.quote(path.removesuffix(POINTER_SUFFIX))
    return tuple(f"jupyter mlops resolve {word} {side}" for side in ("--ours", "--theirs"))


def _invalid(origin: str, reason: str, hints: tuple[str, ...] = ()) -> IntegrityError:
    revision, colon, path = origin.rpartition(":")
    mend = "git log --oneline" if revision and colon else "git checkout HEAD"
    return IntegrityError(
        f"The pointer file {origin} is not valid: {reason}.",
        code="pointer-invalid",
        hints=hints or (f"{mend} -- {shlex.quote(path)}",),
    )
