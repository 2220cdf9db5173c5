"""A snapshot takes along what runs logged: as content of the store, and as no tracked path."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.diff import diff
from jupyter_mlops.commands.fetch import fetch
from jupyter_mlops.commands.gc import gc
from jupyter_mlops.commands.push import push
from jupyter_mlops.commands.snapshot_branch import snapshot_branch
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.formats.pointer import TreePointer, decode_pointer
from jupyter_mlops.formats.run import Metrics, parse_line
from jupyter_mlops.formats.snapshot import RUNS_POINTER_PATH
from jupyter_mlops.objects.folders import read_folder
from jupyter_mlops.objects.reader import read_file
from jupyter_mlops.tracking.executions import Execution
from jupyter_mlops.tracking.place import resolve_place
from jupyter_mlops.tracking.run import Run
from jupyter_mlops.tracking.run_files import RunFiles
from tests.support.clock import HandClock
from tests.support.data_project import DataProject
from tests.sync.team import Team

_REF = "refs/mlops/snapshots/"
_IDS = ("k7abc234mnop", "k7abc234mnoq", "k7abc234mnor", "k7abc234mnos")


def log(project: DataProject, loss: float, number: int = 0, *, end: bool = True) -> Run:
    """Log as a process does that runs ``train.py``; ``number`` tells executions apart."""
    execution = Execution("train", _IDS[number], float(number))
    run = Run("train", RunFiles(resolve_place(project.root), execution))
    run.log(loss=loss, step=1)
    run.log_text("report", f"loss {loss}")
    run.flush()
    if end:
        run.end()
    return run


def kept(project: DataProject, snapshot: str, ref: str = _REF) -> dict[str, bytes]:
    """Return what a snapshot has of runs, by the end of its path, read from the store."""
    told = project.git("show", f"{ref}{snapshot}:{RUNS_POINTER_PATH}", check=False)
    if not told:
        return {}
    pointer = decode_pointer(told.encode(), origin="runs")
    assert isinstance(pointer, TreePointer)
    store = project.open().store
    entries = read_folder(store, pointer)
    return {path.partition("/")[2]: read_file(store, one) for path, one in entries.items()}


def losses(files: dict[str, bytes]) -> list[float]:
    """Return the values in the series among ``files``."""
    lines = [
        parse_line(line, origin="x")
        for path, content in files.items()
        if path.endswith(".jsonl")
        for line in content.splitlines()
    ]
    return [line.values["loss"] for line in lines if isinstance(line, Metrics)]


def test_the_series_and_files_are_in_the_snapshot_and_nowhere_else(
    data_project: DataProject,
) -> None:
    data_project.write("data/a.csv", "a")
    log(data_project, 0.5)
    first = data_project.snapshot("data")
    files = kept(data_project, first.id)
    assert losses(files) == [0.5]
    assert files[f"files/{_IDS[0]}/report.txt"] == b"loss 0.5"
    assert data_project.states() == {"data": "clean"}
    assert [path.path for path in first.paths] == ["data"]
    log(data_project, 0.4, 1)
    second = data_project.snapshot()
    assert losses(kept(data_project, second.id)) == [0.4]
    changes = diff(data_project.open(), first.id, second.id)
    assert not changes.paths
    data_project.restore(first.id)
    data_project.restore(first.id, code=True)
    assert not (data_project.root / ".mlops").exists()
    assert data_project.states() == {"data": "clean"}
    snapshot_branch(data_project.open(), first.id, "side")
    names = data_project.git("ls-tree", "-r", "--name-only", "side").split()
    assert not [name for name in names if name.startswith(".mlops")]


def test_only_runs_whose_values_are_there_are_taken_along(data_project: DataProject) -> None:
    for number, loss in enumerate((0.5, 0.4)):
        log(data_project, loss, number)
        data_project.git("add", "metrics")
        data_project.git("commit", "-qm", str(loss))
    assert losses(kept(data_project, data_project.snapshot().id)) == [0.4]
    data_project.git("checkout", "-q", "HEAD~1", "--", "metrics")
    assert losses(kept(data_project, data_project.snapshot().id)) == [0.5]
    data_project.write("metrics/train.json", '{"loss":0.50}')
    assert losses(kept(data_project, data_project.snapshot().id)) == [0.5]
    data_project.write("metrics/train.json", '{"loss": 0.1}')
    assert kept(data_project, data_project.snapshot().id) == {}


def test_a_run_that_goes_on_is_taken_along_as_far_as_it_is(data_project: DataProject) -> None:
    run = log(data_project, 0.5, end=False)
    (series,) = (data_project.root / ".git/mlops/runs/train").glob("*.jsonl")
    with open(series, "ab") as file:
        file.write(b'{"at":1,"step":2,"val')
    files = kept(data_project, data_project.snapshot().id)
    assert losses(files) == [0.5]
    assert files[series.name].endswith(b"}\n")
    run.end()


def test_a_large_file_is_left_out_and_named_and_a_series_never_is(
    data_project: DataProject,
) -> None:
    data_project.write("mlops.toml", '[snapshot]\nrun_file_limit = "5 B"\n')
    log(data_project, 0.5)
    taken = data_project.snapshot()
    assert losses(kept(data_project, taken.id)) == [0.5]
    assert f"files/{_IDS[0]}/report.txt" not in kept(data_project, taken.id)
    (left,) = taken.left_out
    assert left.path == f"runs/train/files/{_IDS[0]}/report.txt"
    assert left.why == "8 B, more than run_file_limit"


def test_names_that_other_systems_refuse_are_left_out(
    data_project: DataProject, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("a", "A", "b\\c", "tab\t"):
        (folder / name).write_text(name)
    run = log(data_project, 0.5, end=False)
    run.log_artifact(folder)
    run.end()
    taken = data_project.snapshot()
    files = kept(data_project, taken.id)
    assert sorted(path.rpartition("/")[2] for path in files if "model" in path) == ["A"]
    assert len(taken.left_out) == 3


def test_the_content_is_guarded_as_all_content_is(data_project: DataProject) -> None:
    log(data_project, 0.5)
    taken = data_project.snapshot()
    gc(data_project.open(), grace_hours=0, trash_days=0)
    assert losses(kept(data_project, taken.id)) == [0.5]
    assert not check(data_project.open(), read_data=True).damaged
    for pack in (data_project.root / ".git/mlops/packs").rglob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:40] + b"\0" * 40 + pack.read_bytes()[80:])
    damaged = check(data_project.open(), read_data=True).damaged
    named = {path for one in damaged for path in one.paths}
    assert named
    assert all(path.startswith(".mlops/runs/train/") for path in named)


def test_what_the_store_lost_is_kept_again(data_project: DataProject) -> None:
    data_project = DataProject(data_project.root, HandClock(datetime.now(UTC) + timedelta(hours=1)))
    log(data_project, 0.5)
    first = data_project.snapshot()
    data_project.git("update-ref", "-d", _REF + first.id)
    gc(data_project.open(), grace_hours=0, trash_days=0, even_all=True)
    gc(data_project.open(), grace_hours=0, trash_days=0, even_all=True)
    second = data_project.snapshot()
    assert losses(kept(data_project, second.id)) == [0.5]


def test_what_is_kept_is_not_read_again(data_project: DataProject) -> None:
    data_project = DataProject(data_project.root, HandClock(datetime.now(UTC) + timedelta(hours=1)))
    log(data_project, 0.5)
    data_project.snapshot()
    cache = data_project.root / ".git/mlops-worktree/kept-runs"
    rows = msgspec.msgpack.decode(cache.read_bytes())
    text = next(path for path in rows if path.endswith("report.txt"))
    series = next(path for path in rows if path.endswith(".jsonl"))
    rows[series][4:] = rows[text][4:]
    cache.chmod(0o644)
    cache.write_bytes(msgspec.msgpack.encode(rows))
    files = kept(data_project, data_project.snapshot().id)
    assert files[Path(series).name] == b"loss 0.5", "it was read again"


def test_they_travel_with_the_snapshot(tmp_path: Path) -> None:
    team = Team(tmp_path, str(tmp_path / "remote"))
    log(team.origin, 0.5)
    taken = team.origin.snapshot(name="best")
    push(team.origin.open(), snapshots=(taken.id,))
    bob = team.clone()
    fetch(bob.open(), snapshots=(taken.id,))
    refs = bob.git("for-each-ref", "--format=%(refname)", "refs/mlops/remotes").split()
    assert losses(kept(bob, "", refs[-1])) == [0.5]
    assert not (bob.root / ".mlops").exists()


def test_the_values_of_a_run_that_died_are_in_the_snapshot(data_project: DataProject) -> None:
    run = log(data_project, 0.5, end=False)
    run.log(loss=0.3, step=2)
    (marker,) = (data_project.root / ".git/mlops-worktree/runs/open").iterdir()
    first = marker.read_text().replace('"owner":"', '"owner":"9')
    marker.chmod(0o644)
    marker.write_text(first)
    taken = data_project.snapshot()
    assert data_project.read("metrics/train.json") == b'{\n "loss": 0.3\n}\n'
    assert losses(kept(data_project, taken.id)) == [0.5, 0.3]
    assert not marker.exists()


def test_a_metrics_file_that_cannot_be_written_is_named(
    data_project: DataProject, tmp_path: Path
) -> None:
    log(data_project, 0.5, end=False)
    (marker,) = (data_project.root / ".git/mlops-worktree/runs/open").iterdir()
    marker.chmod(0o644)
    marker.write_text(marker.read_text().replace('"owner":"', '"owner":"9'))
    data_project.remove("metrics")
    (data_project.root / "metrics").symlink_to(tmp_path)
    taken = data_project.snapshot()
    assert [left.path for left in taken.left_out if "died" in left.why] == ["metrics/train.json"]
    assert not (tmp_path / "train.json").exists()


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x81\xa1a\x96\x00\x00\x00\x00\x00\xa0"])
def test_a_cache_that_is_damaged_costs_only_time(data_project: DataProject, content: bytes) -> None:
    log(data_project, 0.5)
    cache = data_project.root / ".git/mlops-worktree/kept-runs"
    cache.parent.mkdir(exist_ok=True)
    cache.write_bytes(content)
    assert losses(kept(data_project, data_project.snapshot().id)) == [0.5]


KEY = "AKIA" + "Q3EGRZWZJ7KLP2VX"


def test_a_snapshot_whose_runs_show_a_secret_stays_here(tmp_path: Path) -> None:
    team = Team(tmp_path, str(tmp_path / "remote"))
    here = team.origin

    def take(number: int, show: Callable[[Run], None]) -> str:
        run = log(here, 0.5, number, end=False)
        show(run)
        run.end()
        return here.snapshot().id

    plain = take(0, lambda run: run.log_note("the best one so far"))
    secret = (
        take(1, lambda run: run.log_note(f"the key is {KEY}")),
        take(2, lambda run: run.log_text("answer", f"key: {KEY}")),
        take(3, lambda run: run.log_params({"step": 3, "source": f"s3 {KEY}"})),
    )
    sent = push(here.open(), snapshots=(plain, *secret))
    assert (sent.bundles, set(sent.held_snapshots)) == ((plain,), set(secret))
    assert not sent.up_to_date
    text = render_text(sent.describe(), width=400, colour=False)
    assert all(
        f"Snapshot {id} stays here, as texts in it look like secrets: " in text for id in secret
    )
    assert "AWS Access Key in its parameters" in text
    assert re.search("AWS Access Key in runs/train/files/[^/]*/answer", text)
    assert f"push --snapshots {' '.join(sent.held_snapshots)} --allow-secrets" in text
    assert KEY not in text
    allowed = push(here.open(), snapshots=secret, allow_secrets=True)
    assert (set(allowed.bundles), allowed.held_back) == (set(secret), ())
