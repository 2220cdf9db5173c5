"""What no route lets through; nothing in or around the server's root changes."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.server.routes import PREFIX, make_routes
from tests.server.attacks import (
    Target,
    all_targets,
    command_targets,
    fingerprint,
    with_argument,
)
from tests.support.data_project import make_data_project
from tests.support.server import API, Gatekeeper, Reply, Running, start_server

pytestmark = pytest.mark.slow

EVERY = pytest.mark.parametrize("target", all_targets(), ids=lambda t: f"{t.method} {t.path}")
COMMAND = pytest.mark.parametrize("target", command_targets(), ids=lambda t: str(t.path))

ESCAPES = (
    *("..", "../outside", "project/../../outside", "out", "out/data", "project/out"),
    *("/", "/etc", "a\0b", "x/../../../../../../etc"),
)
"""Folders relative to the root that a request may not name."""

PATH_ESCAPES = ("../..", "../../outside/data", "/etc/passwd", "out", "out/data", "a\0b", "../out")
"""Paths relative to the project that a request may not name."""

HUGE = 100 * 1024**2
PIECE = b" " * 65536

DASHES = ("-x", "--all", "--output=stolen", "--exec=touch stolen", "-")


@pytest.fixture(scope="module")
def last_seen(shown: Path, server: Running) -> dict[str, bytes | str]:
    """What lies in and around the folder that is shown, as it was after the test before."""
    return fingerprint(shown.parent)


@pytest.fixture(autouse=True)
def unchanged(shown: Path, last_seen: dict[str, bytes | str]) -> Iterator[None]:
    """Fail where something in or around the folder that is shown has changed."""
    yield
    before = dict(last_seen)
    last_seen.clear()
    last_seen.update(fingerprint(shown.parent))
    assert last_seen == before


def ask(server: Running, target: Target, **changes: Any) -> Reply:
    """Send a good request but for ``changes``."""
    arguments = changes.pop("arguments", target.arguments)
    query: dict[str, object] = {"at": changes.pop("at", target.at)}
    options: dict[str, Any] = {"query": query, **changes}
    if target.reads:
        query.update({name: _spell(value) for name, value in arguments.items()})
    elif "body" not in options:
        options["body"] = arguments
    return server.request(options.pop("method", target.method), target.path, **options)


def _spell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def test_every_route_is_attacked(server: Running) -> None:
    patterns = [pattern for pattern, *_ in make_routes(server.services)]
    asked = [f"{PREFIX}/{target.path}" for target in all_targets()]
    found = [next(p for p in patterns if re.fullmatch(p, path)) for path in asked]
    assert set(found) == set(patterns)


def test_what_has_no_route(server: Running) -> None:
    names = {command.name for command in COMMANDS if not command.rest}
    there = {"hook", "filter", "merge", "difftool", "demo", "complete", "selftest", "get"}
    there |= {"import", "export", "notebook merge"}
    there |= {"notebook verify", "check-notebooks", "report"}  # they run code
    there |= {"ci comment", "ci doctor", "ci init", "ci pr"}  # they are for CI systems
    assert names == there
    for name in names:
        assert server.get(name).code == "unknown-route"
        assert server.post(name).code == "unknown-route"


@EVERY
def test_without_a_token(server: Running, target: Target) -> None:
    reply = ask(server, target, token=False)
    assert (reply.status, reply.code) == (403, "not-allowed")
    wrong = ask(server, target, token=False, headers={"Authorization": "token nonsense"})
    assert (wrong.status, wrong.code) == (403, "not-allowed")


@EVERY
def test_a_login_without_the_token_against_forged_requests(server: Running, target: Target) -> None:
    if target.method == "GET":
        return
    logged_in = server.log_in()
    cookie = {"Cookie": logged_in["Cookie"]}
    for headers in (cookie, {**cookie, "X-XSRFToken": "2|00000000|" + "0" * 32 + "|1"}):
        reply = ask(server, target, token=False, headers=headers)
        assert (reply.status, reply.code) == (403, "not-allowed")


@EVERY
def test_from_a_foreign_page(server: Running, target: Target) -> None:
    headers = {**server.log_in(), "Origin": "https://evil.example"}
    reply = ask(server, target, token=False, headers=headers)
    assert reply.status == 404
    assert reply.code == "unknown-route"
    assert reply.headers["Access-Control-Allow-Origin"] in (None, "")


@EVERY
def test_without_the_right_to(server: Running, target: Target) -> None:
    Gatekeeper.asked.clear()
    reply = ask(server, target, headers={"X-Refuse": "1"})
    assert (reply.status, reply.code) == (403, "not-allowed")
    if "nothing" not in target.path:
        action = "read" if target.method == "GET" else "write"
        assert Gatekeeper.asked[-1] == (action, "mlops")


@COMMAND
def test_by_the_wrong_method(server: Running, target: Target) -> None:
    other = "POST" if target.method == "GET" else "GET"
    reply = server.request(other, target.path, query={"at": target.at})
    assert (reply.status, reply.code) == (405, "wrong-method")
    assert reply.headers["Allow"] == target.method
    for method in ("PUT", "DELETE", "PATCH"):
        assert server.request(method, target.path).code == "wrong-method"


@COMMAND
@pytest.mark.parametrize("at", ESCAPES)
def test_in_a_folder_outside(server: Running, target: Target, at: str) -> None:
    reply = ask(server, target, at=at)
    assert reply.status == 400
    assert reply.code == ("nul" if "\0" in at else "path-outside-root")
    assert "secret" not in reply.body.decode()


@pytest.mark.parametrize("at", ESCAPES)
def test_watching_a_folder_outside(server: Running, at: str) -> None:
    reply = server.request("POST", "watch", query={"at": at}, body={"client": "c"})
    assert reply.status == 400


@COMMAND
def test_in_a_folder_that_is_not_there(server: Running, target: Target) -> None:
    for at in ("nowhere", "project/train.py"):
        reply = ask(server, target, at=at)
        assert (reply.status, reply.code) == (404, "folder-not-found")


@pytest.mark.parametrize(
    ("target", "name"),
    [(target, name) for target in command_targets() for name in target.paths],
    ids=lambda value: value.path if isinstance(value, Target) else value,
)
@pytest.mark.parametrize("path", PATH_ESCAPES)
def test_a_path_outside(server: Running, target: Target, name: str, path: str) -> None:
    reply = ask(server, target, arguments=with_argument(target, name, path))
    assert reply.status == 400
    assert reply.code == ("nul" if "\0" in path else "path-outside-root")


@pytest.mark.parametrize(
    ("target", "name"),
    [(target, name) for target in command_targets() for name in target.revisions],
    ids=lambda value: value.path if isinstance(value, Target) else value,
)
@pytest.mark.parametrize("revision", DASHES)
def test_a_revision_that_looks_like_an_option(
    server: Running, target: Target, name: str, revision: str
) -> None:
    reply = ask(server, target, arguments=with_argument(target, name, revision))
    assert reply.status in (400, 404), reply.body
    assert reply.code in {
        "unknown-revision",
        "unknown-snapshot",
        "unknown-branch",
        "unknown-metric",
        "base-not-found",
    }


@COMMAND
def test_values_of_the_wrong_type(server: Running, target: Target) -> None:
    for name in target.arguments:
        if target.reads:
            continue
        for value in ({"x": 1}, 12345, [[1]], [{"x": "y"}]):
            reply = ask(server, target, arguments={**target.arguments, name: value})
            assert (reply.status, reply.code) == (400, "bad-value"), (name, value)


@COMMAND
def test_a_parameter_that_is_not_there(server: Running, target: Target) -> None:
    reply = ask(server, target, arguments={**target.arguments, "surprise": "1"})
    assert (reply.status, reply.code) == (400, "unknown-option")
    if not target.reads:
        reply = server.request(
            "POST", target.path, query={"at": "project", "surprise": "1"}, body=target.arguments
        )
        assert (reply.status, reply.code) == (400, "unknown-option")


@EVERY
def test_bodies_that_are_no_json_object(server: Running, target: Target) -> None:
    if target.method not in ("POST", "PUT") or target.path.startswith(("nothing", "kernels")):
        return
    for body in (b"{", b"[]", b'"x"', b"1", b"null", b'{"a": \xff}', b"[" * 200_000, b"{} {}"):
        reply = ask(server, target, body=body)
        assert (reply.status, reply.code) == (400, "not-json"), body[:20]


@COMMAND
def test_bodies_of_another_type(server: Running, target: Target) -> None:
    if target.reads:
        return
    body = json.dumps(target.arguments).encode()
    kinds = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "")
    for kind in kinds:
        reply = ask(server, target, body=body, headers={"Content-Type": kind})
        assert (reply.status, reply.code) == (400, "not-json")


@EVERY
def test_a_body_that_says_it_is_huge(server: Running, target: Target) -> None:
    """Not a byte of it is wanted before the answer."""
    with server.connect() as connection:
        connection.sendall(_head(server, target, f"Content-Length: {HUGE}"))
        _check_refused(_receive_all(connection))


@EVERY
def test_a_body_that_becomes_huge(server: Running, target: Target) -> None:
    with server.connect() as connection:
        connection.sendall(_head(server, target, "Transfer-Encoding: chunked"))
        sent = _send_until_refused(connection)
        _check_refused(_receive_all(connection))
    assert sent < HUGE / 4


def _head(server: Running, target: Target, length: str) -> bytes:
    head = f"{target.method} {API}/{target.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += f"Authorization: token {server.token}\r\nContent-Type: application/json\r\n"
    return f"{head}{length}\r\n\r\n".encode()


def _send_until_refused(connection: socket.socket) -> int:
    """Send a body until the server takes no more of it; return how much it took."""
    piece = b"%x\r\n%s\r\n" % (len(PIECE), PIECE)
    sent = 0
    while sent < HUGE:
        try:
            connection.sendall(piece)
        except OSError:
            break
        sent += len(PIECE)
    return sent


def _receive_all(connection: socket.socket) -> bytes:
    received = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionError:
            return received
        if not piece:
            return received
        received += piece


def _check_refused(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert json.loads(body)["code"] == "body-too-big"


def test_a_project_that_begins_above_the_root(server: Running, tmp_path: Path) -> None:
    project = make_data_project(tmp_path / "project")
    (project.root / "notebooks").mkdir()
    before = fingerprint(tmp_path)
    with start_server(project.root / "notebooks") as running:
        for target in command_targets():
            reply = ask(running, target, at="")
            assert (reply.status, reply.code) == (400, "project-outside-root"), target
        watched = running.post("watch", {"client": "c"}).json
        assert watched["problem"]["code"] == "project-outside-root"
        assert watched["project"] is None
    assert fingerprint(tmp_path) == before
