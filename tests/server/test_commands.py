"""Commands by REST: what they answer, and that nothing waits for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from jupyter_mlops._version import __version__
from tests.support.data_project import DataProject, make_data_project
from tests.support.gated_commands import GATE
from tests.support.project import Project, make_project
from tests.support.server import API, Reply, Running, start_server

pytestmark = pytest.mark.slow


@pytest.fixture
def fresh(shown: Path, request: pytest.FixtureRequest) -> DataProject:
    """A project of this test alone, in the folder that the server shows."""
    return make_data_project(shown / request.node.name)


def test_reading(server: Running, served: DataProject) -> None:
    status = server.get("status", at="project")
    assert status.status == 200
    assert [one["path"] for one in status.json["tracked"]] == ["data"]
    assert status.headers["X-Jupyter-Mlops-Version"] == __version__
    assert status.headers["Content-Type"] == "application/json"
    assert status.headers["X-Content-Type-Options"] == "nosniff"
    assert server.get("log", at="project").json["snapshots"][0]["name"] == "first"
    history = server.get("metrics/history", at="project", metric="acc", all_branches="true").json
    assert [point["commit"] for point in history["points"]] == [served.head()]


def test_it_is_what_the_command_line_prints(server: Running, served: DataProject) -> None:
    printed = served.mlops("log", "--json").stdout
    assert server.get("log", at="project").body.decode() == printed


def test_in_a_folder_of_the_project(server: Running) -> None:
    assert server.get("status", at="project/data").status == 200
    assert server.get("status", at="project/data/../metrics").status == 200
    assert server.get("diff", at="project/data", paths="../data").status == 200


def test_jupyters_own_parameters_are_none_of_the_commands(server: Running) -> None:
    query = f"at=project&token={server.token}&no_track_activity=1&_xsrf=x&1764099303000="
    reply = server.request("GET", f"{API}/status?{query}", token=False)
    assert reply.status == 200, reply.body


@pytest.mark.parametrize("route", ["log", "metrics/chart"], ids=["log", "chart"])
def test_what_did_not_change_is_not_sent_again(
    server: Running, fresh: DataProject, route: str
) -> None:
    at = fresh.root.name
    first = server.get(route, at=at)
    assert first.status == 200, first.body
    headers = {"If-None-Match": first.headers["ETag"]}
    again = server.request("GET", route, query={"at": at}, headers=headers)
    assert (again.status, again.body) == (304, b"")
    assert again.headers["X-Jupyter-Mlops-Version"] == __version__
    fresh.write("metrics/train.json", '{"accuracy": 0.5}')
    fresh.snapshot()
    changed = server.request("GET", route, query={"at": at}, headers=headers)
    assert changed.status == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_init_snapshot_and_restore(server: Running, shown: Path) -> None:
    project = Project(make_project(shown / "new").root)
    project.git("config", "user.name", "Ada Example")
    project.git("config", "user.email", "ada@example.org")
    assert server.post("snapshot", {"paths": ["d"]}, at="new").code == "no-mlops-toml"
    assert "mlops.toml" in server.post("init", at="new").json["to_commit"]
    project.write("d/a", "1")
    kept = server.post("snapshot", {"paths": ["d"], "message": "by REST"}, at="new")
    assert kept.status == 200
    project.write("d/a", "2")
    planned = server.post("restore", {"revision": kept.json["id"], "dry_run": True}, at="new")
    assert planned.status == 200
    assert project.read("d/a") == b"2"
    assert server.post("restore", {"revision": kept.json["id"]}, at="new").status == 200
    assert project.read("d/a") == b"1"
    record = project.git("show", f"refs/mlops/snapshots/{kept.json['id']}:.mlops/snapshot.json")
    assert '"--message=by REST"' in record


def test_errors_have_the_status_of_their_kind(server: Running) -> None:
    def told(reply: Reply) -> tuple[int, str]:
        return reply.status, reply.code

    assert told(server.get("status", at="plain")) == (404, "not-a-git-project")
    assert told(server.post("restore", {"revision": "x"}, at="project")) == (
        404,
        "unknown-revision",
    )
    assert told(
        server.post("snapshot/name", {"snapshot": "first", "name": "-x"}, at="project")
    ) == (
        400,
        "name-invalid",
    )
    assert told(server.post("snapshot", {"paths": ["train.py"]}, at="project")) == (
        409,
        "tracked-by-git",
    )
    assert server.get("help").status == 200


def test_names_come_back_as_json_only(server: Running, fresh: DataProject) -> None:
    evil = "<img src=x onerror=alert(1)>"
    at = fresh.root.name
    fresh.git("switch", "-q", "-c", f"{evil}".replace(" ", "_").replace("(", "").replace(")", ""))
    fresh.write(f"{evil}.bin", "1")
    fresh.write(f"metrics/{evil}.json", f'{{"{evil}": 1}}')
    fresh.commit(evil, "metrics")
    assert server.post("snapshot", {"paths": [f"{evil}.bin"], "message": evil}, at=at).status == 200
    asked = [
        server.get("status", at=at),
        server.get("log", at=at),
        server.get("metrics/history", at=at),
        server.get("metrics/history", at=at, metric=evil),
        server.get("metrics/history", at=at, branch=evil),
        server.post("watch", {"client": "c"}, at=at),
    ]
    for reply in asked:
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
        reply.json  # noqa: B018 - it must be JSON
    assert evil in asked[0].json["tracked"][0]["path"]
    server.request("DELETE", "watch", query={"client": "c"})


def test_a_notebook_that_leads_outside_is_not_stripped(server: Running, fresh: DataProject) -> None:
    notebook = '{"cells": [], "metadata": {"x": 1}, "nbformat": 4, "nbformat_minor": 5}\n'
    outside = Project(fresh.root.parents[1]).write("outside/mine.ipynb", notebook)
    (fresh.root / "mine.ipynb").symlink_to(outside)
    fresh.commit("link")
    server.post("strip", {}, at=fresh.root.name)
    assert outside.read_text() == notebook


def test_a_defect_is_owned_up_to(gated: Running) -> None:
    make_project(gated.root)
    reply = gated.get("defect")
    assert (reply.status, reply.code) == (500, "defect")
    assert "Traceback" not in reply.body.decode()
    assert "KeyError" in (gated.root / ".git/mlops/last-failure.txt").read_text()


@pytest.fixture
def in_background() -> Iterator[list[threading.Thread]]:
    """Threads that a test starts, joined at its end."""
    threads: list[threading.Thread] = []
    yield threads
    GATE.opened.set()
    for thread in threads:
        thread.join()


def ask_in_background(
    threads: list[threading.Thread], server: Running, path: str, **query: object
) -> list[Reply]:
    """Ask by GET in a thread; the answer, where there is one, comes into the list."""
    answers: list[Reply] = []

    def ask() -> None:
        with suppress(HTTPException, OSError):
            answers.append(server.get(path, **query))

    thread = threading.Thread(target=ask)
    threads.append(thread)
    thread.start()
    return answers


def test_others_are_answered_meanwhile(
    gated: Running, in_background: list[threading.Thread]
) -> None:
    slow = ask_in_background(in_background, gated, "look")
    GATE.wait_for_arrival()
    assert gated.get("say", text="hello").json["text"] == "hello"
    assert gated.get("jobs").json == {"jobs": []}
    assert not slow
    GATE.opened.set()
    in_background[0].join()
    assert slow[0].status == 200


def test_equal_questions_share_an_answer_that_is_no_older_than_they_are(
    gated: Running, in_background: list[threading.Thread]
) -> None:
    first = ask_in_background(in_background, gated, "look", text="a")
    GATE.wait_for_arrival()
    later = [ask_in_background(in_background, gated, "look", text="a") for _ in range(5)]
    reads = gated.services.reads
    while gated.call(lambda: reads.waiting_count) < 6:
        assert not first
    GATE.opened.set()
    for thread in in_background:
        thread.join()
    assert first[0].json["count"] == 1
    assert {answers[0].json["count"] for answers in later} == {2}
    assert GATE.count == 2


def test_who_goes_away_is_not_read_for(gated: Running) -> None:
    with gated.connect() as connection:
        head = f"GET {API}/look HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: token {gated.token}"
        connection.sendall(f"{head}\r\n\r\n".encode())
        GATE.wait_for_arrival()
    GATE.wait_for_leaving()
    assert not GATE.opened.is_set()
    assert gated.get("say").status == 200


def test_a_server_that_stops_stops_reading(
    tmp_path: Path, in_background: list[threading.Thread]
) -> None:
    GATE.close()
    with start_server(tmp_path, extension="tests.support.gated_commands") as running:
        ask_in_background(in_background, running, "look", text="a")
        GATE.wait_for_arrival()
        ask_in_background(in_background, running, "look", text="a")
        while running.call(lambda: running.services.reads.waiting_count) < 2:
            assert not GATE.opened.is_set()
    GATE.wait_for_leaving()
    assert GATE.count == 1
    assert not GATE.opened.is_set()
