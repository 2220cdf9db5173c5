"""Requests to one web server: connections, credentials, and what its failures mean."""

from __future__ import annotations

import base64
import netrc
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote
from urllib.request import getproxies, proxy_bypass

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.storage import failures
from jupyter_mlops.storage.authorities import read_authorities
from jupyter_mlops.storage.backend import CONNECT_SECONDS, SILENCE_SECONDS
from jupyter_mlops.storage.settings import RemoteSettings
from jupyter_mlops.storage.url import RemoteUrl
from jupyter_mlops.storage.web_listing import parse_time

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

    Body = bytes | Iterator[bytes]

_CONNECTIONS = 32
_REDIRECTS = 5
_REDIRECTED = frozenset({"GET", "HEAD"})
_LONGEST_WAIT_SECONDS = 60
_READ_BYTES = 1 << 20
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_WHERE = (
    "Put them into ~/.netrc, or set them: git config mlops.remote.NAME.user USER, and password or"
    " token"
)


class HttpSession:
    """Sends requests below one URL; thread-safe; connections are kept and used again."""

    def __init__(self, where: RemoteUrl, settings: RemoteSettings) -> None:
        self.place = where.text
        self.scheme = "https" if where.secure else "http"
        self._host = f"[{where.host}]" if ":" in where.host else where.host
        self._bare_host = where.host
        self._port = where.port
        self.base_path = f"/{quote(where.path)}/" if where.path else "/"
        self._settings = settings
        self._authorization = _authorization(settings, where.host)
        self._authorities = read_authorities(settings.ca_file) if settings.ca_file else None

    def url(self, name: str, *, folder: bool = False) -> str:
        """Return the URL of an object, or of a ``folder``; "" is the base."""
        port = f":{self._port}" if self._port else ""
        slash = "/" if folder and name else ""
        return f"{self.scheme}://{self._host}{port}{self.base_path}{quote(name)}{slash}"

    @contextmanager
    def request(
        self,
        method: str,
        name: str,
        *,
        doing: str,
        expected: tuple[int, ...],
        folder: bool = False,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> Iterator[BaseHTTPResponse]:
        """Yield the answer, whose body is still to be read, when its status is ``expected``.

        ``doing`` completes "does not allow you to".

        Raises:
            MlopsError: the cause of any other status or of no answer.
        """
        exceptions = _exceptions()
        sent = {"Accept-Encoding": "identity", "User-Agent": "jupyter-mlops", **(headers or {})}
        if self._authorization:
            sent["Authorization"] = self._authorization
        response = None
        try:
            response = self._pool.request(
                method,
                self.url(name, folder=folder),
                headers=sent,
                body=body,
                preload_content=False,
                decode_content=False,
                redirect=method in _REDIRECTED,
            )
            if self.scheme == "https" and str(response.geturl()).startswith("http:"):
                raise failures.foreign_answer(self.place)
            if response.status not in expected:
                self._refuse(response, name, doing)
            if response.status == 200 and _is_html(response) and not folder:
                raise failures.foreign_answer(self.place)
            yield response
            response.drain_conn()
            response.release_conn()
            return
        except exceptions.HTTPError as error:
            failure = self._translate(error, name)
        finally:
            if response is not None:
                response.close()  # what was not read to its end is of no further use
        raise failure

    def read_body(self, response: BaseHTTPResponse, name: str, limit_bytes: int) -> bytes:
        """Return the rest of an answer.

        Raises:
            IntegrityError: it has more than ``limit_bytes``; code ``object-too-big``.
            TransientError: it breaks off; code ``answer-cut-short``.
        """
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise failures.remote_failed(self.place, f"it sends {name} in an encoding of its own")
        parts = []
        count = 0
        while part := response.read(_READ_BYTES):
            count += len(part)
            if count > limit_bytes:
                response.close()
                raise failures.object_too_big(self.place, name, limit_bytes)
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Close all connections that are not in use."""
        if "_pool" in self.__dict__:
            self._pool.clear()

    @cached_property
    def _pool(self) -> PoolManager:
        from urllib3 import PoolManager, ProxyManager, Retry, Timeout

        context = ssl.create_default_context()
        if self._authorities:
            context.load_verify_locations(cadata=self._authorities.decode("ascii", "ignore"))
        retries = Retry(None, connect=False, read=False, status=False, other=False)
        retries = retries.new(redirect=_REDIRECTS)
        timeout = Timeout(connect=CONNECT_SECONDS, read=SILENCE_SECONDS)
        proxy = getproxies().get(self.scheme)
        if proxy and not proxy_bypass(self._bare_host):
            return ProxyManager(
                proxy,
                maxsize=_CONNECTIONS,
                timeout=timeout,
                retries=retries,
                ssl_context=context,
            )
        return PoolManager(
            maxsize=_CONNECTIONS, timeout=timeout, retries=retries, ssl_context=context
        )

    def _refuse(self, response: BaseHTTPResponse, name: str, doing: str) -> NoReturn:
        status = response.status
        response.close()
        if status < 300 and _is_html(response):
            raise failures.foreign_answer(self.place)
        if status == 401:
            missing_or_refused = (
                failures.credentials_refused
                if self._authorization
                else failures.credentials_missing
            )
            raise missing_or_refused(self.place, _WHERE)
        if status == 403:
            raise failures.access_refused(self.place, doing)
        if status in {404, 410}:
            raise failures.object_missing(self.place, name)
        if status == 414:
            raise failures.name_too_long(self.place, name)
        if status == 507:
            raise failures.place_full(self.place)
        if status in _PASSING:
            failure = failures.busy(self.place, f"it answers with status {status}")
            after = response.headers.get("Retry-After", "")
            if after.isascii() and after.isdigit():
                failure.wait_seconds = min(int(after), _LONGEST_WAIT_SECONDS)
            raise failure
        raise failures.remote_failed(self.place, f"it answers with status {status}")

    def _translate(self, error: Exception, name: str) -> MlopsError:
        exceptions = _exceptions()
        reason = error.reason if isinstance(error, exceptions.MaxRetryError) else error
        if isinstance(reason, exceptions.ProxyError):
            return failures.host_unreachable(self.place, "the proxy does not answer")
        if isinstance(reason, exceptions.NameResolutionError):
            return failures.host_unknown(self.place, self._bare_host)
        if isinstance(reason, exceptions.SSLError):
            cause = reason.args[0] if reason.args else None
            if isinstance(cause, ssl.SSLCertVerificationError):
                return failures.certificate_refused(self.place, cause.verify_message)
            return failures.host_unreachable(
                self.place, "it does not speak TLS as this machine does"
            )
        if isinstance(reason, exceptions.NewConnectionError):
            return failures.host_unreachable(self.place, "no connection comes about")
        if isinstance(reason, exceptions.ConnectTimeoutError):
            return failures.host_unreachable(self.place, "it does not answer")
        if isinstance(reason, exceptions.ReadTimeoutError):
            return failures.busy(self.place, "it does not answer in time")
        if isinstance(reason, exceptions.ProtocolError):
            return failures.cut_short(self.place, name)
        return failures.remote_failed(self.place, "it answers in a way that makes no sense")


def modified_at(response: BaseHTTPResponse, header: str = "Last-Modified") -> datetime | None:
    """Return the time in a header, None where there is none that makes sense."""
    return parse_time(response.headers.get(header))


def _is_html(response: BaseHTTPResponse) -> bool:
    return response.headers.get("Content-Type", "").lower().startswith("text/html")


def _authorization(settings: RemoteSettings, host: str) -> str | None:
    if settings.anonymous:
        return None
    if settings.token:
        return f"Bearer {settings.token}"
    user, password = settings.user, settings.password
    if not (user and password):
        known = _netrc(host)
        if known is None or (user and known[0] != user):
            return None
        user, password = known
    pair = f"{user}:{password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _netrc(host: str) -> tuple[str, str] | None:
    """Return the user and password that the user's netrc has for ``host``."""
    names = [os.environ.get("NETRC") or "~/.netrc", "~/_netrc"]
    for name in names:
        try:
            found = netrc.netrc(os.path.expanduser(name)).authenticators(host)
        except (OSError, netrc.NetrcParseError):
            continue
        if found and found[0] and found[2]:
            return found[0], found[2]
    return None


def _exceptions() -> Any:
    from urllib3 import exceptions

    return exceptions
