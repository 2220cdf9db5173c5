"""What all stand-ins for forges share: a server, a token, state that tests look at, and faults."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

TOKEN = "canary-7f3c9d1e5b2a4860-token"
"""What must be seen in no output; long and strange enough to be found anywhere."""

OWN = 501
OTHER = 77
HEAD = "1" * 40


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    values: dict[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """What is answered; ``content`` that is neither bytes nor None goes as JSON."""

    status: int = 200
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Pull:
    """A pull request as a forge keeps it."""

    number: int
    head_branch: str
    base_branch: str
    head: str = HEAD
    title: str = ""
    body: str = ""
    open: bool = True
    fork: str | None = None


@dataclass
class Written:
    """A comment as a forge keeps it; ``where`` is the pull request's number or the commit."""

    id: int
    where: int | str
    author: int
    body: str


Fault = Callable[[Asked], Reply | None]
Route = Callable[[Any, Asked], Reply]


def route(method: str, pattern: str) -> Callable[[Route], Route]:
    """Let a method of a site answer; ``pattern`` has names in braces, ``{name+}`` with slashes."""

    def mark(function: Route) -> Route:
        parts = re.split(r"\{(\w+\+?)\}", pattern)
        made = "".join(
            (f"(?P<{part[:-1]}>.+)" if part.endswith("+") else f"(?P<{part}>[^/]+)")
            if number % 2
            else re.escape(part)
            for number, part in enumerate(parts)
        )
        function.route = (method, re.compile(made))  # type: ignore[attr-defined]
        return function

    return mark


class Site:
    """A forge with one repository; all that it keeps may be read and set by tests.

    A write takes up to ``write_seconds`` from its arrival until it takes effect.
    """

    repository: ClassVar[str] = "team/project"
    own: ClassVar[Any] = OWN

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pulls: dict[int, Pull] = {}
        self.comments: list[Written] = []
        self.statuses: list[tuple[str, dict[str, Any]]] = []
        self.files: dict[tuple[str, str], bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.fault: Fault | None = None
        self.write_seconds = 0.0
        self.url = ""
        self._next = 1000
        self._random = Random(7)

    # What tests do

    def open_pull(self, number: int, branch: str = "topic", base: str = "main") -> Pull:
        """Open a pull request as somebody would on the forge."""
        self.pulls[number] = Pull(number, branch, base)
        return self.pulls[number]

    def comment_as(self, author: int, where: int | str, body: str) -> Written:
        """Write a comment as somebody."""
        with self.lock:
            return self.new_comment(where, author, body)

    def written(self, where: int | str, author: int | None = None) -> list[str]:
        """Return the texts of comments, of one author or of all."""
        return [c.body for c in self.comments if c.where == where and author in (None, c.author)]

    # What routes use

    def new_id(self) -> int:
        self._next += 1
        return self._next

    def new_comment(self, where: int | str, author: int, body: str) -> Written:
        made = Written(self.new_id(), where, author, self.stored(body))
        self.comments.append(made)
        return made

    def find_comment(self, number: str) -> Written | None:
        return next((c for c in self.comments if str(c.id) == number), None)

    def stored(self, body: str) -> str:
        """Return what becomes of a text that is sent."""
        return body

    def is_allowed(self, asked: Asked) -> bool:
        """Return whether the request carries the token as this forge wants it."""
        raise NotImplementedError

    def answer(self, asked: Asked) -> Reply:
        """Answer one request."""
        fault = self.fault(asked) if self.fault else None
        if fault is not None:
            return fault
        if not self.is_allowed(asked):
            return self.not_allowed()
        for name in dir(type(self)):
            function = getattr(type(self), name)
            method, pattern = getattr(function, "route", ("", None))
            matched = pattern.fullmatch(asked.path) if pattern and method == asked.method else None
            if matched:
                asked.values = {key: unquote(text) for key, text in matched.groupdict().items()}
                if asked.method != "GET" and self.write_seconds:
                    time.sleep(self.write_seconds * self._random.random())
                with self.lock:
                    reply: Reply = function(self, asked)
                return reply
        return Reply(404, {"message": "Not Found"})

    def not_allowed(self) -> Reply:
        return Reply(401, {"message": "Bad credentials"})

    def page(self, asked: Asked, items: list[Any], *, size: str, default: int) -> list[Any]:
        """Return the part of a list that a request asks for, in the way of most forges."""
        count = min(int(asked.query.get(size, default)), 100)
        number = int(asked.query.get("page", 1))
        return items[(number - 1) * count : number * count]

    def next_link(self, asked: Asked, items: list[Any], *, size: str, default: int) -> str | None:
        """Return the URL of the next page, None where there is none."""
        count = min(int(asked.query.get(size, default)), 100)
        number = int(asked.query.get("page", 1))
        if number * count >= len(items):
            return None
        query = "&".join(f"{k}={v}" for k, v in {**asked.query, "page": str(number + 1)}.items())
        return f"{self.url}{asked.path}?{query}"


@contextmanager
def running(site: Site) -> Iterator[Site]:
    """Serve ``site`` on loopback while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet, or each answer waits for an acknowledgement

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {key.lower(): value for key, value in self.headers.items()},
                body,
            )
            site.asked.append(asked)
            reply = site.answer(asked)
            content = reply.content
            kind = "application/octet-stream"
            if content is None:
                content = b""
            elif not isinstance(content, bytes):
                content, kind = json.dumps(content).encode(), "application/json"
            self.send_response(reply.status)
            for name, value in {"Content-Type": kind, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: what is asked stands in the site."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
