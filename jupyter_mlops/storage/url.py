"""URLs of remotes: what ``mlops.toml`` may say of where one is."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal, NoReturn
from urllib.parse import SplitResult, unquote, urlsplit

from jupyter_mlops.errors import UsageError
from jupyter_mlops.formats.names import check_path, show

Kind = Literal["file", "s3", "gs", "az", "ssh", "http", "webdav"]

_BUCKETS: dict[str, Kind] = {"s3": "s3", "gs": "gs", "az": "az"}
_BUCKET = re.compile(r"[a-z0-9$][a-z0-9._-]{1,221}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})|[0-9a-fA-F:]{2,45}", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}", re.ASCII)
_FORMS = (
    "an absolute path, file:///PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX,"
    " ssh://[USER@]HOST[:PORT]/PATH, https://HOST/PATH or webdav+https://HOST/PATH"
)


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """Where a remote is, taken apart; ``text`` is what messages show.

    ``host`` is the bucket or container of an object store, "" for a folder. ``path`` is absolute
    for a folder, and a prefix of names without a slash at either end elsewhere; ``~/`` begins it
    where it is below the home of the user at an ``ssh`` host.
    """

    kind: Kind
    text: str
    host: str = ""
    path: str = ""
    port: int | None = None
    user: str | None = None
    secure: bool = True


def parse_url(text: str) -> RemoteUrl:
    """Return what ``text`` says.

    Raises:
        UsageError: it is none of the forms, or holds a password, a query or a fragment; code
            ``remote-url``.
    """
    if os.path.isabs(text):
        return RemoteUrl("file", text, path=text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        _refuse(text, "it is no URL")
    if parts.password is not None:
        _refuse(None, "it holds a password; credentials never stand in a URL")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        _refuse(None, "it holds a query or a fragment")
    path = _path(parts, text)
    if parts.scheme == "file":
        if parts.netloc or not os.path.isabs(path):
            _refuse(text, "file:// needs an absolute path and no host")
        return RemoteUrl("file", text, path=path)
    host = parts.hostname or ""
    prefix = path.strip("/")
    _check_prefix(prefix, text)
    if kind := _BUCKETS.get(parts.scheme):
        if parts.netloc != host or not _BUCKET.fullmatch(host):
            _refuse(text, "it names no bucket")
        return RemoteUrl(kind, text, host, prefix)
    if not _HOST.fullmatch(host):
        _refuse(text, "it names no host")
    if parts.scheme == "ssh":
        if parts.username is not None and not _USER.fullmatch(parts.username):
            _refuse(text, "it names no user of that form")
        if not prefix.startswith("~/"):
            prefix = f"/{prefix}"
        return RemoteUrl("ssh", text, host, prefix, port, parts.username)
    if parts.username is not None:
        _refuse(text, "a user stands in git config mlops.remote.NAME.user, not in the URL")
    match parts.scheme:
        case "https" | "http":
            return RemoteUrl("http", text, host, prefix, port, secure=parts.scheme == "https")
        case "webdav+https" | "webdav+http":
            secure = parts.scheme == "webdav+https"
            return RemoteUrl("webdav", text, host, prefix, port, secure=secure)
    _refuse(text, "it is of no kind that is known")


def _path(parts: SplitResult, text: str) -> str:
    """Return the path with ``%20`` and the like taken back."""
    try:
        return unquote(parts.path, errors="strict")
    except UnicodeDecodeError:
        _refuse(text, "its path is not UTF-8")


def _check_prefix(prefix: str, text: str) -> None:
    if prefix:
        try:
            check_path(prefix.removeprefix("~/") or "home")
        except ValueError as error:
            _refuse(text, f"of its path, {error}")


def _refuse(text: str | None, reason: str) -> NoReturn:
    named = f" {show(text)}" if text else ""
    raise UsageError(
        f"The remote's URL{named} is refused: {reason}.",
        code="remote-url",
        hints=(f"Write it as {_FORMS}.",),
    )
