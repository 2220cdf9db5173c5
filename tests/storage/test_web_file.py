"""One small file from a web server that anyone may have named."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jupyter_mlops.clock import SystemClock
from jupyter_mlops.errors import UnavailableError, UsageError
from jupyter_mlops.storage.web_file import read_web_file, web_place

LIMIT_BYTES = 100_000


class _Handler(BaseHTTPRequestHandler):
    """Answers as its path says; notes the headers that it was sent."""

    seen: list[dict[str, str]]

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        type(self).seen.append(dict(self.headers.items()))
        match self.path.partition("?")[0]:
            case "/metrics.json":
                self._answer(b'{"acc": 0.9}')
            case "/moved":
                self._redirect("/metrics.json")
            case "/round":
                self._redirect("/round")
            case "/away":
                self._redirect(self.path.partition("?")[2])
            case "/big":
                self._answer(b" " * (LIMIT_BYTES + 1))
            case "/slow":
                self._drip()
            case _:
                self.send_error(404)

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-")
        try:
            while True:
                self.wfile.write(b"a")
                self.wfile.flush()
                threading.Event().wait(0.05)
        except OSError:
            pass


Read = Callable[[str], bytes]


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The address of a server, and what it was sent."""
    seen: list[dict[str, str]] = []
    handler = type("Handler", (_Handler,), {"seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.daemon_threads = True
        running.block_on_close = False
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", seen
        running.shutdown()
        thread.join()


def read(url: str, seconds: float = 10.0) -> bytes:
    return read_web_file(url, SystemClock(), limit_bytes=LIMIT_BYTES, limit_seconds=seconds)


def test_a_file_is_read_without_credentials(server: tuple[str, list[dict[str, str]]]) -> None:
    url, seen = server
    assert read(f"{url}/metrics.json?x=1") == b'{"acc": 0.9}'
    assert read(f"{url}/moved#part") == b'{"acc": 0.9}'
    assert not any("Authorization" in headers or "Cookie" in headers for headers in seen)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/nothing", "status 404"),
        ("/round", "from one address to the next"),
        ("/away?http://localhost:1/x", "to another place, http://localhost:1"),
        ("/big", "more than"),
    ],
)
def test_what_cannot_be_had(server: tuple[str, list[dict[str, str]]], path: str, why: str) -> None:
    with pytest.raises(UnavailableError, match=why) as raised:
        read(f"{server[0]}{path}")
    assert raised.value.code == "web-file-failed"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "//user:pw@host/x"])
def test_no_other_kind_of_address_is_followed(
    server: tuple[str, list[dict[str, str]]], target: str
) -> None:
    with pytest.raises((UnavailableError, UsageError)):
        read(f"{server[0]}/away?{target}")


def test_a_server_that_sends_letter_by_letter_is_left(
    server: tuple[str, list[dict[str, str]]],
) -> None:
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="takes too long"):
        read(f"{server[0]}/slow", seconds=0.3)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "https://",
        "https://user:secret@host/x",
        "https://user@host/x",
        "gopher://host",
        "http://host:99999/",
        "http://[::1",
    ],
)
def test_addresses_of_other_kinds_are_refused(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(url)
    assert raised.value.code == "web-url"
    assert "secret" not in raised.value.message


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "fe80::1%lo",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
    ],
)
def test_a_name_that_stands_for_this_machine_is_refused(
    server: tuple[str, list[dict[str, str]]], address: str
) -> None:
    port = server[0].rpartition(":")[2]
    with pytest.raises(UnavailableError, match="an address of this machine"):
        read_web_file(
            f"http://metrics.example.org:{port}/metrics.json",
            SystemClock(),
            limit_bytes=LIMIT_BYTES,
            limit_seconds=5,
            resolve=lambda host, port: ["192.0.2.1", address],
        )
    assert server[1] == []


def test_the_place_is_scheme_host_and_port() -> None:
    assert web_place("https://Host.example:8443/a?b#c") == "https://host.example:8443"
