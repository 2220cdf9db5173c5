"""A real Jupyter server in a thread of this process, and clients of it."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import websocket
from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import User
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp

from jupyter_mlops.server.extension import MlopsExtension
from jupyter_mlops.server.services import Services

API = "/base/mlops/api/v1"
"""Where the routes begin: the server does not stand at the root of its host."""

PATIENCE_SECONDS = 30
"""How long anything may take before a test fails."""


class Gatekeeper(Authorizer):
    """Lets everything pass but requests to `mlops` that have the header ``X-Refuse``."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012

    def is_authorized(
        self, handler: JupyterHandler, user: User, action: str, resource: str
    ) -> bool:
        self.asked.append((action, resource))
        return resource != "mlops" or "X-Refuse" not in handler.request.headers


class ThreadServer(ServerApp):
    """A server that leaves the signals of its process alone."""

    def init_signal(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the error that it is."""
        told = self.json
        assert set(told) == {"code", "message", "hints"}, told
        return str(told["code"])


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs."""

    app: ServerApp
    loop: asyncio.AbstractEventLoop
    root: Path
    port: int
    token: str

    @property
    def services(self) -> Services:
        """What the extension shares among its requests."""
        apps = self.app.extension_manager.extension_apps.values()
        (found,) = (app for some in apps for app in some if isinstance(app, MlopsExtension))
        assert found.services is not None
        return found.services

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        token: bool = True,
    ) -> Reply:
        """Ask for ``path`` below the API; a body that is not bytes goes as JSON."""
        sent = dict(headers or {})
        if token:
            sent.setdefault("Authorization", f"token {self.token}")
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        target = f"{API}/{quote(path)}" if not path.startswith("/") else path
        if query:
            target += "?" + urlencode(query, doseq=True)
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, target, raw, sent)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **query: object) -> Reply:
        """Ask by GET."""
        return self.request("GET", path, query=query)

    def post(self, path: str, body: object = None, *, at: str = "", prefer: str = "") -> Reply:
        """Ask by POST, in the folder ``at``."""
        headers = {"Prefer": prefer} if prefer else {}
        query = {"at": at} if at else None
        return self.request("POST", path, query=query, body=body or {}, headers=headers)

    def log_in(self) -> dict[str, str]:
        """Return the headers of a browser that is logged in: cookies, and the token for XSRF."""
        page = self.request("GET", "/base/login", token=False)
        visit = self.request("GET", f"{API}/help?token={self.token}", token=False)
        cookies = dict(_read_cookies(page) | _read_cookies(visit))
        xsrf = cookies["_xsrf"]
        return {
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "X-XSRFToken": xsrf,
        }

    def connect(self) -> socket.socket:
        """Return a bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """Yield a listener to the server's events."""
        address = f"ws://127.0.0.1:{self.port}/base/api/events/subscribe"
        connection = websocket.create_connection(
            address, header=[f"Authorization: token {self.token}"], timeout=PATIENCE_SECONDS
        )
        try:
            yield Listener(connection)
        finally:
            connection.close()

    def call(self, work: Callable[[], Any]) -> Any:
        """Return what ``work`` returns on the server's event loop."""

        async def run() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(PATIENCE_SECONDS)


class Listener:
    """Hears the events of a server."""

    def __init__(self, connection: websocket.WebSocket) -> None:
        self._connection = connection

    def next(self, schema: str, wanted: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
        """Return the next event of ``schema`` that is wanted; fails when none comes."""
        while True:
            event = json.loads(self._connection.recv())
            if event["schema_id"] == schema and wanted(event):
                del event["schema_id"]
                return dict(event)


@contextmanager
def start_server(root: Path, *options: str, extension: str = "jupyter_mlops") -> Iterator[Running]:
    """Yield a server that shows ``root``, with the module ``extension`` as its only extension."""
    token = secrets.token_hex()
    started: list[Running] = []
    failed: list[BaseException] = []
    ready = threading.Event()

    def serve() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            ThreadServer.clear_instance()
            app = ThreadServer.instance(
                jpserver_extensions={extension: True},
                root_dir=str(root),
                token=token,
                allow_root=True,
                open_browser=False,
                log_level="ERROR",
                authorizer_class=Gatekeeper,
            )
            app.initialize(
                argv=["--ip=127.0.0.1", "--port=0", "--ServerApp.base_url=/base/", *options],
                find_extensions=False,
            )
            started.append(Running(app, loop, root, app.port, token))
            app.io_loop.add_callback(ready.set)
            app.start()
            loop.run_until_complete(app.http_server.close_all_connections())
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=serve, name="jupyter-server")
    thread.start()
    try:
        assert ready.wait(PATIENCE_SECONDS)
        assert started, failed
        yield started[0]
    finally:
        if started:
            started[0].app.stop()
        thread.join(PATIENCE_SECONDS)
        ThreadServer.clear_instance()
    assert not thread.is_alive()


def _read_cookies(reply: Reply) -> dict[str, str]:
    found = {}
    for cookie in reply.headers.get_all("Set-Cookie", []):
        name, _, rest = cookie.partition("=")
        found[name] = rest.split(";")[0]
    return found
