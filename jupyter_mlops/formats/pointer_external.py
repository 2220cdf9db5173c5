"""Pointers to data that stays where it is; docs/formats/pointer.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jupyter_mlops.formats.names import check_name, check_names, check_path, show
from jupyter_mlops.formats.pointer_source import MAX_URL_BYTES, check_text

MAX_SIZE_BYTES = 2**63 - 1
MAX_OBJECTS = 100_000
"""How many objects a pointer names at most."""

_ETAG = r"[\x21\x23-\x5b\x5d-\x7e]{1,256}"
_VERSION = r"[A-Za-z0-9._:+=/-]{1,1024}"
_SIZE = r"(0|[1-9][0-9]{0,18})"
_URL_LINE = re.compile(r'url = "([^"\\\n]+)"\n')
_ONE = re.compile(
    rf'size_bytes = {_SIZE}\n(?:etag = "({_ETAG})"\n)?(?:version = "({_VERSION})"\n)?'
)
_OPEN = "objects = [\n"
_CLOSE = "]\n"
_OBJECT_LINE = re.compile(
    rf'  \{{ path = "((?:[^"\\\n]|\\")+)", size_bytes = {_SIZE}'
    rf'(?:, etag = "({_ETAG})")?(?:, version = "({_VERSION})")? \}},\n'
)
_URL = re.compile(
    r"(s3|gs|az|https?|webdav\+https?)://[^/@?#]+(/[^?#]*)?|ssh://([^/@:?#]+@)?[^/@?#]+(/[^?#]*)?"
    r"|file:///[^?#]*|/.*|[A-Za-z]:/.+"
)
_PASSWORD = re.compile(r"[^/]*://[^/]*:[^/]*@|(?!ssh:)[^/]*://[^/]*@")
_KEYS = ("url", "size_bytes", "etag", "version", "objects")
_OBJECT_KEYS = ("path", "size_bytes", "etag", "version")


class ExternalObject(NamedTuple):
    """One object as its place told it when it was looked at."""

    size_bytes: int
    etag: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class ExternalPointer:
    """Names what stays at ``url``: the object there, or all objects below it.

    ``objects`` are by path below the URL; the one object at the URL itself has the key ``""`` and
    stands alone.
    """

    url: str
    objects: Mapping[str, ExternalObject]

    @property
    def is_folder(self) -> bool:
        """Whether it names what is below its URL."""
        return "" not in self.objects

    @property
    def size_bytes(self) -> int:
        """The bytes of all objects."""
        return sum(one.size_bytes for one in self.objects.values())


def check_external_url(url: str) -> None:
    """Let the URL of a place pass by its form.

    Raises:
        ValueError: with the reason, which completes "the URL … is refused:".
    """
    if _PASSWORD.match(url):
        raise ValueError("it holds a user or a password; credentials never stand in a URL")
    check_text(url, MAX_URL_BYTES)
    if not _URL.fullmatch(url):
        raise ValueError("it is no URL of a place")


def encode_external(pointer: ExternalPointer) -> str:
    """Return what follows the kind in a pointer file.

    Raises:
        ValueError: what :func:`parse_external` would refuse.
    """
    _check(pointer)
    url = f'url = "{pointer.url}"\n'
    if not pointer.is_folder:
        one = pointer.objects[""]
        etag = f'etag = "{one.etag}"\n' if one.etag is not None else ""
        version = f'version = "{one.version}"\n' if one.version is not None else ""
        return f"{url}size_bytes = {one.size_bytes}\n{etag}{version}"
    lines = [_object_line(path, one) for path, one in sorted(pointer.objects.items())]
    return "".join([url, _OPEN, *lines, _CLOSE])


def parse_external(text: str, position: int) -> ExternalPointer | None:
    """Return the pointer if ``text`` has the one form from ``position`` on, None if not.

    Raises:
        ValueError: it has the form, but what it says is not allowed.
    """
    url = _URL_LINE.match(text, position)
    if url is None:
        return None
    if not text.startswith(_OPEN, url.end()):
        match = _ONE.fullmatch(text, url.end())
        if match is None:
            return None
        pointer = ExternalPointer(url[1], {"": _object(*match.groups())})
        _check(pointer)
        return pointer
    position = url.end() + len(_OPEN)
    objects: dict[str, ExternalObject] = {}
    previous = ""
    while match := _OBJECT_LINE.match(text, position):
        path = match[1].replace('\\"', '"')
        if path <= previous:
            twice = path in objects
            raise ValueError(
                f"{show(path)} stands " + ("there twice" if twice else f"after {show(previous)}")
            )
        objects[path] = _object(*match.groups()[1:])
        if len(objects) > MAX_OBJECTS:
            raise ValueError(f"it names more than {MAX_OBJECTS:,} objects")
        position, previous = match.end(), path
    if text[position:] != _CLOSE:
        return None
    pointer = ExternalPointer(url[1], objects)
    _check(pointer)
    return pointer


def explain_external(values: Mapping[str, object]) -> str | None:
    """Return what is wrong with the parsed values of an external pointer, None where nothing is."""
    for key in values:
        if key not in (*_KEYS, "format", "kind"):
            return f"it has the unknown key {show(key)}"
    url = values.get("url")
    if not isinstance(url, str):
        return "it has no url"
    try:
        check_external_url(url)
    except ValueError as error:
        return f"its URL is refused: {error}"
    if ("objects" in values) == ("size_bytes" in values):
        return "it has either objects or a size_bytes, one of them"
    if "objects" not in values:
        return _explain_object(values, "it")
    objects = values["objects"]
    if not isinstance(objects, list):
        return "its objects are not a list"
    for number, one in enumerate(objects, 1):
        if not isinstance(one, dict):
            return f"its object {number} is not a table"
        where = f"its object {show(one.get('path', number))}"
        for key in one:
            if key not in _OBJECT_KEYS:
                return f"{where} has the unknown key {show(key)}"
        path = one.get("path")
        if not isinstance(path, str) or not path:
            return f"{where} has no path"
        reason = _explain_object(one, where)
        if reason:
            return reason
    return None


def _explain_object(values: Mapping[str, object], where: str) -> str | None:
    size_bytes = values.get("size_bytes")
    if (
        isinstance(size_bytes, bool)
        or not isinstance(size_bytes, int)
        or not 0 <= size_bytes <= MAX_SIZE_BYTES
    ):
        return f"{where} has the size_bytes {show(size_bytes)}"
    for key in ("etag", "version"):
        value = values.get(key, "x")
        form = _ETAG if key == "etag" else _VERSION
        if not isinstance(value, str) or not re.fullmatch(form, value, re.ASCII):
            return f"{where} has the {key} {show(value)}"
    return None


def _object(size_bytes: str, etag: str | None, version: str | None) -> ExternalObject:
    return ExternalObject(int(size_bytes), etag, version)


def _object_line(path: str, one: ExternalObject) -> str:
    quoted = path.replace('"', '\\"')
    etag = f', etag = "{one.etag}"' if one.etag is not None else ""
    version = f', version = "{one.version}"' if one.version is not None else ""
    return f'  {{ path = "{quoted}", size_bytes = {one.size_bytes}{etag}{version} }},\n'


def _check(pointer: ExternalPointer) -> None:
    try:
        check_external_url(pointer.url)
    except ValueError as error:
        raise ValueError(f"its URL is refused: {error}") from None
    if not pointer.is_folder and len(pointer.objects) > 1:
        raise ValueError("an object at the URL itself stands alone")
    if len(pointer.objects) > MAX_OBJECTS:
        raise ValueError(f"it names more than {MAX_OBJECTS:,} objects")
    for path, one in pointer.objects.items():
        try:
            if path:
                check_path(path)
                for name in path.split("/") if ":" in path else ():
                    check_name(name)
            _check_object(one)
        except ValueError as error:
            raise ValueError(f"the object {show(path)} is refused: {error}") from None
    if pointer.is_folder:
        check_names(pointer.objects.keys())


def _check_object(one: ExternalObject) -> None:
    if not 0 <= one.size_bytes <= MAX_SIZE_BYTES:
        raise ValueError(f"its size {one.size_bytes} is not between 0 and 2**63 - 1")
    if one.etag is not None and not re.fullmatch(_ETAG, one.etag, re.ASCII):
        raise ValueError("its ETag is none")
    if one.version is not None and not re.fullmatch(_VERSION, one.version, re.ASCII):
        raise ValueError("its version is none")
