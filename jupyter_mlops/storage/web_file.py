"""One small file from a web server, for which nothing of the user's is shown: no credential."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from jupyter_mlops.clock import Clock
from jupyter_mlops.errors import MlopsError, UnavailableError, UsageError
from jupyter_mlops.text import visible

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_REDIRECTS = 3
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
_CONNECT_SECONDS = 5.0
_READ_BYTES = 1 << 16
_PORTS = {"http": 80, "https": 443}


Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host, to be asked at a port; raises ``OSError`` where it has none."""


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the addresses that this machine knows of ``host``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


def read_web_file(
    url: str,
    clock: Clock,
    *,
    limit_bytes: int,
    limit_seconds: float,
    resolve: Resolve = resolve_host,
) -> bytes:
    """Return what a web server has at ``url``, ``https://`` or ``http://``.

    No credential is sent: none of ``~/.netrc``, none of the URL. It is followed elsewhere only on
    the same host and port. A name that stands for an address of this machine, or of its network
    alone, is refused: only who writes such an address as it is gets it.

    Raises:
        UsageError: it is no such URL (code ``web-url``).
        UnavailableError: it cannot be had within the limits (code ``web-file-failed``).
    """
    first = _parse(url)
    asked = _Asked(first, lambda: _follow(first, clock, limit_bytes, limit_seconds, resolve))
    asked.start()
    asked.join(limit_seconds)
    if asked.is_alive():  # a server may send its headers letter by letter
        raise _failed(first, "it takes too long")
    if asked.error is not None:
        raise asked.error
    return asked.content


def web_place(url: str) -> str:
    """Return the part of a URL that users confirm: scheme, host and port.

    Raises:
        UsageError: it is no such URL (code ``web-url``).
    """
    parts = _parse(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


class _Asked(threading.Thread):
    """A thread that may be left behind."""

    def __init__(self, parts: SplitResult, read: Callable[[], bytes]) -> None:
        super().__init__(name="mlops-web-file", daemon=True)
        self._parts, self._read = parts, read
        self.content = b""
        self.error: MlopsError | None = None

    def run(self) -> None:
        try:
            self.content = self._read()
        except MlopsError as error:
            self.error = error
        except Exception as error:  # what a server may make a library raise
            self.error = _failed(self._parts, f"it cannot be read: {type(error).__name__}")


def _follow(
    first: SplitResult, clock: Clock, limit_bytes: int, limit_seconds: float, resolve: Resolve
) -> bytes:
    ends_at = clock.monotonic_seconds() + limit_seconds
    parts = first
    for _ in range(_REDIRECTS + 1):
        response = _open(parts, max(0.1, ends_at - clock.monotonic_seconds()), resolve)
        try:
            if response.status not in _REDIRECTING:
                if response.status != 200:
                    raise _failed(first, f"it answers with status {response.status}")
                return _read(response, first, clock, ends_at, limit_bytes)
            target = _parse(urljoin(parts.geturl(), response.headers.get("Location", "")))
        finally:
            response.close()
        if (target.scheme, target.netloc) != (first.scheme, first.netloc):
            raise _failed(first, f"it sends to another place, {target.scheme}://{target.netloc}")
        parts = target
    raise _failed(first, "it sends from one address to the next")


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise _refused("it is none") from None
    if parts.scheme not in _PORTS or not parts.hostname or not port_is_valid:
        raise _refused("it begins with neither https:// nor http:// and a host")
    if parts.username is not None or parts.password is not None:
        raise _refused("credentials never stand in it")
    return parts._replace(fragment="")


def _open(parts: SplitResult, seconds: float, resolve: Resolve) -> BaseHTTPResponse:
    """Ask for a file, and return the answer, whose body is still to be read."""
    from urllib3 import ProxyManager, Retry, Timeout, exceptions
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    host = parts.hostname or ""
    timeout = Timeout(connect=min(_CONNECT_SECONDS, seconds), read=seconds)
    asked: dict[str, Any] = {
        "headers": {
            "Accept-Encoding": "identity",
            "User-Agent": "jupyter-mlops",
            "Host": parts.netloc,
        },
        "preload_content": False,
        "decode_content": False,
        "redirect": False,
        "retries": Retry(0, redirect=False),
        "timeout": timeout,
    }
    proxy = getproxies().get(parts.scheme)
    try:
        if proxy and not proxy_bypass(host):
            return ProxyManager(proxy).request("GET", parts.geturl(), **asked)
        address = _find_address(parts, host, resolve)
        port = parts.port or _PORTS[parts.scheme]
        target = parts._replace(scheme="", netloc="").geturl() or "/"
        if parts.scheme == "http":
            return HTTPConnectionPool(address, port).request("GET", target, **asked)
        pool = HTTPSConnectionPool(address, port, server_hostname=host, assert_hostname=host)
        return pool.request("GET", target, **asked)
    except exceptions.HTTPError as error:
        reason = error.reason if isinstance(error, exceptions.MaxRetryError) else error
        raise _failed(parts, f"it cannot be reached: {type(reason).__name__}") from error
    except (OSError, ValueError) as error:
        raise _failed(parts, "it cannot be reached") from error


def _find_address(parts: SplitResult, host: str, resolve: Resolve) -> str:
    """Return the address to connect to, so that what was looked at is what is asked."""
    try:
        addresses = resolve(host, parts.port or _PORTS[parts.scheme])
    except OSError as error:
        raise _failed(parts, "nobody knows that host") from error
    if not _is_address(host) and host != "localhost":
        inner = [one for one in addresses if _is_inner(one)]
        if inner:
            raise _failed(parts, f"its name stands for {inner[0]}, an address of this machine")
    return addresses[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_inner(address: str) -> bool:
    """Return whether an address is this machine's, or is answered by what stands around it."""
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address) and one.ipv4_mapped is not None:
        return _is_inner(str(one.ipv4_mapped))
    return one.is_loopback or one.is_link_local or one.is_unspecified or one.is_multicast


def _read(
    response: BaseHTTPResponse, parts: SplitResult, clock: Clock, ends_at: float, limit_bytes: int
) -> bytes:
    from urllib3 import exceptions

    pieces: list[bytes] = []
    count = 0
    try:
        while piece := response.read1(_READ_BYTES):
            count += len(piece)
            if count > limit_bytes:
                raise _failed(parts, f"it sends more than {limit_bytes} bytes")
            if clock.monotonic_seconds() > ends_at:
                raise _failed(parts, "it takes too long")
            pieces.append(piece)
    except (exceptions.HTTPError, OSError) as error:
        raise _failed(parts, "it does not answer to the end") from error
    return b"".join(pieces)


def _refused(why: str) -> MlopsError:
    return UsageError(
        f"The web address is refused: {why}.",
        code="web-url",
        hints=("Write it as https://HOST/PATH in mlops.toml.",),
    )


def _failed(parts: SplitResult, why: str) -> MlopsError:
    place = f"{parts.scheme}://{parts.hostname}"
    return UnavailableError(
        visible(f"What {place} has of metrics cannot be read: {why}."), code="web-file-failed"
    )
