"""Objects on a web server that takes them: WebDAV (RFC 4918)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import unquote

from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.storage import failures, names
from jupyter_mlops.storage.backend import StoredObject
from jupyter_mlops.storage.content import Advance, Content, iter_parts, size_of
from jupyter_mlops.storage.http import LISTING_LIMIT_BYTES, HttpBackend
from jupyter_mlops.storage.http_session import modified_at
from jupyter_mlops.storage.settings import RemoteSettings
from jupyter_mlops.storage.url import RemoteUrl
from jupyter_mlops.storage.web_listing import parse_multistatus, parse_size

_ASKED = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getcontentlength/><getlastmodified/>'
    b"<getetag/><resourcetype/></prop></propfind>"
)
_DONE = (200, 201, 204)
_NOT_MADE = frozenset({404, 409})
_SENT_BYTES = 1 << 20
_FORGOTTEN = timedelta(days=1)


class WebDavBackend(HttpBackend):
    """A :class:`~jupyter_mlops.storage.backend.Backend` by PUT, MOVE and PROPFIND.

    Each object is sent below ``tmp/``, looked at, and moved to its name. How durable it is then,
    is the server's affair.
    """

    def __init__(self, where: RemoteUrl, settings: RemoteSettings) -> None:
        super().__init__(where, settings)
        self._lock = threading.Lock()
        self._has_staging = False

    def put(self, name: str, content: Content, *, advance: Advance | None = None) -> None:
        """Send the object and move it over what is there."""
        self._put(name, content, advance, overwrite=True)

    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        """Send the object and move it to its name, which the server refuses where that is taken."""
        names.check(name)
        with suppress(NotFoundError):
            self.stat(name)
            return False
        return self._put(name, content, advance, overwrite=False)

    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object below ``prefix``; one request for each folder."""
        names.check_prefix(prefix)
        waiting = [prefix]
        while waiting:
            folder = waiting.pop()
            try:
                found, _ = self._list(folder)
            except NotFoundError:
                self._check_base()
                continue
            for name, entry in found:
                if names.is_staged(name):
                    continue
                names.check_listed(name, self.place)
                if entry is None:
                    waiting.append(name)
                else:
                    yield entry

    def delete(self, name: str) -> None:
        """Delete the object."""
        names.check(name)
        self._delete(name)

    def _put(
        self, name: str, content: Content, advance: Advance | None, *, overwrite: bool
    ) -> bool:
        names.check(name)
        self._prepare()
        staged = f"{names.STAGING_FOLDER}/{secrets.token_hex(16)}"
        try:
            self._send(staged, content, advance)
            if self._size(staged) != size_of(content):
                raise failures.cut_short(self.place, name)
            done = self._move(staged, name, overwrite=overwrite)
        except BaseException:
            with suppress(MlopsError):
                self._delete(staged)
            raise
        if not done:
            self._delete(staged)
        return done

    def _send(self, staged: str, content: Content, advance: Advance | None) -> None:
        headers = {
            "Content-Length": str(size_of(content)),
            "Content-Type": "application/octet-stream",
        }
        body = iter_parts(content, _SENT_BYTES, advance)
        self._write("PUT", staged, headers=headers, body=body)

    def _size(self, staged: str) -> int | None:
        with self._session.request("HEAD", staged, doing="read it", expected=(200,)) as response:
            return parse_size(response.headers.get("Content-Length"))

    def _move(self, staged: str, name: str, *, overwrite: bool) -> bool:
        headers = {
            "Destination": self._session.url(name),
            "Overwrite": "T" if overwrite else "F",
        }
        expected = (*_DONE, 412, *_NOT_MADE)
        status = self._write("MOVE", staged, headers=headers, expected=expected)
        if status in _NOT_MADE:
            self._make_folders(name.rpartition("/")[0])
            status = self._write("MOVE", staged, headers=headers, expected=(*_DONE, 412))
        return status != 412

    def _make_folders(self, folder: str) -> None:
        parts = folder.split("/") if folder else []
        for count in range(1, len(parts) + 1):
            self._make_folder("/".join(parts[:count]))

    def _make_folder(self, folder: str) -> None:
        """Make it; servers answer 405 where it is there."""
        self._write("MKCOL", folder, folder=True, expected=(*_DONE, 405))

    def _prepare(self) -> None:
        """Make the staging folder, and clear it of what dead writers left there, once."""
        with self._lock:
            if self._has_staging:
                return
            try:
                found, now = self._list(names.STAGING_FOLDER)
            except NotFoundError:
                self._check_base()
                self._make_folder(names.STAGING_FOLDER)
            else:
                for name, entry in found:
                    if entry and _is_forgotten(entry, now):
                        self._delete(name)
            self._has_staging = True

    def _check_base(self) -> None:
        try:
            self._list("")
        except NotFoundError as error:
            raise failures.place_missing(self.place, "folder") from error

    def _list(self, folder: str) -> tuple[list[tuple[str, StoredObject | None]], datetime | None]:
        """Return what lies directly in ``folder``, None for folders, and the server's time."""
        with self._session.request(
            "PROPFIND",
            folder,
            folder=True,
            doing="list it",
            expected=(207, 405, 501),
            headers={"Depth": "1", "Content-Type": "application/xml"},
            body=_ASKED,
        ) as response:
            if response.status != 207:
                raise failures.no_listing(self.place)
            text = self._session.read_body(response, folder, LISTING_LIMIT_BYTES)
            now = modified_at(response, "Date")
        base = unquote(self._session.base_path)
        try:
            members = parse_multistatus(text, f"{base}{folder}/" if folder else base)
        except ValueError as error:
            raise failures.listing_refused(self.place, str(error)) from error
        found: list[tuple[str, StoredObject | None]] = []
        for member in members:
            name = f"{folder}/{member.step}" if folder else member.step
            entry = None
            if member.size_bytes is not None:
                entry = StoredObject(name, member.size_bytes, member.modified_at, member.etag)
            found.append((name, entry))
        return found, now

    def _delete(self, name: str) -> None:
        self._write("DELETE", name, expected=(*_DONE, 404))

    def _write(
        self,
        method: str,
        name: str,
        *,
        folder: bool = False,
        expected: tuple[int, ...] = _DONE,
        headers: dict[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
    ) -> int:
        """Send a request that changes something; return its status."""
        with self._session.request(
            method,
            name,
            folder=folder,
            doing="write to it",
            expected=(*expected, 405, 501),
            headers=headers,
            body=body,
        ) as response:
            if response.status in {405, 501} and response.status not in expected:
                raise failures.read_only(self.place)
            return response.status


def _is_forgotten(entry: StoredObject, now: datetime | None) -> bool:
    return bool(now and entry.modified_at and now - entry.modified_at > _FORGOTTEN)
