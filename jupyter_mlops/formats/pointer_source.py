"""Where imported content comes from, as a pointer file says it; docs/formats/pointer.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jupyter_mlops.formats.names import check_characters, check_path, show
from jupyter_mlops.ids import Hash, format_hash

MAX_URL_BYTES = 2048
MAX_REV_BYTES = 255

_TEXT = r'[^"\\\n]+'
_PATH = r'(?:[^"\\\n]|\\")+'
_LINE = re.compile(
    rf'source = \{{ url = "({_TEXT})", path = "({_PATH})", (?:rev = "({_TEXT})", )?'
    r'commit = "([0-9a-f]{40}|[0-9a-f]{64})", hash = "blake3:([0-9a-f]{64})" \}\n'
)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HASH = re.compile(r"blake3:[0-9a-f]{64}")
_KEYS = ("url", "path", "rev", "commit", "hash")

_WEB = re.compile(r"https?://[^/@?# ]+(/[^?#]*)?")
_HOST = re.compile(r"(ssh|git)://([A-Za-z0-9_][^/@: ]*@)?[A-Za-z0-9\[][^/@ ]*/.+")
_SCP = re.compile(r"([A-Za-z0-9_][^/@: ]*@)?[A-Za-z0-9][A-Za-z0-9._-]+:(?!:|//).+")
_FOLDER = re.compile(r"(file://)?/.*|[A-Za-z]:/.+")
_PASSWORD = re.compile(r"[^/]*://[^/]*:[^/]*@|https?://[^/]*@")


@dataclass(frozen=True, slots=True)
class ImportSource:
    """What of which project a tracked path is a copy of.

    ``rev`` is the revision that was asked for, None for the project's HEAD; ``commit`` the one that
    it was; ``hash`` the BLAKE3 of what was there: of a file's bytes or of a folder's manifest.
    """

    url: str
    path: str
    rev: str | None
    commit: str
    hash: Hash


def check_source_url(url: str) -> None:
    """Let the URL or folder of a Git repository pass.

    Raises:
        ValueError: with the reason, which completes "the URL … is refused:"; such a reason holds
            nothing of the URL, as there may be a password in it.
    """
    if _PASSWORD.match(url):
        raise ValueError("it holds a user or a password; Git's credential helpers keep those")
    check_text(url, MAX_URL_BYTES)
    if not any(form.fullmatch(url) for form in (_WEB, _HOST, _SCP, _FOLDER)):
        raise ValueError("it is none of https://, http://, ssh://, git://, HOST:PATH or a folder")


def check_text(text: str, limit_bytes: int) -> None:
    """Let ``text`` pass where it may stand between quotation marks in a pointer file.

    Raises:
        ValueError: with the reason.
    """
    if not text:
        raise ValueError("it is empty")
    check_characters(text)
    if '"' in text:
        raise ValueError("it holds a quotation mark")
    if len(text.encode()) > limit_bytes:
        raise ValueError(f"it is longer than {limit_bytes} bytes")
    if text.startswith("-"):
        raise ValueError("it begins with a hyphen")


def encode_source(source: ImportSource) -> str:
    """Return the line of a pointer file.

    Raises:
        ValueError: what :func:`parse_source` would refuse.
    """
    _check(source)
    path = source.path.replace('"', '\\"')
    rev = f'rev = "{source.rev}", ' if source.rev is not None else ""
    return (
        f'source = {{ url = "{source.url}", path = "{path}", {rev}'
        f'commit = "{source.commit}", hash = "{format_hash(source.hash)}" }}\n'
    )


def parse_source(text: str, position: int) -> tuple[ImportSource | None, int]:
    """Return the source that a line at ``position`` says, and where the next one begins.

    None where that line says no source in the one form.

    Raises:
        ValueError: it has the form, but what it says is not allowed.
    """
    match = _LINE.match(text, position)
    if match is None:
        return None, position
    url, path, rev, commit, digits = match.groups()
    source = ImportSource(url, path.replace('\\"', '"'), rev, commit, Hash(bytes.fromhex(digits)))
    _check(source)
    return source, match.end()


def explain_source(value: object) -> str | None:
    """Return what is wrong with a parsed value of ``source``, None where nothing is."""
    if not isinstance(value, Mapping):
        return "its source is not a table"
    for key in value:
        if key not in _KEYS:
            return f"its source has the unknown key {show(key)}"
    for key in _KEYS:
        if key not in value and key != "rev":
            return f"its source has no {key}"
        if not isinstance(value.get(key, ""), str):
            return f"the {key} of its source is no text"
    if not _COMMIT.fullmatch(value["commit"]):
        return f"the commit of its source {show(value['commit'])} is not the full id of one"
    if not _HASH.fullmatch(value["hash"]):
        return "the hash of its source is not 'blake3:' and 64 hexadecimal digits"
    try:
        digest = Hash(bytes.fromhex(value["hash"].partition(":")[2]))
        _check(ImportSource(value["url"], value["path"], value.get("rev"), value["commit"], digest))
    except ValueError as error:
        return str(error)
    return None


def _check(source: ImportSource) -> None:
    try:
        check_source_url(source.url)
    except ValueError as error:
        raise ValueError(f"the URL of its source is refused: {error}") from None
    try:
        check_path(source.path)
    except ValueError as error:
        raise ValueError(f"the path of its source is refused: {error}") from None
    if source.rev is not None:
        try:
            check_text(source.rev, MAX_REV_BYTES)
        except ValueError as error:
            raise ValueError(f"the revision of its source is refused: {error}") from None
    if not _COMMIT.fullmatch(source.commit):
        raise ValueError("the commit of its source is not the full id of one")
