"""A real web server on loopback that stands before another and breaks what passes through it."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Kind = Literal[
    "corrupt",
    "delay",
    "hang",
    "html",
    "lose-answer",
    "rewrite",
    "short-put",
    "short-range",
    "status",
    "truncate",
]

PROXY_PAGE = b"<!DOCTYPE html><html><body><h1>Please log in to the network</h1></body></html>"
_HOP_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(slots=True)
class Fault:
    """What is done to requests of ``methods`` whose path holds ``path``, ``times`` times.

    ``corrupt`` changes the last byte of an answer; ``delay`` waits ``seconds`` first; ``hang``
    takes half of what is sent and then nothing until the faults are cleared; ``html`` answers with
    a proxy's page; ``lose-answer`` does the work and closes the connection; ``rewrite`` passes an
    answer through ``change``; ``short-put`` passes on half of what is sent; ``short-range`` sends
    half of a part and says that this was all; ``status`` answers with ``status`` and does nothing;
    ``truncate`` closes the connection in the middle of an answer.
    """

    kind: Kind
    methods: tuple[str, ...] = ("GET",)
    path: str = ""
    times: float = float("inf")
    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    seconds: float = 0.0
    change: Callable[[bytes], bytes] = bytes


class FaultyProxy:
    """Passes requests on to a server on loopback, but for the faults; thread-safe."""

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.port = 0
        self.requests: list[tuple[str, str]] = []
        self.hanging = threading.Event()
        self._released = threading.Event()
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def inject(self, fault: Fault) -> None:
        """Let ``fault`` happen from now on, after those that were injected before."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Let nothing more happen, and let go what hangs."""
        with self._lock:
            self._faults.clear()
        self._released.set()

    def take(self, method: str, path: str) -> Fault | None:
        """Note a request; return the fault that is to befall it."""
        with self._lock:
            self.requests.append((method, path))
            for fault in self._faults:
                if method in fault.methods and fault.path in path and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def wait_released(self) -> None:
        """Wait until the faults are cleared; no longer than a minute."""
        self.hanging.set()
        self._released.wait(60)


@contextmanager
def open_faulty(upstream_port: int, *, tls: ssl.SSLContext | None = None) -> Iterator[FaultyProxy]:
    """Yield a proxy that serves on loopback, with ``tls`` where that is given."""
    proxy = FaultyProxy(upstream_port)

    class Handler(_Handler):
        faulty = proxy

    server = _Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    proxy.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.clear()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away, or do not trust the certificate, are what is tried."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faulty: FaultyProxy

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _serve(self) -> None:
        fault = self.faulty.take(self.command, self.path)
        length = int(self.headers.get("Content-Length", "0"))
        if fault is not None and fault.kind == "hang":
            self.rfile.read(length // 2)
            self.faulty.wait_released()
            self.close_connection = True
            return
        sent = self.rfile.read(length)
        if len(sent) < length:  # the client died
            self.close_connection = True
            return
        if fault is not None and fault.kind == "short-put":
            sent = sent[: length // 2]
        if fault is not None and fault.kind == "delay":
            time.sleep(fault.seconds)
        if fault is not None and fault.kind == "status":
            self._answer(fault.status, fault.headers, fault.body)
        elif fault is not None and fault.kind == "html":
            self._answer(200, (("Content-Type", "text/html; charset=utf-8"),), PROXY_PAGE)
        else:
            self._pass_on(sent, fault)

    do_DELETE = do_GET = do_HEAD = do_MKCOL = do_MOVE = do_POST = do_PROPFIND = do_PUT = _serve

    def _pass_on(self, sent: bytes, fault: Fault | None) -> None:
        connection = HTTPConnection("127.0.0.1", self.faulty.upstream_port, timeout=60)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() == "content-length":
                    value = str(len(sent))
                connection.putheader(name, value)
            connection.endheaders(sent)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if fault is not None and fault.kind == "lose-answer":
            self.close_connection = True
            return
        self._answer_with(response, body, fault)

    def _answer_with(self, response: HTTPResponse, body: bytes, fault: Fault | None) -> None:
        headers = [pair for pair in response.getheaders() if pair[0].lower() not in _HOP_HEADERS]
        length = len(body)
        if self.command == "HEAD":
            length = int(response.getheader("Content-Length", "0"))
        match fault.kind if fault else None:
            case "corrupt":
                body = body[:-1] + bytes([body[-1] ^ 1]) if body else body
            case "rewrite":
                assert fault is not None
                body = fault.change(body)
                length = len(body)
            case "short-range":
                body = body[: len(body) // 2]
                length = len(body)
            case "truncate":
                body = body[: len(body) // 2]
                self.close_connection = True
        self._answer(response.status, tuple(headers), body, length)

    def _answer(
        self,
        status: int,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        length: int | None = None,
    ) -> None:
        with suppress(OSError):
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if status not in {204, 304}:
                self.send_header("Content-Length", str(len(body) if length is None else length))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
