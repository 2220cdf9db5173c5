"""Objects in S3 and what is compatible with it, in Google Cloud Storage and in Azure Blob Storage.

obstore (the Rust crate object_store) speaks with them, without holding the GIL.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

from jupyter_mlops.errors import IntegrityError, NotFoundError
from jupyter_mlops.storage import failures, names
from jupyter_mlops.storage.backend import READ_LIMIT_BYTES, ByteRange, StoredObject
from jupyter_mlops.storage.content import Advance, Content, iter_parts, read_whole, size_of
from jupyter_mlops.storage.etags import parse_etag
from jupyter_mlops.storage.object_store_errors import (
    LISTING,
    ends_before,
    is_conflict,
    translate,
)
from jupyter_mlops.storage.object_store_open import open_store
from jupyter_mlops.storage.ranges import read_spans
from jupyter_mlops.storage.settings import RemoteSettings
from jupyter_mlops.storage.url import RemoteUrl

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta, PutMode

SINGLE_PUT_BYTES = 40 << 20
"""What is larger goes up in parts; a pack, and most plain packs, in one request."""

_PART_BYTES = 16 << 20
_MAX_PARTS = 9_000
_PARTS_AT_ONCE = 4
_LISTED_AT_ONCE = 1_000
_VERSION = re.compile(r"[A-Za-z0-9._:+=/-]{1,1024}", re.ASCII)
_GONE = ("remote-object-missing", "object-too-short")

_T = TypeVar("_T")


class ObjectStoreBackend:
    """A :class:`~jupyter_mlops.storage.backend.Backend` of one bucket or container."""

    def __init__(self, where: RemoteUrl, settings: RemoteSettings) -> None:
        self._where = where
        self._store = open_store(where, settings)
        self._is_there = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """The URL of the bucket and prefix."""
        return self._where.text

    def read(self, name: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
        """Return the whole object."""
        names.check(name)

        def read() -> bytes:
            result = self._store.get(name)
            size_bytes = result.meta["size"]
            if size_bytes > limit_bytes:
                raise failures.object_too_big(self.place, name, limit_bytes)
            return self._checked(result, name, size_bytes)

        return self._call(read, name, "read it")

    def read_ranges(
        self, name: str, ranges: Sequence[ByteRange], *, expected: StoredObject | None = None
    ) -> list[bytes]:
        """Return the bytes of each range."""
        names.check(name)
        return read_spans(ranges, lambda span: self._read_span(name, span, expected))

    def put(self, name: str, content: Content, *, advance: Advance | None = None) -> None:
        """Upload it in one request, or in parts that become the object all at once."""
        names.check(name)
        if size_of(content) > SINGLE_PUT_BYTES:
            self._put_parts(name, content, advance)
        else:
            self._put_whole(name, content, advance, create=False)

    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        """Upload it on condition that nothing is there.

        What goes up in parts is looked for first: parts have no such condition.
        """
        names.check(name)
        if size_of(content) <= SINGLE_PUT_BYTES:
            return self._put_whole(name, content, advance, create=True)
        with suppress(NotFoundError):
            self.stat(name)
            return False
        self._put_parts(name, content, advance)
        return True

    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object below ``prefix``, in pages of up to a thousand."""
        names.check_prefix(prefix)
        pages = self._store.list(prefix or None, chunk_size=_LISTED_AT_ONCE)
        is_empty = True
        while page := self._call(lambda: next(pages, ()), prefix, LISTING):
            is_empty = False
            for found in page:
                if names.is_staged(found["path"]):
                    continue
                names.check_listed(found["path"], self.place)
                yield _told(found["path"], found)
        if is_empty:  # a web page, too, is taken for a listing without objects
            self._find_nothing()
        self._is_there = True

    def stat(self, name: str) -> StoredObject:
        """Return what a HEAD request tells."""
        names.check(name)
        try:
            found = self._call(lambda: self._store.head(name), name, "read it")
        except NotFoundError:
            if not self._is_there:  # the answer has no body that would tell a bucket from an object
                self._call(lambda: next(self._store.list(chunk_size=1), ()), name, LISTING)
                self._is_there = True
            raise
        if found["e_tag"] is None:
            raise failures.foreign_answer(self.place)
        return _told(name, found)

    def delete(self, name: str) -> None:
        """Delete the object."""
        names.check(name)
        try:
            self._call(lambda: self._store.delete(name), name, "delete from it")
        except NotFoundError as error:
            if error.code != "remote-object-missing":
                raise

    def close(self) -> None:
        """Nothing is to be let go: connections end by themselves."""

    def _find_nothing(self) -> None:
        """Ask for an object that nobody has; raise unless the answer is that it is missing."""
        name = secrets.token_hex(16)
        try:
            self._call(lambda: self._store.get(name), name, LISTING)
        except NotFoundError as error:
            if error.code == "remote-object-missing":
                return
            raise
        raise failures.foreign_answer(self.place)

    def _read_span(self, name: str, span: ByteRange, expected: StoredObject | None) -> bytes:
        options: GetOptions = {"range": (span.offset, span.end)}
        if expected is not None and expected.version is not None:
            options["version"] = expected.version

        def read() -> bytes:
            result = self._store.get(name, options=options)
            if expected is not None and not expected.is_now(_told(name, result.meta)):
                raise failures.object_changed(self.place, name)
            start, end = result.range
            if (start, end) != (span.offset, span.end):
                if end == result.meta["size"] < span.end:
                    raise failures.object_too_short(self.place, name, span.end)
                raise failures.cut_short(self.place, name)
            return self._checked(result, name, span.size_bytes)

        try:
            return self._call(read, name, "read it", end=span.end)
        except (NotFoundError, IntegrityError) as error:
            if expected is None or error.code not in _GONE:
                raise
        raise failures.object_changed(self.place, name)

    def _checked(self, result: GetResult, name: str, size_bytes: int) -> bytes:
        found = bytes(result.bytes())
        if str(result.attributes.get("Content-Type", "")).startswith("text/html"):
            raise failures.foreign_answer(self.place)
        if len(found) != size_bytes:
            raise failures.cut_short(self.place, name)
        return found

    def _put_whole(
        self, name: str, content: Content, advance: Advance | None, *, create: bool
    ) -> bool:
        body = read_whole(content)
        mode: PutMode = "create" if create else "overwrite"

        def put() -> bool:
            exceptions = _exceptions()
            try:
                self._store.put(name, body, use_multipart=False, mode=mode)
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
                if is_conflict(error):
                    raise failures.busy(self.place, "two wrote at once") from None
                return False
            return True

        done = self._call(put, name, "write to it")
        if advance:
            advance(len(body))
        return done

    def _put_parts(self, name: str, content: Content, advance: Advance | None) -> None:
        part_bytes = max(_PART_BYTES, -(-size_of(content) // _MAX_PARTS))
        self._call(
            lambda: self._store.put(
                name,
                iter_parts(content, part_bytes, advance),
                use_multipart=True,
                chunk_size=part_bytes,
                max_concurrency=_PARTS_AT_ONCE,
            ),
            name,
            "write to it",
        )

    def _call(
        self, action: Callable[[], _T], name: str, doing: str, *, end: int | None = None
    ) -> _T:
        """Return what ``action`` does, with obstore's errors as ours."""
        base = _exceptions().BaseError
        try:
            return action()
        except (base, FileNotFoundError, ValueError) as error:
            failure = translate(error, self._where, name, doing)
            if end is not None and ends_before(error):
                failure = failures.object_too_short(self.place, name, end)
        raise failure


def _told(name: str, meta: ObjectMeta) -> StoredObject:
    """Return what the store tells; S3 calls the only version of an object ``null``."""
    version = meta["version"] if _VERSION.fullmatch(meta["version"] or "") else None
    return StoredObject(
        name,
        meta["size"],
        meta["last_modified"],
        parse_etag(meta["e_tag"]),
        None if version == "null" else version,
    )


def _exceptions() -> Any:
    from obstore import exceptions

    return exceptions
