"""A second reader of what the store and Git hold, written from docs/formats/*.md alone.

It shares no code with ``jupyter_mlops.formats``, is slow, small, and takes a whole file at once.
Every reader raises :class:`NotValid` for what the documents refuse.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import zstandard
from blake3 import blake3
from pyfastcdc.py.constants import GEAR

MIB = 1024**2
MODES = {1: "100644", 2: "100755", 3: "120000", 4: "040000"}
KINDS = {1: "CHUNK", 2: "FILE", 3: "TREE", 4: "OUTPUTS"}
KIND_LIMITS = {1: 16 * MIB, 2: 256 * MIB, 3: 256 * MIB, 4: 256 * MIB}
EMPTY = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
CODECS = {0: "RAW", 1: "ZSTD"}
SHORTEST, MEAN, LONGEST = 16_384, 65_536, 262_144
MASK_BEFORE, MASK_AFTER = 0x0000D90703537000, 0x0000D90F03530000
FIRST_LINE = (
    "# This content is kept by jupyter-mlops, not by Git. "
    "To get it: pip install jupyter-mlops, then jupyter mlops restore"
)


class NotValid(Exception):
    """The bytes are not what the documents allow."""


class Newer(Exception):
    """The bytes say that they are of a later version."""


class _Bytes:
    """Bytes read from the front, never past the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        need(count <= len(self.data) - self.at, "cut short")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, bits: int) -> int:
        return int.from_bytes(self.take(bits // 8), "big")

    def magic(self, magic: str) -> None:
        need(self.take(7) == magic.encode(), f"no {magic}")
        version = self.number(8)
        if version:
            raise Newer(version)

    def end(self) -> None:
        need(self.at == len(self.data), "more bytes than it should have")


def need(condition: object, reason: str) -> None:
    if not condition:
        raise NotValid(reason)


# Paths ------------------------------------------------------------------------------------------


def need_path(path: str) -> None:
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        raise NotValid("lone surrogate") from None
    need(0 < len(encoded) <= 4096, "empty or too long")
    need(not re.match("[A-Za-z]:", path), "drive")
    need(not any(unicodedata.category(letter) == "Cc" for letter in path), "control character")
    need("\\" not in path, "backslash")
    for part in path.split("/"):
        need(part not in ("", ".", "..") and len(part.encode()) <= 255, "part")
        ignored = [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
        seen = "".join(letter for letter in part if ord(letter) not in ignored)
        seen = seen.partition(":")[0].rstrip(" .")
        need(seen.lower() not in (".git", "git~1"), "Git's")


def need_set(paths: Iterable[str]) -> None:
    def fold(path: str) -> str:
        return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())

    files: set[str] = set()
    folders: dict[str, str] = {}
    for path in paths:
        need(fold(path) not in files, "two names are one")
        files.add(fold(path))
        parts = path.split("/")
        for length in range(1, len(parts)):
            folder = "/".join(parts[:length])
            need(folders.setdefault(fold(folder), folder) == folder, "two folders are one")
    need(not files & folders.keys(), "a file where a folder is needed")


def need_entry(mode: str, size_bytes: int) -> None:
    need(0 <= size_bytes < 2**63, "size")
    need(mode != "040000" or size_bytes == 0, "size of a folder")
    need(mode != "120000" or 1 <= size_bytes <= 4095, "size of a link")


# Pointer files ----------------------------------------------------------------------------------


def read_pointer(data: bytes) -> dict[str, Any]:
    """Return kind, hash, size_bytes and mode; or kind and entries; or kind and manifest.

    Each of them may have a source as well. What is external has url, and objects or size_bytes.
    """
    need(len(data) <= 16 * MIB, "too large")
    try:
        values = tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        raise NotValid("not TOML") from None
    version = values.get("format")
    if type(version) is int and version > 0:
        raise Newer(version)
    need(type(version) is int and version == 0, "no format")
    del values["format"]
    need(values.get("kind") in ("file", "tree", "external"), "kind")
    lines = [FIRST_LINE, "format = 0", f'kind = "{values.get("kind")}"']
    source = values.pop("source", None)
    if source is not None:
        lines.append(_source_line(source))
    if values["kind"] == "external":
        need(source is None, "source")
        lines += _external_lines(values)
    elif values.get("kind") == "file":
        need(set(values) == {"kind", "hash", "size_bytes", "mode"}, "keys")
        _need_entry_values(values)
        need(values["mode"] in ("100644", "100755"), "mode")
        lines += [f'hash = "{values["hash"]}"', f"size_bytes = {values['size_bytes']}"]
        lines += [f'mode = "{values["mode"]}"']
    elif values.get("kind") == "tree" and set(values) == {"kind", "manifest"}:
        _need_hash(values["manifest"])
        lines += [f'manifest = "{values["manifest"]}"']
    else:
        need(values.get("kind") == "tree" and set(values) == {"kind", "entries"}, "keys")
        lines += _entry_lines(values["entries"])
    need("\n".join([*lines, ""]).encode() == data, "another form")
    return values if source is None else {**values, "source": source}


SOURCE_URLS = (
    r"https?://[^/@?# ]+(/[^?#]*)?",
    r"(ssh|git)://([A-Za-z0-9_][^/@: ]*@)?[A-Za-z0-9\[][^/@ ]*/.+",
    r"([A-Za-z0-9_][^/@: ]*@)?[A-Za-z0-9][A-Za-z0-9._-]+:(?!:|//).+",
    r"(file://)?/.*",
    r"[A-Za-z]:/.+",
)
EXTERNAL_URLS = (
    r"(s3|gs|az|https?|webdav\+https?)://[^/@?#]+(/[^?#]*)?",
    r"ssh://([^/@:?#]+@)?[^/@?#]+(/[^?#]*)?",
    r"file:///[^?#]*",
    r"/.*",
    r"[A-Za-z]:/.+",
)


def _need_text(text: object, limit: int, *forms: str) -> None:
    need(isinstance(text, str) and len(text) > 0, "text")
    assert isinstance(text, str)
    try:
        need(len(text.encode()) <= limit, "too long")
    except UnicodeEncodeError:
        raise NotValid("lone surrogate") from None
    need(not text.startswith("-") and '"' not in text and "\\" not in text, "character")
    need(not any(unicodedata.category(letter) == "Cc" for letter in text), "control character")
    need(not forms or any(re.fullmatch(form, text) for form in forms), "form of the URL")
    if forms:
        authority = re.match(r"[^/]*://([^/]*)@", text)
        is_web = re.match("https?:", text) is not None
        need(not authority or (":" not in authority[1] and not is_web), "credential")


def _source_line(source: object) -> str:
    need(isinstance(source, dict), "source")
    assert isinstance(source, dict)
    need(set(source) | {"rev"} == {"url", "path", "rev", "commit", "hash"}, "keys of a source")
    _need_text(source["url"], 2048, *SOURCE_URLS)
    need(isinstance(source["path"], str), "path")
    need_path(source["path"])
    rev = ""
    if "rev" in source:
        _need_text(source["rev"], 255)
        rev = f'rev = "{source["rev"]}", '
    commit = source["commit"]
    need(isinstance(commit, str) and re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", commit), "id")
    _need_hash(source["hash"])
    path = source["path"].replace('"', '\\"')
    return (
        f'source = {{ url = "{source["url"]}", path = "{path}", {rev}'
        f'commit = "{commit}", hash = "{source["hash"]}" }}'
    )


def _external_lines(values: dict[str, Any]) -> list[str]:
    _need_text(values.get("url"), 2048, *EXTERNAL_URLS)
    lines = [f'url = "{values["url"]}"']
    if "objects" not in values:
        return lines + _told(values, {"kind", "url"})
    need(set(values) == {"kind", "url", "objects"}, "keys")
    objects = values["objects"]
    need(isinstance(objects, list) and len(objects) <= 100_000, "objects")
    lines.append("objects = [")
    for one in objects:
        need(isinstance(one, dict) and isinstance(one.get("path"), str), "object")
        for part in one["path"].split("/"):
            need_path(part)
        need_path(one["path"])
        path = one["path"].replace('"', '\\"')
        lines.append(f'  {{ path = "{path}", {", ".join(_told(one, {"path"}))} }},')
    paths = [one["path"].encode() for one in objects]
    need(paths == sorted(set(paths)), "order")
    need_set([one["path"] for one in objects])
    return [*lines, "]"]


def _told(values: dict[str, Any], more: set[str]) -> list[str]:
    """Return what a place told of an object, each as it is written."""
    need({"size_bytes"} <= set(values) <= more | {"size_bytes", "etag", "version"}, "keys")
    size_bytes = values["size_bytes"]
    need(type(size_bytes) is int and 0 <= size_bytes < 2**63, "size")
    parts = [f"size_bytes = {size_bytes}"]
    forms = {"etag": r"[!#-\[\]-~]{1,256}", "version": r"[A-Za-z0-9._:+=/-]{1,1024}"}
    for key, form in forms.items():
        if key in values:
            value = values[key]
            need(isinstance(value, str) and re.fullmatch(form, value), key)
            parts.append(f'{key} = "{value}"')
    return parts


def _entry_lines(entries: object) -> list[str]:
    lines = ["entries = ["]
    need(isinstance(entries, list), "entries")
    assert isinstance(entries, list)
    for entry in entries:
        need(isinstance(entry, dict), "entry")
        need(set(entry) == {"path", "hash", "size_bytes", "mode"}, "keys of an entry")
        need(isinstance(entry["path"], str), "path")
        for part in entry["path"].split("/"):
            need_path(part)
        need_path(entry["path"])
        _need_entry_values(entry)
        path = entry["path"].replace('"', '\\"')
        lines.append(
            f'  {{ path = "{path}", hash = "{entry["hash"]}", '
            f'size_bytes = {entry["size_bytes"]}, mode = "{entry["mode"]}" }},'
        )
    paths = [entry["path"].encode() for entry in entries]
    folders = [entry["mode"] == "040000" for entry in entries]
    places = [path + b"/" * folder for path, folder in zip(paths, folders, strict=True)]
    need(places == sorted(set(places)), "order")
    need_set([entry["path"] for entry in entries])
    return [*lines, "]"]


def _need_entry_values(values: dict[str, Any]) -> None:
    _need_hash(values["hash"])
    need(type(values["size_bytes"]) is int, "size")
    need(values["mode"] in MODES.values(), "mode")
    need_entry(values["mode"], values["size_bytes"])


def _need_hash(value: object) -> None:
    need(isinstance(value, str) and re.fullmatch("blake3:[0-9a-f]{64}", value), "hash")


# Manifests --------------------------------------------------------------------------------------


def read_tree(data: bytes) -> list[dict[str, Any]]:
    """Return a folder's entries: ``{"name", "mode", "hash", "size_bytes"}``."""
    source = _Bytes(data)
    source.magic("mlopsTR")
    count, names_length = source.number(32), source.number(32)
    need(16 + 41 * count + names_length == len(data), "length")
    entries = []
    for _ in range(count):
        code, size_bytes, content = source.number(8), source.number(64), source.take(32)
        need(code in MODES, "mode")
        need_entry(MODES[code], size_bytes)
        entries.append({"mode": MODES[code], "hash": content.hex(), "size_bytes": size_bytes})
    names = source.take(names_length).split(b"\0")
    need(names.pop() == b"" and len(names) == count, "names")
    need(names == sorted(set(names)), "order")
    for entry, name in zip(entries, names, strict=True):
        need(b"/" not in name, "name")
        try:
            entry["name"] = name.decode()
        except UnicodeDecodeError:
            raise NotValid("name") from None
        need_path(str(entry["name"]))
    need_set([str(entry["name"]) for entry in entries])
    return entries


def read_file_manifest(data: bytes) -> dict[str, Any]:
    """Return ``{"size_bytes", "chunks": [{"hash", "size_bytes"}]}``."""
    source = _Bytes(data)
    source.magic("mlopsFI")
    size_bytes, count = source.number(64), source.number(32)
    need(count >= 1 and 20 + 36 * count == len(data), "length")
    chunks = []
    for _ in range(count):
        length = source.number(32)
        need(length >= 1, "empty chunk")
        chunks.append({"size_bytes": length, "hash": source.take(32).hex()})
    need(sum(int(str(chunk["size_bytes"])) for chunk in chunks) == size_bytes, "sum")
    return {"size_bytes": size_bytes, "chunks": chunks}


# Packs ------------------------------------------------------------------------------------------


def read_bars(data: bytes) -> dict[str, tuple[float, str | None]]:
    """Read the bars of gates: by metric, the value and the commit."""
    need(len(data) <= 1 << 20, "size")
    top = tomllib.loads(data.decode())
    if type(top.get("format")) is int and top["format"] > 0:
        raise Newer
    need(set(top) <= {"format", "bar"} and top.get("format") == 0, "its keys")
    found: dict[str, tuple[float, str | None]] = {}
    for row in top.get("bar", []):
        need(set(row) <= {"metric", "value", "commit"}, "the keys of a bar")
        need(row["metric"] not in found, "one bar a metric")
        need(math.isfinite(row["value"]), "a number")
        found[row["metric"]] = (float(row["value"]), row.get("commit"))
    return found


def read_erasure(data: bytes) -> dict[str, Any]:
    """Read an erasure."""
    try:
        values: dict[str, Any] = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise NotValid("not JSON") from error
    need(isinstance(values, dict), "an object")
    if isinstance(values.get("format"), int) and values["format"] > 0:
        raise Newer
    lists = ("erased", "lifted", "pieces")
    need(set(values) == {"at", "by", "format", "here_only", "reason", *lists}, "its keys")
    need(values["format"] == 0 and type(values["here_only"]) is bool, "its values")
    need(isinstance(values["by"], str), "who")
    need(values["reason"] is None or isinstance(values["reason"], str), "why")
    need(max(len(values["by"]), len(values["reason"] or "")) <= 10_000, "short texts")
    need(re.fullmatch(_TIME, str(values["at"])) and values["at"] < "9000", "its time")
    try:
        datetime.fromisoformat(values["at"])
    except ValueError as error:
        raise NotValid("no time") from error
    for key in lists:
        need(isinstance(values[key], list), "lists")
        for one in values[key]:
            _need_hash(one)
        need(values[key] == sorted(set(values[key])), "sorted hashes, each once")
    need(values["erased"] or values["lifted"], "something")
    need(not set(values["erased"]) & set(values["lifted"]), "not both")
    need(EMPTY not in [*values["erased"], *values["pieces"]], "not the empty file")
    need(sum(len(values[key]) for key in lists) <= 500_000, "at most so many")
    text = json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    need(text.encode("utf-8", "backslashreplace") == data, "one encoding")
    return values


def read_record_pack(data: bytes) -> list[dict[str, Any]]:
    """Return every record: ``{"kind", "codec", "offset", "id", "stored_bytes", "plain"}``."""
    source = _Bytes(data)
    source.magic("mlopsPK")
    records: list[dict[str, Any]] = []
    rows = b""
    while data[source.at : source.at + 7] != b"mlopsFT":
        record, row = _read_record(source)
        records.append(record)
        rows += row
    need(records, "no record")
    footer_offset = source.at
    source.magic("mlopsFT")
    need(source.take(52 * len(records)) == rows, "footer")
    trailer = source.take(12)
    need(int.from_bytes(trailer[:8], "big") == footer_offset, "offset of the footer")
    need(int.from_bytes(trailer[8:], "big") == len(records), "number of records")
    need(source.take(16) == blake3(rows + trailer).digest()[:16], "checksum of the footer")
    source.magic("mlopsEN")
    source.end()
    return records


def _read_record(source: _Bytes) -> tuple[dict[str, Any], bytes]:
    offset = source.at
    head = source.take(44)
    checksum = source.take(8)
    kind, codec = head[0], head[1]
    plain_bytes = int.from_bytes(head[4:8], "big")
    stored_bytes = int.from_bytes(head[8:12], "big")
    content = head[12:44]
    need(kind in KINDS and codec in CODECS and head[2:4] == b"\0\0", "kind, codec or zero")
    need(plain_bytes <= KIND_LIMITS[kind], "limit")
    payload = source.take(stored_bytes)
    need(blake3(head + payload).digest()[:8] == checksum, "checksum of a record")
    if CODECS[codec] == "RAW":
        need(stored_bytes == plain_bytes, "lengths")
        plain = payload
    else:
        need(stored_bytes < plain_bytes, "lengths")
        plain = _decompress(payload, plain_bytes)
    if KINDS[kind] in ("CHUNK", "TREE"):
        need(blake3(plain).digest() == content, "id")
    row = head[:12] + offset.to_bytes(8, "big") + content
    return {
        "kind": KINDS[kind],
        "codec": CODECS[codec],
        "offset": offset,
        "id": content.hex(),
        "stored_bytes": stored_bytes,
        "plain": plain,
    }, row


def _decompress(payload: bytes, plain_bytes: int) -> bytes:
    try:
        need(zstandard.frame_content_size(payload) == plain_bytes, "size in the frame")
        frame = zstandard.ZstdDecompressor().decompressobj()
        plain: bytes = frame.decompress(payload)
    except zstandard.ZstdError:
        raise NotValid("frame") from None
    need(frame.eof and not frame.unused_data and len(plain) == plain_bytes, "frame")
    return plain


def read_plain_pack(data: bytes) -> list[dict[str, Any]]:
    """Return a plain pack's chunk table, made by cutting: ``{"offset", "hash", "size_bytes"}``."""
    need(data, "empty")
    table = []
    at = 0
    while at < len(data):
        length = cut(data[at : at + LONGEST])
        content = blake3(data[at : at + length]).hexdigest()
        table.append({"offset": at, "hash": content, "size_bytes": length})
        at += length
    return table


def cut(data: bytes) -> int:
    """Return the length of the first chunk of ``data``."""
    if len(data) <= SHORTEST:
        return len(data)
    end = min(len(data), LONGEST) // 2 * 2
    mean = min(len(data), MEAN) // 2 * 2
    state = 0
    for at in range(SHORTEST, end, 2):
        mask = MASK_BEFORE if at < mean else MASK_AFTER
        state = (state * 4 + 2 * GEAR[data[at]]) % 2**64
        if state & (2 * mask) == 0:
            return at
        state = (state + GEAR[data[at + 1]]) % 2**64
        if state & mask == 0:
            return at + 1
    return min(len(data), LONGEST)


# Index ------------------------------------------------------------------------------------------


def read_index(data: bytes) -> dict[str, Any]:
    """Return ``{"packs": [...], "records": [...]}``, each record with the hash of its pack."""
    source = _Bytes(data)
    source.magic("mlopsIX")
    bits, pack_count, count = source.number(32), source.number(32), source.number(32)
    need(bits == min(24, max(0, len(f"{count:b}") * (count > 0) - 4)), "bits")
    expected = 20 + 41 * pack_count + 4 * (2**bits + 1) + 54 * count + 32
    need(len(data) == expected, "length")
    packs = []
    for _ in range(pack_count):
        pack = {"hash": source.take(32).hex(), "size_bytes": source.number(64)}
        plain = source.number(8)
        need(plain in (0, 1), "sort of pack")
        packs.append({**pack, "plain": plain == 1})
    hashes = [str(pack["hash"]) for pack in packs]
    need(hashes == sorted(set(hashes)), "order of packs")
    fan = [source.number(32) for _ in range(2**bits + 1)]
    ids = [source.take(32) for _ in range(count)]
    rows = [source.take(22) for _ in range(count)]
    need(source.take(32) == blake3(data[:-32]).digest(), "checksum")
    source.end()
    lines = [content + row for content, row in zip(ids, rows, strict=True)]
    need(lines == sorted(set(lines)), "order of records")
    buckets = [int.from_bytes(content, "big") >> (256 - bits) for content in ids]
    for number, below in enumerate(fan):
        need(below == sum(bucket < number for bucket in buckets), "fan-out")
    return {"packs": packs, "records": [_index_record(line, packs) for line in lines]}


def _index_record(line: bytes, packs: list[dict[str, Any]]) -> dict[str, Any]:
    source = _Bytes(line)
    content, kind, number = source.take(32), source.number(8), source.number(32)
    offset, codec = source.number(64), source.number(8)
    stored_bytes, plain_bytes = source.number(32), source.number(32)
    need(kind in KINDS and codec in CODECS and number < len(packs), "kind, codec or pack")
    need(stored_bytes <= plain_bytes <= KIND_LIMITS[kind], "lengths")
    pack = packs[number]
    if pack["plain"]:
        need(KINDS[kind] == "CHUNK" and CODECS[codec] == "RAW", "in a plain pack")
        need(stored_bytes == plain_bytes, "lengths in a plain pack")
    end = offset + stored_bytes + (0 if pack["plain"] else 52)
    need(end <= pack["size_bytes"], "outside its pack")
    return {
        "id": content.hex(),
        "kind": KINDS[kind],
        "codec": CODECS[codec],
        "pack": pack["hash"],
        "offset": offset,
        "stored_bytes": stored_bytes,
        "plain_bytes": plain_bytes,
    }


def read_journal(data: bytes) -> list[list[dict[str, Any]]]:
    """Return the lines of each journal in ``data``."""
    need(data.endswith(b"\n"), "its last line has no end")
    journals: list[list[dict[str, Any]]] = []
    check = ""
    for line in data.decode("utf-8")[:-1].split("\n"):
        digits, _, body = line.partition(" ")
        told: dict[str, Any] = json.loads(body)
        need(json.dumps(told, ensure_ascii=False, separators=(",", ":")) == body, "another form")
        if told["what"] == "session":
            need(told["format"] == 0, "another version")
            journals.append([])
            check = ""
        check = blake3((check + body).encode()).hexdigest()[:16]
        need(digits == check, "a line was changed")
        if told["what"] == "source" and not told.get("cut"):
            digest = blake3(told["text"].encode()).hexdigest()
            need(told["hash"] == f"blake3:{digest}", "a source has another hash")
        journals[-1].append(told)
    return journals


# Series of a run ----------------------------------------------------------------------------------

_SERIES_KEYS = {
    "values": ["at", "step", "values"],
    "params": ["at", "params"],
    "system": ["at", "system"],
    "environment": ["at", "environment"],
    "kept": ["at", "kept"],
    "uses": ["at", "uses"],
    "note": ["at", "note"],
    "tags": ["at", "tags"],
    "end": ["at", "end"],
}
_SERIES_INNER = {
    "kept": ["kind", "name", "file", "media_type", "size_bytes", "step"],
    "uses": ["path", "hash", "state"],
}


def read_series(data: bytes) -> list[dict[str, Any]]:
    """Return the lines of a series that has no cut line and nothing to be passed over."""
    need(data.endswith(b"\n"), "its last line has no end")
    first, *others = [json.loads(line) for line in data.decode("utf-8")[:-1].split("\n")]
    if first["format"] > 0:
        raise Newer(first["format"])
    keys = ["format", "run", "id", "began_at", "owner", "commit", "branch", "source"]
    need(list(first) == keys, "keys of the first line")
    need(re.fullmatch("[g-z][a-z2-7]{11}", first["id"]), "id")
    need(len(first["owner"].split(".")) == 5, "owner")
    for line in others:
        (kind,) = line.keys() & _SERIES_KEYS.keys()
        failed = line.get("end") == "failed"
        need(list(line) == _SERIES_KEYS[kind] + (["why"] if failed else []), "keys")
        if kind in _SERIES_INNER:
            need(list(line[kind]) == _SERIES_INNER[kind], "inner keys")
        if kind in ("values", "system"):
            for value in line[kind].values():
                spelled = value in ("NaN", "Infinity", "-Infinity")
                need(spelled or type(value) in (int, float), "no number")
        need(kind != "end" or line["end"] in ("done", "failed"), "end")
    return [first, *others]
