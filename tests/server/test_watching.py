"""Who looks at a project is told what moves; nobody looks, and nothing is done."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from jupyter_mlops.clock import SystemClock
from jupyter_mlops.commands.push import push
from jupyter_mlops.commands.remote_add import remote_add
from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.server.events import CHANGED
from jupyter_mlops.server.looking import (
    FILE_LIMIT,
    RUN_LIMIT,
    TURN_LIMIT,
    Disk,
    FolderTree,
    LoggedFiles,
    Series,
    Sight,
    Stamp,
)
from jupyter_mlops.server.watching import CLIENT_LIMIT, LEASE_SECONDS, Seeing, Watcher
from jupyter_mlops.server.workers import Workers
from tests.support.data_project import DataProject, make_data_project
from tests.support.project import make_project
from tests.support.series import write_series
from tests.support.server import PATIENCE_SECONDS, Running

LOG = "import jupyter_mlops as mlops; mlops.log(loss=0.5); mlops.flush()"


@pytest.fixture
def watched(tmp_path: Path) -> DataProject:
    """A project with data, metrics and a snapshot, as one that has been used."""
    project = make_data_project(tmp_path / "root" / "project")
    project.write("data/a.csv", "1\n")
    project.snapshot("data")
    project.commit("Track data")
    _log(project)
    project.commit("Metrics")
    _let_times_pass(project.root)
    return project


def _log(project: DataProject) -> None:
    subprocess.run([sys.executable, "-c", LOG], cwd=project.root, check=True)


def _let_times_pass(folder: Path) -> None:
    """Make everything in ``folder`` an hour older than it is."""
    for here, folders, names in os.walk(folder, topdown=False):
        for name in [*names, *folders, "."]:
            path = os.path.join(here, name)
            if not os.path.islink(path):
                found = os.stat(path)
                os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns - 3600 * 10**9))


def _see(project: DataProject, change: Callable[[], object]) -> set[str]:
    """Return what is seen of ``change``, in the project looked at from the folder above it."""
    sight = Sight(project.root.parent, project.root)
    assert sight.look() == ()
    change()
    seen = set(sight.look())
    _let_times_pass(project.root.parent)
    sight.look()
    assert sight.look() == ()
    return seen


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (("commit", "--allow-empty", "-q", "-m", "x"), {"git"}),
        (("switch", "-q", "-c", "topic"), {"git"}),
        (("branch", "a/b/c"), {"git"}),
        (("tag", "v1"), {"git"}),
        (("update-ref", "refs/heads/other", "HEAD~1"), {"git"}),
        (("pack-refs", "--all"), {"git"}),
        (("reset", "-q", "--hard", "HEAD~1"), {"git", "run"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_git_does_is_seen(
    watched: DataProject, words: tuple[str, ...], kinds: set[str]
) -> None:
    watched.git("branch", "other")
    _let_times_pass(watched.root)
    watched.git("update-index", "--refresh")
    assert _see(watched, lambda: watched.git(*words)) == kinds


def test_a_merge_under_way_is_seen(watched: DataProject) -> None:
    watched.git("switch", "-q", "-c", "topic")
    watched.write("train.py", "1")
    watched.commit("1")
    watched.git("switch", "-q", "main")
    watched.write("train.py", "2")
    watched.commit("2")
    _let_times_pass(watched.root)
    assert _see(watched, lambda: watched.git("merge", "topic", check=False)) == {"git"}
    assert _see(watched, lambda: watched.git("merge", "--abort")) == {"git"}


def test_a_snapshot_is_seen(watched: DataProject) -> None:
    watched.write("data/a.csv", "2\n")
    seen = _see(watched, lambda: watched.snapshot("data"))
    assert seen == {"git", "store"}
    assert _see(watched, lambda: watched.snapshot(name="named")) >= {"git"}
    assert "store" in _see(watched, lambda: watched.restore("HEAD", "data"))


def test_what_remotes_are_known_to_have_is_seen(watched: DataProject, tmp_path: Path) -> None:
    remote_add(watched.open(), "store", str(tmp_path / "remote"))
    watched.snapshot("data")
    watched.commit("data")
    _let_times_pass(watched.root)
    assert "store" in _see(watched, lambda: push(watched.open()))
    _let_times_pass(watched.root)
    assert "store" not in _see(watched, lambda: push(watched.open()))


def test_a_run_is_seen(watched: DataProject) -> None:
    assert _see(watched, lambda: _log(watched)) == {"run"}
    series = next((watched.root / ".git/mlops/runs").glob("*/*.jsonl"))
    with series.open("a") as file:
        assert _see(watched, lambda: print("{}", file=file, flush=True)) == {"run"}
    assert _see(watched, lambda: watched.write("metrics/deep/er/x.json", "{}")) == {"run"}
    assert _see(watched, lambda: watched.write("metrics/deep/er/x.json", "{ }")) == {"run"}
    assert _see(watched, lambda: watched.write("params/x.json", "{}")) == {"run"}
    assert _see(watched, lambda: watched.write("metrics/notes.txt", "x")) == set()


def test_that_a_process_died_is_seen_though_it_changed_no_file(watched: DataProject) -> None:
    code = (
        "from tests.support.series import this_process\nprint(this_process(), flush=True)\ninput()"
    )
    training = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with training:
        assert training.stdout is not None
        owner = training.stdout.readline().strip()
        write_series(watched.root / ".git/mlops/runs", "train", "k7abc234mnop", owner=owner)
        _let_times_pass(watched.root)

        def kill() -> None:
            training.kill()
            training.wait()

        sight = Sight(watched.root.parent, watched.root)
        assert sight.look() == ()
        kill()
        assert sight.look() == ("run",)
        assert sight.look() == ()


def test_the_settings_are_seen_and_followed(watched: DataProject) -> None:
    settings = '[metrics]\nfiles = ["scores/*.json"]\n'
    assert "config" in _see(watched, lambda: watched.write("mlops.toml", settings))
    assert _see(watched, lambda: watched.write("scores/a.json", "{}")) == {"run"}
    assert _see(watched, lambda: watched.write("metrics/train.json", "{}")) == set()
    assert "config" in _see(watched, lambda: watched.write("mlops.toml", "not valid"))
    assert _see(watched, lambda: watched.write("metrics/train.json", "{ }")) == {"run"}
    assert "project" in _see(watched, lambda: (watched.root / "mlops.toml").unlink())
    assert "project" in _see(watched, lambda: watched.write("mlops.toml", ""))


def test_a_linked_worktree_is_seen(watched: DataProject) -> None:
    linked = DataProject(watched.worktree(watched.root.parent / "linked", "HEAD").root)
    _let_times_pass(watched.root.parent)
    assert _see(linked, lambda: linked.commit("x")) == {"git"}
    assert _see(linked, lambda: linked.git("update-ref", "refs/worktree/x", "HEAD")) == {"git"}
    assert _see(linked, lambda: watched.git("branch", "from-main")) == {"git"}


def test_what_only_reads_is_not_seen(watched: DataProject) -> None:
    def read() -> None:
        for words in ("status", "log", "diff", "doctor", "metrics show", "metrics history"):
            assert watched.mlops(*words.split()).returncode in (0, 1)
        watched.git("status")

    read()
    _let_times_pass(watched.root)
    assert _see(watched, read) == set()


def test_a_change_within_the_clocks_tick_is_seen(watched: DataProject) -> None:
    """Some file systems give two changes the same time; the second one is not missed."""
    sight = Sight(watched.root.parent, watched.root)
    path = watched.write("metrics/train.json", "{}")
    assert sight.look() == ("run",)
    at = path.stat().st_mtime_ns
    path.write_text("[]")
    os.utime(path, ns=(at, at))
    assert sight.look() == ("run",)


def test_a_project_that_comes_and_goes(tmp_path: Path) -> None:
    root, folder = tmp_path, tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    sight = Sight(root, folder)
    assert sight.look() == ()
    assert sight.place == "a/b"
    project = make_project(root / "a")
    assert sight.look() == ("project",)
    assert sight.place == "a"
    project.write("mlops.toml", "")
    assert {"config", "project"} <= set(sight.look())
    shutil.rmtree(root / "a" / ".git")
    assert sight.look() == ("project",)
    assert sight.look() == ()
    make_project(root / "a")
    assert sight.look() == ("project",)


def test_a_project_above_the_root_is_not_seen(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    sight = Sight(root, root)
    make_project(tmp_path)
    assert sight.look() == ()
    assert sight.place == ""


def test_folders_are_looked_at_up_to_a_limit(tmp_path: Path) -> None:
    for at in range(20):
        (tmp_path / "refs" / f"x{at}" / "y").mkdir(parents=True)
    assert len(FolderTree(tmp_path / "refs").look(0)) == 41
    assert len(FolderTree(tmp_path / "refs", limit=7).look(0)) == 7
    assert FolderTree(tmp_path / "nowhere").look(0) == [(str(tmp_path / "nowhere"), None)]


class CountingDisk(Disk):
    """A disk that counts what it is asked; ``listed`` holds the folders' names."""

    def __init__(self) -> None:
        self.stamps = 0
        self.listed: list[str] = []

    def stamp(self, path: str, now_ns: int) -> Stamp:
        self.stamps += 1
        return super().stamp(path, now_ns)

    def list_entries(self, folder: str, limit: int) -> list[os.DirEntry[str]]:
        self.listed.append(os.path.basename(folder))
        return super().list_entries(folder, limit)

    def asked(self) -> tuple[int, list[str]]:
        """Return how many stamps and which listings there were since the last time."""
        answer = self.stamps, self.listed
        self.stamps, self.listed = 0, []
        return answer


def _make_runs(folder: Path, count: int) -> None:
    """Make runs, each newer than those before, the last an hour old."""
    for at in range(count):
        run = folder / f"run{at}"
        run.mkdir(parents=True)
        (run / "a.jsonl").write_text("{}")
    _let_times_pass(folder)
    for at in range(count):
        found = os.stat(folder / f"run{at}")
        os.utime(folder / f"run{at}", ns=(0, found.st_mtime_ns - (count - at) * 10**9))


def test_a_look_at_many_runs_costs_no_more_than_at_some(tmp_path: Path) -> None:
    runs, disk = tmp_path / "runs", CountingDisk()
    count = RUN_LIMIT + 3 * TURN_LIMIT + 7
    _make_runs(runs, count)
    series = Series(runs, disk)
    first = series.look(0)
    newest = [f"run{at}" for at in range(count - 1, count - 1 - RUN_LIMIT, -1)]
    assert [Path(path).parent.name for path, _ in first] == newest
    disk.asked()
    for _ in range(3):
        assert series.look(0) == first
        stamps, listed = disk.asked()
        assert stamps <= 1 + RUN_LIMIT + TURN_LIMIT + RUN_LIMIT
        assert listed == []
    (runs / "new").mkdir()
    (runs / "new" / "a.jsonl").write_text("{}")
    assert "new" in {Path(path).parent.name for path, _ in series.look(0)}
    stamps, listed = disk.asked()
    assert stamps <= 2 * (1 + RUN_LIMIT) + TURN_LIMIT + 1
    assert listed == ["runs", "new"]


def test_an_old_run_that_goes_on_is_seen_in_its_turn(tmp_path: Path) -> None:
    _make_runs(tmp_path, RUN_LIMIT + 3 * TURN_LIMIT)
    series = Series(tmp_path)
    before = series.look(0)
    (tmp_path / "run150" / "b.jsonl").write_text("{}")
    looks = [series.look(0) for _ in range(4)]
    assert looks[-1] != before
    assert str(tmp_path / "run150" / "b.jsonl") in dict(looks[-1])


def test_runs_that_went_make_room(tmp_path: Path) -> None:
    _make_runs(tmp_path, RUN_LIMIT + 1)
    series = Series(tmp_path)
    assert str(tmp_path / "run0" / "a.jsonl") not in dict(series.look(0))
    shutil.rmtree(tmp_path / "run9")
    found = dict(series.look(0))
    assert len(found) == RUN_LIMIT
    assert str(tmp_path / "run0" / "a.jsonl") in found
    shutil.rmtree(tmp_path)
    assert series.look(0) == []


def test_runs_are_looked_at_up_to_a_limit(tmp_path: Path) -> None:
    _make_runs(tmp_path, 9)
    assert len(Series(tmp_path, entry_limit=4).look(0)) == 4


def _log_files(root: Path, disk: Disk | None = None, entry_limit: int = 10_000) -> LoggedFiles:
    return LoggedFiles(root, lambda: ("metrics/**/*.json",), disk, entry_limit)


def test_a_folder_of_metrics_is_listed_when_it_moved_only(tmp_path: Path) -> None:
    disk = CountingDisk()
    for at in range(3):
        (tmp_path / "metrics" / f"f{at}").mkdir(parents=True)
        (tmp_path / "metrics" / f"f{at}" / "a.json").write_text("{}")
        (tmp_path / "metrics" / f"f{at}" / "a.txt").write_text("")
    _let_times_pass(tmp_path)
    logged = _log_files(tmp_path, disk)
    first = logged.look(0)
    assert [path for path, _ in first] == [f"metrics/f{at}/a.json" for at in range(3)]
    assert disk.asked() == (7, ["metrics", "f0", "f1", "f2"])
    assert logged.look(0) == first
    assert disk.asked() == (7, [])
    (tmp_path / "metrics" / "f1" / "b.json").write_text("{}")
    assert "metrics/f1/b.json" in dict(logged.look(0))
    assert disk.asked() == (8, ["f1"])


def test_files_that_do_not_match_take_no_room(tmp_path: Path) -> None:
    (tmp_path / "metrics" / "z").mkdir(parents=True)
    for at in range(FILE_LIMIT + 1):
        (tmp_path / "metrics" / f"{at}.txt").write_text("")
    (tmp_path / "metrics" / "z" / "a.json").write_text("{}")
    assert [path for path, _ in _log_files(tmp_path).look(0)] == ["metrics/z/a.json"]
    assert _log_files(tmp_path, entry_limit=FILE_LIMIT).look(0) == []
    for at in range(FILE_LIMIT + 1):
        (tmp_path / "metrics" / "z" / f"{at}.json").write_text("{}")
    assert len(_log_files(tmp_path).look(0)) == FILE_LIMIT


class Eyes:
    """What a watcher looks through here: counts the looks and says what it is told to."""

    def __init__(self) -> None:
        self.looks = 0
        self.opened: list[Path] = []
        self.moved: tuple[str, ...] = ()
        self.blind: Path | None = None
        """The folder that cannot be looked at, by any of those that were opened."""

    @property
    def place(self) -> str:
        return "somewhere"

    def open(self, root: Path, folder: Path) -> Seeing:
        self.opened.append(folder)
        return OneEye(self, folder)

    def look(self) -> Sequence[str]:
        self.looks += 1
        return self.moved


class OneEye:
    """What one folder is looked at through."""

    def __init__(self, eyes: Eyes, folder: Path) -> None:
        self._eyes = eyes
        self._folder = folder

    @property
    def place(self) -> str:
        return self._eyes.place

    def look(self) -> Sequence[str]:
        if self._folder == self._eyes.blind:
            raise RecursionError(f"too deep: {self._folder.name}")
        return self._eyes.look()


class Bench(SystemClock):
    """A watcher whose time a test moves: each :meth:`tick` is one round of its loop."""

    def __init__(
        self, root: Path, read_interval_seconds: Callable[[], float] = lambda: 0.125
    ) -> None:
        self.seconds = 0.0
        self.eyes = Eyes()
        self.told: list[tuple[str, tuple[str, ...]]] = []
        self.pauses: asyncio.Queue[float] = asyncio.Queue()
        self._go_on = asyncio.Semaphore(0)
        self.workers = Workers(2, 10, "test")
        self.watcher = Watcher(
            root,
            self.workers,
            self,
            self.eyes.open,
            lambda place, what: self.told.append((place, tuple(what))),
            read_interval_seconds,
            self._pause,
        )

    def monotonic_seconds(self) -> float:
        return self.seconds

    async def _pause(self, seconds: float) -> None:
        await self.pauses.put(seconds)
        await self._go_on.acquire()

    async def tick(self, seconds: float = 0.25) -> None:
        assert await self.pauses.get() == 0.125
        self.seconds += seconds
        self._go_on.release()

    async def settle(self) -> None:
        """Return when the loop pauses again, before its next round."""
        self.pauses.put_nowait(await self.pauses.get())


def test_a_lease_lasts_as_long_as_it_is_renewed(tmp_path: Path) -> None:
    async def run() -> None:
        bench = Bench(tmp_path)
        assert bench.eyes.opened == []
        await bench.watcher.lease("a", "")
        await bench.tick()
        await bench.settle()
        assert bench.eyes.looks == 1
        assert bench.told == []
        bench.eyes.moved = ("git",)
        await bench.tick(LEASE_SECONDS - 1)
        await bench.settle()
        assert bench.told == [("somewhere", ("git",))]
        await bench.watcher.lease("a", "")
        await bench.tick(LEASE_SECONDS - 1)
        await bench.settle()
        assert bench.eyes.looks == 3
        await bench.tick(1)
        await bench.watcher.ended()
        assert bench.eyes.looks == 3
        assert bench.pauses.empty()
        bench.workers.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_SECONDS))


def test_one_look_for_each_project(tmp_path: Path) -> None:
    project = make_data_project(tmp_path / "p")
    project.write("sub/x", "")

    async def run() -> None:
        bench = Bench(tmp_path)
        first = await bench.watcher.lease("a", "p")
        assert (first.project, first.name, first.lease_seconds) == ("p", "p", LEASE_SECONDS)
        assert await bench.watcher.lease("b", "p/sub") == first
        assert bench.eyes.opened == [project.root]
        await bench.tick()
        await bench.settle()
        assert bench.eyes.looks == 1
        bench.watcher.end("a")
        await bench.tick()
        await bench.settle()
        assert bench.eyes.looks == 2
        bench.watcher.end("b")
        bench.watcher.end("b")
        await bench.tick()
        await bench.watcher.ended()
        assert bench.eyes.looks == 2
        assert (await bench.watcher.lease("a", "")).project is None
        await bench.watcher.stop()
        bench.workers.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_SECONDS))


def test_a_project_that_cannot_be_looked_at_stops_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()

    async def run() -> None:
        bench = Bench(tmp_path)
        bench.eyes.blind = tmp_path / "bad"
        bench.eyes.moved = ("git",)
        await bench.watcher.lease("a", "bad")
        await bench.watcher.lease("b", "good")
        for looks in (1, 2, 3):
            await bench.tick()
            await bench.settle()
            assert bench.told == [("somewhere", ("git",))] * looks
        assert [record.getMessage() for record in caplog.records] == [
            f"Could not look at {tmp_path / 'bad'}"
        ]
        bench.eyes.blind = None
        await bench.tick()
        await bench.settle()
        assert len(bench.told) == 5
        bench.eyes.blind = tmp_path / "bad"
        await bench.tick()
        await bench.settle()
        assert len(caplog.records) == 2
        await bench.watcher.stop()
        bench.workers.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_SECONDS))


def test_settings_that_cannot_be_read_stop_no_look(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> float:
        raise KeyError("schema")

    async def run() -> None:
        bench = Bench(tmp_path, fail)
        await bench.watcher.lease("a", "")
        assert await asyncio.wait_for(bench.pauses.get(), PATIENCE_SECONDS) == 0.25
        assert "schema" in caplog.text
        await bench.watcher.stop()
        bench.workers.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_SECONDS))


def test_only_so_many_may_look(tmp_path: Path) -> None:
    async def run() -> None:
        bench = Bench(tmp_path)
        for at in range(CLIENT_LIMIT):
            await bench.watcher.lease(f"c{at}", "")
        await bench.watcher.lease("c0", "")
        with pytest.raises(UnavailableError):
            await bench.watcher.lease("one-more", "")
        await bench.watcher.stop()
        bench.workers.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_SECONDS))


@pytest.mark.slow
def test_events_come_within_two_seconds(server: Running, shown: Path) -> None:
    project = make_data_project(shown / "events")
    _log(project)
    project.commit("Metrics")
    project.write("d/a", "1")
    with server.listen() as listener:
        watched = server.post("watch", {"client": "c"}, at="events")
        told = {"project": "events", "name": "events", "problem": None, "lease_seconds": 30}
        assert watched.json == told
        for change, kind in (
            (lambda: project.commit("x", "train.py"), "git"),
            (lambda: project.snapshot("d"), "store"),
            (lambda: _log(project), "run"),
            (lambda: project.write("mlops.toml", "[hooks]\n"), "config"),
        ):
            change()
            began = SystemClock().monotonic_seconds()
            event = listener.next(CHANGED, lambda event, kind=kind: kind in event["what"])  # type: ignore[misc]
            assert event["project"] == "events"
            assert SystemClock().monotonic_seconds() - began < 2
    assert server.request("DELETE", "watch", query={"client": "c"}).status == 204
    assert server.call(lambda: server.services.watcher.is_watching) is False


@pytest.mark.slow
@pytest.mark.parametrize("client", [None, 3, "", "a b", "a" * 65, "<x>"])
def test_a_client_has_a_name(server: Running, client: object) -> None:
    reply = server.post("watch", {"client": client}, at="project")
    assert (reply.status, reply.code) == (400, "bad-value")


@pytest.mark.slow
def test_a_folder_that_is_no_project_yet(server: Running, shown: Path) -> None:
    (shown / "new").mkdir()
    with server.listen() as listener:
        reply = server.post("watch", {"client": "c"}, at="new")
        assert (reply.json["project"], reply.json["name"]) == (None, None)
        assert reply.json["problem"]["code"] == "not-a-git-project"
        make_project(shown / "new")
        assert listener.next(CHANGED)["what"] == ["project"]
        assert server.post("init", at="new").status == 200
        event = listener.next(CHANGED, lambda event: "config" in event["what"])
        assert event["project"] == "new"
        assert "project" in event["what"]
    server.request("DELETE", "watch", query={"client": "c"})
