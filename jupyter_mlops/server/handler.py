"""What all handlers have in common: who may ask, how much, and how errors are told."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import msgspec
from jupyter_server.base.handlers import APIHandler
from tornado import web

from jupyter_mlops._version import __version__
from jupyter_mlops.commands.failure import explain_failure
from jupyter_mlops.errors import InternalError, MlopsError, NotFoundError, UsageError
from jupyter_mlops.server.jobs import describe_error
from jupyter_mlops.server.services import Services
from jupyter_mlops.server.settings import translate

VERSION_HEADER = "X-Jupyter-Mlops-Version"
BODY_LIMIT_BYTES = 1024**2

_IGNORED_IN_QUERIES = frozenset({"_xsrf", "at", "no_track_activity", "token"})

Method = TypeVar("Method", bound=Callable[..., Awaitable[None]])


class ForbiddenError(UsageError):
    """Whoever asks may not."""

    http_status = 403


class MethodError(UsageError):
    """The route has no such method."""

    http_status = 405


class BodyTooBigError(UsageError):
    """The body is larger than any that makes sense."""

    http_status = 413


def explained(method: Method) -> Method:
    """Return a handler's method whose exceptions are answered as errors in JSON."""

    @functools.wraps(method)
    async def answer(self: MlopsHandler, *args: str) -> None:
        try:
            await method(self, *args)
        except web.HTTPError:
            raise
        except Exception as error:
            await self.refuse(explain_failure(error, self.services.root))

    return cast("Method", answer)


@web.stream_request_body
class MlopsHandler(APIHandler):
    """A route. Bodies are JSON objects of at most 1 MiB; what is larger is never read."""

    auth_resource = "mlops"

    def initialize(self, services: Services) -> None:
        """Take the handles that all requests share."""
        self.services = services
        self._body = bytearray()

    def set_default_headers(self) -> None:
        """Name the package's version in every answer."""
        super().set_default_headers()
        self.set_header(VERSION_HEADER, __version__)

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse who may not ask, and a body that says it is too large."""
        await super().prepare()
        length = self.request.headers.get("Content-Length", "0")
        if not self._finished and (not length.isdecimal() or int(length) > BODY_LIMIT_BYTES):
            self._refuse_body()

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body; past the limit the answer is sent and the connection ends."""
        if not self._finished:
            self._body += chunk
            if len(self._body) > BODY_LIMIT_BYTES:
                self._body.clear()
                self._refuse_body()

    def read_body(self) -> dict[str, Any]:
        """Return the body's JSON object; an empty one where there is no body.

        Raises:
            UsageError: it is something else (``not-json``).
        """
        if not self._body:
            return {}
        kind = self.request.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise UsageError("The body's type must be application/json.", code="not-json")
        try:
            body = msgspec.json.decode(bytes(self._body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError("The body is not valid JSON.", code="not-json") from error
        if not isinstance(body, dict):
            raise UsageError("The body must be one JSON object.", code="not-json")
        return body

    def read_query(self) -> dict[str, list[str]]:
        """Return the query's parameters without those that Jupyter itself understands.

        JupyterLab appends a bare time to defeat caches; it is no parameter either.

        Raises:
            UsageError: one is not UTF-8.
        """
        return {
            name: [_decode_text(value) for value in values]
            for name, values in self.request.query_arguments.items()
            if name not in _IGNORED_IN_QUERIES and not (name.isdecimal() and not any(values))
        }

    def read_at(self) -> str:
        """Return the folder that the request names, relative to the server's root.

        Raises:
            UsageError: it names several.
        """
        values = self.request.query_arguments.get("at", [b""])
        if len(values) != 1:
            raise UsageError("'at' is given twice.", code="bad-value")
        return _decode_text(values[0])

    def answer(self, body: bytes, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.finish(body)

    async def refuse(self, error: MlopsError) -> None:
        """Answer with an error, in the user's language where that has it."""
        await self.services.learn_language()
        self.tell_error(error)

    def tell_error(self, error: MlopsError) -> None:
        """Answer with an error at once."""
        if error.http_status >= 500:
            self.log.error("%s: %s", error.code, error.message)
        self.answer(msgspec.json.encode(describe_error(error, translate)), error.http_status)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer what the server itself refuses."""
        reason = kwargs.get("exc_info", (None, None))[1]
        error = _explain_status(status_code)
        if status_code >= 500 and isinstance(reason, Exception):
            error = explain_failure(reason, self.services.root)
        self.answer(msgspec.json.encode(describe_error(error, translate)), status_code)

    def _refuse_body(self) -> None:
        self.set_header("Connection", "close")
        self.tell_error(BodyTooBigError("The body is larger than 1 MiB.", code="body-too-big"))


def _decode_text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("A parameter is not UTF-8.", code="bad-value") from error


def _explain_status(status: int) -> MlopsError:
    match status:
        case 401 | 403:
            return ForbiddenError(
                "You may not do this, or are not logged in.",
                code="not-allowed",
                hints=("Log in, and reload the page.",),
            )
        case 404:
            return NotFoundError("There is nothing at this address.", code="unknown-route")
        case 405:
            return MethodError("This address wants another method.", code="wrong-method")
        case _ if status < 500:
            return UsageError("The request is not valid.", code="bad-request")
        case _:
            return InternalError("The server failed.")
