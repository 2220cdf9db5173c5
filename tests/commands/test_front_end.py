from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jupyter_mlops.commands.front_end import (
    KernelFiles,
    Patience,
    Saved,
    list_clients,
    save_notebook,
)
from tests.support.front_end import FrontEnd, new_client

KERNEL = "0fbd2b7e-5f2c-4f0a-9c3e-3f6b0a1c2d3e"
PATIENCE = Patience(begin_seconds=1, save_seconds=10)


@dataclass
class Time:
    """A clock that only sleeping moves on, with what happens at which second."""

    seconds: float = 0.0
    pauses: list[float] = field(default_factory=list)
    plan: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_seconds(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds
        while self.plan and self.plan[0][0] <= self.seconds:
            self.plan.pop(0)[1]()


@dataclass
class Room:
    """A kernel's folder, the front end beside it, and the comms that are open."""

    front_end: FrontEnd
    notebook: Path
    time: Time = field(default_factory=Time)
    open_comms: int = 0

    @contextmanager
    def open_comm(self, data: dict[str, object]) -> Iterator[None]:
        self.open_comms += 1
        assert self.front_end.hear({"target_name": "jupyter-mlops", "data": data})
        yield
        self.open_comms -= 1

    def save(self) -> Saved | None:
        files, time = self.front_end.files, self.time
        return save_notebook(files, self.open_comm, PATIENCE, clock=time, sleep=time.sleep)

    def at(self, seconds: float, state: str, why: str | None = None) -> None:
        """Have the client that is asked then answer so at that second."""
        front_end = self.front_end
        self.time.plan.append((seconds, lambda: front_end.answer(state, self.notebook, why)))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    notebook = tmp_path / "train.ipynb"
    notebook.touch()
    return Room(FrontEnd(KernelFiles(runtime, KERNEL)), notebook)


def test_where_nobody_shows_the_notebook_nobody_is_asked(room: Room) -> None:
    assert room.save() is None
    assert (room.front_end.asked, room.time.pauses) == ([], [])


def test_a_folder_that_is_not_there_holds_nobody(tmp_path: Path) -> None:
    assert list_clients(KernelFiles(tmp_path / "none", KERNEL)) == []


def test_the_client_saves_and_names_the_notebook(room: Room, tmp_path: Path) -> None:
    client = room.front_end.register(room.notebook)
    room.notebook = room.notebook.rename(tmp_path / "renamed.ipynb")
    room.at(0.2, "begun")
    room.at(5, "saved")
    assert room.save() == Saved(room.notebook, True)
    assert room.time.seconds == pytest.approx(5, abs=0.06)
    (asked,) = room.front_end.asked
    assert (asked["op"], asked["client"]) == ("save", client)
    assert len(bytes.fromhex(asked["request"])) == 16
    assert (room.front_end.requests(), room.front_end.clients()) == ([], [client])
    assert room.open_comms == 0


def test_a_save_that_is_done_at_once_is_believed(room: Room) -> None:
    room.front_end.register(room.notebook)
    room.at(0, "saved")
    assert room.save() == Saved(room.notebook, True)
    assert room.time.pauses == [0.01]


def test_each_request_has_an_id_of_its_own(room: Room) -> None:
    room.front_end.register(room.notebook)
    for _ in range(2):
        room.at(room.time.seconds, "saved")
        room.save()
    first, second = room.front_end.asked
    assert first["request"] != second["request"]


def test_it_looks_often_at_first_and_less_often_later(room: Room) -> None:
    room.front_end.register(room.notebook)
    room.save()
    assert room.time.pauses[0] == 0.01
    assert room.time.pauses == sorted(room.time.pauses)
    assert room.time.pauses[-1] == 0.05


def test_a_client_that_does_not_begin_is_forgotten(room: Room) -> None:
    room.front_end.register(room.notebook)
    assert room.save() == Saved(None, False, "JupyterLab did not answer")
    assert 1 <= room.time.seconds < 1.06
    assert (room.front_end.clients(), room.front_end.requests()) == ([], [])
    assert room.save() is None
    assert len(room.front_end.asked) == 1


def test_the_newest_client_is_asked_and_no_other(room: Room) -> None:
    older, newer = sorted([new_client(), new_client()], reverse=True)
    room.front_end.register(room.notebook, older)
    room.front_end.register(room.notebook, newer)
    room.at(0.1, "begun")
    room.at(0.2, "saved")
    assert room.save() == Saved(room.notebook, True)
    assert [asked["client"] for asked in room.front_end.asked] == [newer]
    assert room.front_end.clients() == sorted([older, newer])


def test_when_the_newest_is_gone_the_next_one_is_asked(room: Room) -> None:
    here = room.front_end.register(room.notebook)
    gone = room.front_end.register(room.notebook)
    room.at(1.2, "saved")
    assert room.save() == Saved(room.notebook, True)
    assert [asked["client"] for asked in room.front_end.asked] == [gone, here]
    assert room.front_end.clients() == [here]


def test_no_more_than_three_are_waited_for(room: Room) -> None:
    clients = [room.front_end.register(room.notebook) for _ in range(5)]
    assert room.save() == Saved(None, False, "JupyterLab did not answer")
    assert room.front_end.clients() == sorted(clients[:2])
    assert room.time.seconds < 3.2


def test_a_client_that_begins_has_ten_seconds_from_then_on(room: Room) -> None:
    client = room.front_end.register(room.notebook)
    room.at(0.9, "begun")
    told = room.save()
    assert told == Saved(room.notebook, False, "JupyterLab had not saved it after 10 s")
    assert room.time.seconds == pytest.approx(10.9, abs=0.12)
    assert (room.front_end.clients(), room.front_end.requests()) == ([client], [])


def test_a_failure_is_told_in_one_line(room: Room) -> None:
    room.front_end.register(room.notebook)
    room.at(0.1, "begun")
    room.at(0.2, "failed", "The disk\nis\x1b[31m full.")
    assert room.save() == Saved(room.notebook, False, r"The disk is\x1b[31m full")


def test_a_long_reason_is_cut(room: Room) -> None:
    room.front_end.register(room.notebook)
    room.at(0, "failed", "x" * 5000)
    told = room.save()
    assert told is not None and told.why == "x" * 200


def test_a_file_saved_out_of_sight_is_no_notebook(room: Room) -> None:
    room.front_end.register(room.notebook)
    room.notebook = room.notebook.with_name("elsewhere.ipynb")
    room.at(0, "saved")
    told = Saved(None, False, "JupyterLab saved it where this kernel does not see it")
    assert room.save() == told


def test_an_interrupt_leaves_nothing_behind(room: Room) -> None:
    client = room.front_end.register(room.notebook)

    def interrupt() -> None:
        raise KeyboardInterrupt

    room.at(0.1, "begun")
    room.time.plan.append((0.2, interrupt))
    with pytest.raises(KeyboardInterrupt):
        room.save()
    assert (room.front_end.clients(), room.front_end.requests()) == ([client], [])


def test_a_channel_that_fails_is_told(room: Room) -> None:
    def refuse(data: dict[str, object]) -> None:
        raise ConnectionError("closed")

    room.front_end.register(room.notebook)
    told = save_notebook(room.front_end.files, refuse, PATIENCE)  # type: ignore[arg-type]
    assert told == Saved(None, False, "JupyterLab could not be asked (ConnectionError)")


def test_late_answers_are_cleared_by_a_later_snapshot(room: Room) -> None:
    kept, old, foreign = (room.front_end.files.save(digit * 32) for digit in "abc")
    other = KernelFiles(kept.parent, "another").save("d" * 32)
    for path in (kept, old, foreign, other):
        room.front_end.write(path, {})
    for path in (old, other):
        os.utime(path, (0, 0))
    foreign.unlink()
    foreign.mkdir()
    os.utime(foreign, (0, 0))
    room.save()
    assert [path.exists() for path in (kept, old, foreign, other)] == [True, False, True, True]


def test_a_client_names_its_notebook_though_it_is_not_there(room: Room) -> None:
    client = room.front_end.register(room.notebook.with_name("moved.ipynb"))
    assert [one.id for one in list_clients(room.front_end.files)] == [client]


def test_files_of_other_kernels_and_of_requests_are_no_clients(room: Room) -> None:
    folder = room.front_end.files.folder
    told = {"path": str(room.notebook), "state": "saved", "why": None}
    for other in (KernelFiles(folder, f"{KERNEL}-{KERNEL}"), KernelFiles(folder, KERNEL[:-1])):
        room.front_end.write(other.client(new_client()), told)
    room.front_end.write(room.front_end.files.save("a" * 32), told)
    room.front_end.write(room.front_end.files.client("a" * 32), told)
    unfinished = room.front_end.files.client(new_client())
    room.front_end.write(unfinished.with_name(f"{unfinished.name}.new"), told)
    assert list_clients(room.front_end.files) == []


def _bad_paths() -> Iterator[object]:
    yield from (
        None,
        3,
        ["a.ipynb"],
        "",
        "train.ipynb",
        "../train.ipynb",
        "/etc/passwd",
        "/a\0.ipynb",
    )


def _big() -> bytes:
    return b'{"path": "/a.ipynb", "state": "saved"}' + b" " * 64 * 1024


BAD_CONTENTS = [
    *({"path": path} for path in _bad_paths()),
    {},
    [],
    b"",
    b"{",
    b"\xff\xfe",
    b'{"path": "/\xff.ipynb"}',
    b'{"path": "/a.ipynb", "state": "saved", "more": ' + b"[" * 60_000,
    _big(),
]


@pytest.mark.parametrize("content", BAD_CONTENTS, ids=lambda content: repr(content)[:30])
def test_a_client_file_that_is_not_as_it_should_be_is_ignored(room: Room, content: object) -> None:
    room.front_end.write(room.front_end.files.client(new_client()), content)
    assert room.save() is None
    good = room.front_end.register(room.notebook)
    assert [client.id for client in list_clients(room.front_end.files)] == [good]


@pytest.mark.parametrize(
    "content",
    [
        *({**bad, "state": "saved"} if isinstance(bad, dict) else bad for bad in BAD_CONTENTS),
        {"path": "/a.ipynb"},
        {"path": "/a.ipynb", "state": "done"},
        {"path": "/a.ipynb", "state": 1},
        {"path": "/a.ipynb", "state": "failed", "why": 3},
    ],
    ids=lambda content: repr(content)[:40],
)
def test_an_answer_that_is_not_as_it_should_be_is_ignored(room: Room, content: object) -> None:
    room.front_end.register(room.notebook)
    front_end = room.front_end
    room.time.plan.append(
        (
            0.1,
            lambda: front_end.write(front_end.files.save(front_end.asked[-1]["request"]), content),
        )
    )
    assert room.save() == Saved(None, False, "JupyterLab did not answer")
    assert front_end.requests() == []


def test_a_link_or_a_folder_is_no_file(room: Room, tmp_path: Path) -> None:
    content = tmp_path / "content.json"
    room.front_end.write(content, {"path": str(room.notebook)})
    room.front_end.files.client(new_client()).symlink_to(content)
    room.front_end.files.client(new_client()).mkdir()
    assert list_clients(room.front_end.files) == []


def test_a_pipe_is_neither_waited_for_nor_read(room: Room) -> None:
    pipe = room.front_end.files.client(new_client())
    os.mkfifo(pipe)
    assert list_clients(room.front_end.files) == []
    writer = os.open(pipe, os.O_RDWR)
    try:
        os.write(writer, b'{"path": "/a.ipynb"}')
        assert list_clients(room.front_end.files) == []
    finally:
        os.close(writer)


@pytest.mark.skipif(os.geteuid() != 0, reason="not run: only root gives files away")
def test_files_of_another_user_are_ignored(room: Room) -> None:
    client = room.front_end.register(room.notebook)
    os.chown(room.front_end.files.client(client), 65534, 65534)
    assert room.save() is None


def test_the_longest_file_that_is_allowed_is_read(room: Room) -> None:
    told = b'{"path": "%s"' % str(room.notebook).encode()
    path = room.front_end.files.client(new_client())
    room.front_end.write(path, told + b" " * (64 * 1024 - len(told) - 1) + b"}")
    assert path.stat().st_size == 64 * 1024
    assert len(list_clients(room.front_end.files)) == 1
