"""Commands in the background: begun, looked at, cancelled, and told of."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from jupyter_mlops.clock import SystemClock
from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.server.calls import Call
from jupyter_mlops.server.events import JOB
from jupyter_mlops.server.jobs import KEPT_COUNT, KEPT_SECONDS, Jobs
from jupyter_mlops.server.workers import Workers
from tests.support.data_project import DataProject, make_data_project
from tests.support.gated_commands import GATE, GatedExtension
from tests.support.server import API, PATIENCE_SECONDS, Running, start_server

pytestmark = pytest.mark.slow

LATER = "respond-async"


def test_a_result_that_is_there_in_time_is_the_answer(gated: Running) -> None:
    GATE.opened.set()
    reply = gated.post("work", {"text": "x"}, prefer=LATER)
    assert reply.status == 200
    assert reply.headers["Preference-Applied"] == LATER
    assert reply.json["text"] == "x"
    assert gated.get("jobs").json == {"jobs": []}


@pytest.mark.parametrize("prefer", ["respond-async", "wait=5, Respond-Async;x=1"])
def test_a_job(gated: Running, prefer: str) -> None:
    begun = gated.post("work", {"text": "x"}, prefer=prefer)
    assert begun.status == 202
    job = begun.json
    assert begun.headers["Location"] == f"{API}/jobs/{job['id']}"
    assert job == {
        "id": job["id"],
        "command": "work",
        "project": None,
        "state": "running",
        "label": "Reading",
        "done": 40,
        "total": 100,
        "unit": "B",
        "result": None,
        "error": None,
    }
    short = {name: value for name, value in job.items() if name not in ("result", "error")}
    assert gated.get("jobs").json == {"jobs": [short]}
    assert gated.get(f"jobs/{job['id']}").json == job
    with gated.listen() as listener:
        GATE.opened.set()
        ended = listener.next(JOB, lambda event: event["state"] != "running")
    assert (ended["state"], ended["done"]) == ("done", 100)
    done = gated.get(f"jobs/{job['id']}").json
    assert done["result"] == {"count": 1, "text": "x"}
    assert done["error"] is None
    assert "result" not in gated.get("jobs").json["jobs"][0]


def test_a_job_is_told_of_four_times_a_second_at_most(gated: Running) -> None:
    with gated.listen() as listener:
        id = gated.post("work", prefer=LATER).json["id"]
        assert listener.next(JOB)["state"] == "running"
        GATE.opened.set()
        events = [listener.next(JOB, lambda event: event["id"] == id)]
        while events[-1]["state"] == "running":
            events.append(listener.next(JOB))
    assert len(events) <= 2


def test_a_job_that_fails(gated: Running) -> None:
    id = gated.post("work", {"fail": True}, prefer=LATER).json["id"]
    with gated.listen() as listener:
        GATE.opened.set()
        assert listener.next(JOB, lambda event: event["state"] == "failed")["id"] == id
    job = gated.get(f"jobs/{id}").json
    assert job["error"] == {"code": "conflict", "message": "It may not be.", "hints": ["Leave it."]}
    assert job["result"] is None


def test_a_job_that_is_cancelled(gated: Running) -> None:
    id = gated.post("work", prefer=LATER).json["id"]
    with gated.listen() as listener:
        reply = gated.request("DELETE", f"jobs/{id}")
        assert reply.status == 202
        assert listener.next(JOB, lambda event: event["state"] != "running")["state"] == "cancelled"
    job = gated.get(f"jobs/{id}").json
    assert (job["state"], job["result"], job["error"]) == ("cancelled", None, None)
    assert gated.request("DELETE", f"jobs/{id}").status == 202
    assert not GATE.opened.is_set()


def test_no_such_job(gated: Running) -> None:
    for method in ("GET", "DELETE"):
        reply = gated.request(method, "jobs/0123456789abcdef")
        assert (reply.status, reply.code) == (404, "unknown-job")


def test_a_server_that_stops_asks_its_jobs_to_stop(tmp_path: Path) -> None:
    GATE.close()
    with start_server(tmp_path, extension="tests.support.gated_commands") as running:
        assert running.post("work", prefer=LATER).status == 202
        GATE.wait_for_arrival()
        extension = running.app.extension_manager
        assert running.call(extension.any_activity)
    GATE.wait_for_leaving()
    assert not GATE.opened.is_set()


def test_cancelling_a_snapshot_is_like_ctrl_c(server: Running, shown: Path) -> None:
    project = make_data_project(shown / "big")
    project.write("d/first", "1")
    kept = project.snapshot("d")
    project.commit("Track d")
    os.truncate(project.write("d/big", ""), BIG_BYTES)
    before = _everything_but_big(project)
    reply = server.post("snapshot", {"paths": ["d"]}, at="big", prefer=LATER)
    assert reply.status == 202
    with server.listen() as listener:
        moving = listener.next(JOB, lambda event: event["done"] > 0)
        assert (moving["command"], moving["project"]) == ("snapshot", "big")
        assert (moving["label"], moving["total"], moving["unit"]) == ("Keeping d", BIG_BYTES, "B")
        assert server.request("DELETE", f"jobs/{reply.json['id']}").status == 202
        ended = listener.next(JOB, lambda event: event["state"] != "running")
    assert ended["state"] == "cancelled"
    assert _everything_but_big(project) == before
    project.remove("d/big")
    project.write("d/first", "2")
    assert project.states() == {"d": "changed"}
    project.restore(kept.id, "d")
    assert project.files("d") == {"first": b"1"}
    assert project.leftovers() == []


BIG_BYTES = 4 * 1024**3
"""More than is kept in the time that a test needs to cancel it; a sparse file takes no room."""


def _everything_but_big(project: DataProject) -> tuple[object, ...]:
    """Return references, Git's index and all files, but not what would be long to read."""
    files = {
        path.relative_to(project.root).as_posix(): path.read_bytes()
        for path in project.root.rglob("*")
        if path.is_file() and path.name != "big" and ".git" not in path.parts
    }
    return files, project.git("ls-files", "--stage"), project.git("for-each-ref"), project.head()


class FixedClock(SystemClock):
    """A clock whose seconds a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic_seconds(self) -> float:
        return self.seconds


def _call(name: str) -> Call:
    command = next(one for one in GatedExtension.commands if one.name == name)
    return Call(command, {}, Path(os.curdir).absolute(), None)


def test_old_jobs_are_forgotten() -> None:
    async def run() -> None:
        clock = FixedClock()
        workers = Workers(2, 8, "test")
        jobs = Jobs(workers, clock, lambda fields: None, str)

        async def do() -> None:
            job = jobs.start(_call("say"))
            jobs.announce(job)
            assert await jobs.wait(job)

        await do()
        clock.seconds = KEPT_SECONDS
        assert len(jobs.list()) == 1
        clock.seconds += 1
        assert jobs.list() == []
        for _ in range(KEPT_COUNT + 3):
            await do()
        assert len(jobs.list()) == KEPT_COUNT
        workers.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_SECONDS))


def test_too_many_jobs() -> None:
    async def run() -> None:
        GATE.close()
        workers = Workers(1, 3, "test")
        jobs = Jobs(workers, FixedClock(), lambda fields: None, str)
        begun = [jobs.start(_call("work")) for _ in range(4)]
        assert await jobs.wait(begun[3])
        error = begun[3].outcome and begun[3].outcome.error
        assert isinstance(error, UnavailableError)
        assert error.code == "server-busy"
        assert [job.state for job in begun] == [*["running"] * 3, "failed"]
        await jobs.stop(30)
        assert [job.state for job in begun[:3]] == ["cancelled"] * 3
        workers.close()
        late = jobs.start(_call("work"))
        assert await jobs.wait(late)
        assert late.outcome is not None and late.outcome.error is not None
        assert late.outcome.error.code == "server-stopping"

    asyncio.run(asyncio.wait_for(run(), PATIENCE_SECONDS))
