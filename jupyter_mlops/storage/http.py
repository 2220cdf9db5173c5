"""Objects that a web server shows, read only."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.storage import failures, names
from jupyter_mlops.storage.backend import READ_LIMIT_BYTES, ByteRange, StoredObject
from jupyter_mlops.storage.content import Advance, Content
from jupyter_mlops.storage.etags import make_etag, parse_etag
from jupyter_mlops.storage.http_session import HttpSession, modified_at
from jupyter_mlops.storage.ranges import read_spans
from jupyter_mlops.storage.settings import RemoteSettings
from jupyter_mlops.storage.url import RemoteUrl
from jupyter_mlops.storage.web_listing import parse_links, parse_size

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

LISTING_LIMIT_BYTES = 64 << 20

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII)
_SKIP_BYTES = 1 << 20


class HttpBackend:
    """A :class:`~jupyter_mlops.storage.backend.Backend` that only reads.

    It lists by the pages of links that servers make of folders.
    """

    def __init__(self, where: RemoteUrl, settings: RemoteSettings) -> None:
        self._session = HttpSession(where, settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """The URL of the folder."""
        return self._session.place

    def read(self, name: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
        """Return the whole object."""
        names.check(name)
        with self._session.request("GET", name, doing="read it", expected=(200,)) as response:
            return self._session.read_body(response, name, limit_bytes)

    def read_ranges(
        self, name: str, ranges: Sequence[ByteRange], *, expected: StoredObject | None = None
    ) -> list[bytes]:
        """Return the bytes of each range; a server without ranges sends the whole each time."""
        names.check(name)
        return read_spans(ranges, lambda span: self._read_span(name, span, expected))

    def put(self, name: str, content: Content, *, advance: Advance | None = None) -> None:
        """Refuse."""
        names.check(name)
        raise failures.read_only(self.place)

    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        """Refuse."""
        names.check(name)
        raise failures.read_only(self.place)

    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield what the pages of ``prefix`` and of the folders below it link to."""
        names.check_prefix(prefix)
        is_empty = True
        waiting = [prefix]
        while waiting:
            folder = waiting.pop()
            try:
                links = self._read_links(folder)
            except NotFoundError as error:
                if folder == "":
                    raise failures.place_missing(self.place, "folder") from error
                continue
            for name in links:
                is_empty = False
                path = name.rstrip("/")
                if names.is_staged(path):
                    continue
                names.check_listed(path, self.place)
                if name.endswith("/"):
                    waiting.append(path)
                    continue
                try:
                    found = self.stat(name)
                except NotFoundError:  # it was deleted just now
                    continue
                yield found
        if is_empty:  # any page without links looks like an empty folder
            self._find_nothing()

    def stat(self, name: str) -> StoredObject:
        """Return what a HEAD request tells."""
        names.check(name)
        with self._session.request("HEAD", name, doing="read it", expected=(200,)) as response:
            size_bytes = parse_size(response.headers.get("Content-Length"))
            if size_bytes is None:
                raise failures.remote_failed(self.place, f"it tells no size of {name}")
            return _told(response, name, size_bytes)

    def delete(self, name: str) -> None:
        """Refuse."""
        names.check(name)
        raise failures.read_only(self.place)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _find_nothing(self) -> None:
        """Ask for an object that nobody has; raise unless the answer is that it is missing."""
        with suppress(NotFoundError):
            self.stat(secrets.token_hex(16))
            raise failures.foreign_answer(self.place)

    def _read_span(self, name: str, span: ByteRange, expected: StoredObject | None) -> bytes:
        with self._session.request(
            "GET",
            name,
            doing="read it",
            expected=(200, 206, 416),
            headers={"Range": f"bytes={span.offset}-{span.end - 1}"},
        ) as response:
            found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if expected is not None:
                length = found[3] if found else response.headers.get("Content-Length")
                size_bytes = parse_size(length)
                now = _told(
                    response, name, expected.size_bytes if size_bytes is None else size_bytes
                )
                if response.status == 416 or not expected.is_now(now):
                    raise failures.object_changed(self.place, name)
            if response.status == 416:
                raise failures.object_too_short(self.place, name, span.end)
            if response.status == 200:
                return self._cut(response, name, span)
            if found is None or int(found[1]) != span.offset or int(found[2]) >= span.end:
                raise failures.cut_short(self.place, name)
            if int(found[2]) + 1 < span.end:
                raise failures.object_too_short(self.place, name, span.end)
            read = self._session.read_body(response, name, span.size_bytes)
            if len(read) != span.size_bytes:
                raise failures.cut_short(self.place, name)
            return read

    def _cut(self, response: BaseHTTPResponse, name: str, span: ByteRange) -> bytes:
        """Return ``span`` of the whole object, and let go what comes after it."""
        skipped = 0
        while skipped < span.offset:
            part = response.read(min(span.offset - skipped, _SKIP_BYTES))
            if not part:
                raise failures.object_too_short(self.place, name, span.end)
            skipped += len(part)
        read = b""
        while len(read) < span.size_bytes:
            part = response.read(span.size_bytes - len(read))
            if not part:
                raise failures.object_too_short(self.place, name, span.end)
            read += part
        response.close()
        return read

    def _read_links(self, folder: str) -> list[str]:
        """Return the names that the page of ``folder`` links to, of folders with a slash."""
        with self._session.request(
            "GET", folder, folder=True, doing="list it", expected=(200,)
        ) as response:
            if not response.headers.get("Content-Type", "").lower().startswith("text/html"):
                raise failures.no_listing(self.place)
            page = self._session.read_body(response, folder, LISTING_LIMIT_BYTES)
        steps = parse_links(page, self._session.url(folder, folder=True))
        return [f"{folder}/{step}" if folder else step for step in steps]


def _told(response: BaseHTTPResponse, name: str, size_bytes: int) -> StoredObject:
    """Return what an answer tells of the object that it is about."""
    written = modified_at(response)
    etag = parse_etag(response.headers.get("ETag"))
    if etag is None and written is not None:
        etag = make_etag(int(written.timestamp()), size_bytes)
    return StoredObject(name, size_bytes, written, etag)
