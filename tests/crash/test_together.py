"""Processes that work on one project at the same time all succeed, and lose nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.log import log
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.objects.reader import read_file
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.tracked import read_tree_pointers
from jupyter_mlops.storage.open import open_backend
from tests.crash.together import BROKEN, Did, content, run_together
from tests.support.data_project import DataProject, make_data_project
from tests.support.project import make_project
from tests.support.remote_judge import check_remote
from tests.support.scoreboard import Scoreboard
from tests.support.sites import Kind, Sites
from tests.sync.team import Team, fetch_data, keep, push_data

pytestmark = pytest.mark.slow

PROCESSES = 4
SNAPSHOTS = 12


@pytest.fixture
def shared(tmp_path: Path) -> DataProject:
    """A project that has been set up, with code in it."""
    project = make_data_project(tmp_path / "project")
    project.mlops("init")
    project.write("code.py", "print()\n")
    project.write("metrics/run.json", '{"loss": 0.5}')
    project.commit("Set up")
    return project


def _check_snapshots(project: DataProject, all_did: dict[int, Did]) -> int:
    """Read back every snapshot that was told of; return how many there are."""
    ws = project.open()
    listed = {one.id for one in log(ws).snapshots}
    count = 0
    for number, did in all_did.items():
        path = f"own/{number}.bin"
        for id, told in did:
            assert id in listed
            pointer = read_tree_pointers(open_tree(ws.git, resolve_revision(ws.git, id)))[path]
            entries = read_entries(ws.store, pointer)
            assert read_file(ws.store, entries[""]) == content(number, int(told))
            count += 1
    return count


def _staged(project: DataProject) -> dict[str, bytes]:
    names = project.git("ls-files", "*.mlops").split()
    return {name: project.git("show", f":{name}").encode() for name in names}


def _take_many(project: DataProject, count: int, *broken: str) -> int:
    works = [("snapshot", project.root, number) for number in range(PROCESSES)]
    dids = run_together(works, count, *broken)
    kept = _check_snapshots(project, dict(enumerate(dids)))
    names = [f"own/{number}.bin.mlops" for number in range(PROCESSES)]
    assert _staged(project) == {name: project.read(name) for name in names}
    assert set(project.states().values()) == {"clean"}
    assert project.leftovers() == []
    return kept


def test_many_kernels_take_snapshots_at_once(
    shared: DataProject, scale: int, scoreboard: Scoreboard
) -> None:
    kept = _take_many(shared, SNAPSHOTS * scale)
    assert kept == PROCESSES * SNAPSHOTS * scale
    scoreboard.add("concurrent snapshots", kept)


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_comes_to_light(shared: DataProject, broken: str) -> None:
    with pytest.raises(AssertionError):
        for _ in range(12):  # whether two meet is a matter of chance
            _take_many(shared, SNAPSHOTS, broken)


def test_worktrees_a_reader_and_plain_git_work_at_once(
    shared: DataProject, tmp_path: Path, scale: int, scoreboard: Scoreboard
) -> None:
    second = DataProject(shared.worktree(tmp_path / "second", "HEAD").root)
    count = 8 * scale
    works = [
        ("restore", shared.root, 0),
        ("restore", second.root, 1),
        ("read", shared.root, 2),
        ("commit", shared.root, 3),
    ]
    main, other, _, locked = run_together(works, count)
    kept = _check_snapshots(shared, {0: main, 1: other})
    assert kept == 2 * count
    commits = shared.git("log", "--format=%s", "main").split("\n")
    assert sum(line.startswith("code") for line in commits) == count - len(locked)
    for project in (shared, second):
        assert project.leftovers() == []
        project.restore()
        assert set(project.states().values()) == {"clean"}
    scoreboard.add("concurrent snapshots", kept)


def test_garbage_is_collected_beside_writers(
    shared: DataProject, scale: int, scoreboard: Scoreboard
) -> None:
    works = [("snapshot", 0), ("restore", 1), ("drop", 2), ("drop", 3), ("collect", 4)]
    count = 8 * scale
    *dids, freed = run_together([(work, shared.root, number) for work, number in works], count)
    assert sum(int(told) for _, told in freed) > 0
    kept = _check_snapshots(shared, dict(enumerate(dids)))
    assert kept == 2 * count + 2 * 3
    assert check(shared.open(), read_data=True).ok
    assert shared.leftovers() == []
    scoreboard.add("concurrent snapshots", kept)


CLONES = 8
PUSHES = 8


def _check_pushed(team: Team, dids: dict[Path, Did]) -> int:
    """Let a new clone fetch what was pushed; return how many versions it has."""
    late = team.clone()
    for number, root in enumerate(dids):
        late.git("fetch", "--quiet", str(root), f"main:clone-{number}")
    fetch_data(late, all_branches=True)
    ws = late.open()
    count = 0
    for number, did in enumerate(dids.values()):
        for commit, told in did:
            pointer = read_tree_pointers(open_tree(ws.git, commit))[f"own/{number}.bin"]
            entries = read_entries(ws.store, pointer)
            assert read_file(ws.store, entries[""]) == content(number, int(told))
            count += 1
    return count


@pytest.mark.parametrize("kind, pushes", [("file", PUSHES), ("s3", PUSHES // 2)])
def test_many_push_to_one_remote_at_once(
    sites: Sites, tmp_path: Path, kind: Kind, pushes: int, scale: int, scoreboard: Scoreboard
) -> None:
    site = sites.make(kind)
    team = Team(tmp_path, site.url, site.settings)
    clones = [team.clone().root for _ in range(CLONES)]
    works = [("push", root, number) for number, root in enumerate(clones)]
    dids = run_together(works, pushes * scale)
    with site.open() as backend:
        assert check_remote(backend) > 0
    pushed = _check_pushed(team, dict(zip(clones, dids, strict=True)))
    assert pushed == CLONES * pushes * scale
    scoreboard.add("push races", pushed)


def test_push_and_pull_beside_what_changes_the_store(
    tmp_path: Path, scale: int, scoreboard: Scoreboard
) -> None:
    team = Team(tmp_path, str(tmp_path / "remote"))
    team.origin.write("own/9.bin", content(9, 0))
    keep(team.origin, "own/9.bin")
    push_data(team.origin)
    clone = team.clone()
    count = 8 * scale
    works = [
        ("push", team.origin.root, 0),
        ("collect", team.origin.root, 1),
        ("pull", clone.root, 9),
        ("snapshot", clone.root, 2),
        ("drop", clone.root, 3),
    ]
    pushed, _, pulled, kept, dropped = run_together(works, count)
    assert len(pulled) == count
    assert _check_pushed(team, {team.origin.root: pushed}) == count
    assert _check_snapshots(clone, {2: kept, 3: dropped}) == count + 3
    for project in (team.origin, clone):
        assert check(project.open(), read_data=True).ok
        assert project.leftovers() == []
    with open_backend(str(tmp_path / "remote")) as backend:
        assert check_remote(backend) > 0
    scoreboard.add("push races", count)


def test_many_set_one_project_up_at_once(tmp_path: Path) -> None:
    project = DataProject(make_project(tmp_path / "project").root)
    run_together([("init", project.root, number) for number in range(PROCESSES)], 1)
    before = project.everything()
    assert project.mlops("init").returncode == 0
    assert project.everything() == before
    assert project.states() == {}
    assert project.leftovers() == []


_LOG = """
import sys
sys.stdin.readline()
import jupyter_mlops as mlops
for step in range(50):
    mlops.log(**{"loss": step, sys.argv[1]: step}, step=step)
"""


LATER_RUN = (
    b"A later run called 'train' has begun, whose values metrics/train.json holds; those of this"
    b" one are in its series.\n"
)


def test_many_processes_log_under_one_name(shared: DataProject) -> None:
    script = shared.write("train.py", _LOG)
    children = [
        subprocess.Popen(
            [sys.executable, str(script), f"own{number}"],
            cwd=shared.root,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
    for child in children:
        _, said = child.communicate()
        assert child.returncode == 0
        # Each is an execution of its own: but for the last one, those that notice that say so.
        assert said in (b"", LATER_RUN)
    values = json.loads(shared.read("metrics/train.json"))
    assert values["loss"] == 49
    lines = [
        json.loads(line)
        for file in (shared.root / ".git/mlops/runs/train").glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    for number in range(PROCESSES):
        steps = sorted(line["step"] for line in lines if f"own{number}" in json.dumps(line))
        assert steps == list(range(50))
