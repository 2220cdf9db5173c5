"""A push beside a garbage collection that moves the packs that it reads."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_mlops.commands.gc import gc
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.objects.running import running
from jupyter_mlops.objects.store import Store
from jupyter_mlops.progress import NoProgress
from jupyter_mlops.snapshots.needed import find_needed
from jupyter_mlops.sync.places import Named, open_remote
from jupyter_mlops.sync.push import PushPlan, plan_push, push_content
from jupyter_mlops.sync.scope import Scope, find_scope
from tests.sync.team import Team, assert_same, keep, pull_data, write_files


class _Moved(Store):
    """A store of which something happens to the packs just when they have been listed."""

    def __init__(self, folder: Path, happens: Callable[[], object]) -> None:
        super().__init__(folder)
        self._waiting = [happens]

    def iter_packs(self) -> Iterator[PackEntry]:
        listed = list(super().iter_packs())
        while self._waiting:
            self._waiting.pop()()
        return iter(listed)


def _collect(ws: Workspace) -> None:
    gc(ws, grace_hours=0, trash_days=0, even_all=True)


def _make_small_packs(team: Team, count: int = 10) -> dict[str, bytes]:
    """Write files and keep them in packs so many that a collection makes one of them."""
    files = write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    for number in range(count):
        name = f"own/{number}.bin"
        files[name] = random.Random(number).randbytes(5000)
        team.origin.write(name, files[name])
        keep(team.origin, name)
    return files


def _plan(ws: Workspace, store: Store, named: Named) -> PushPlan:
    with open_remote(ws, named) as there:
        return plan_push(store, there, find_needed(ws, find_scope(ws, Scope())).ranks)


def _push(ws: Workspace, plan: PushPlan, named: Named) -> None:
    with open_remote(ws, named, to_write=True) as there, NoProgress().task("", 0) as task:
        push_content(ws.store, there, plan, task)


def _packs(ws: Workspace) -> set[str]:
    return {path.stem for path in (ws.store.folder / "packs").rglob("*.pack")}


def _assert_all_went(team: Team, files: dict[str, bytes]) -> None:
    clone = team.clone()
    pull_data(clone)
    assert_same(clone, files)


def test_what_a_collection_moves_while_a_push_looks_goes_all_the_same(tmp_path: Path) -> None:
    team = Team(tmp_path, str(tmp_path / "remote"))
    files = _make_small_packs(team)
    ws = team.origin.open()
    named = Named("store", str(tmp_path / "remote"))
    before = _packs(ws)
    moving = _Moved(ws.store.folder, lambda: _collect(team.origin.open()))
    plan = _plan(ws, moving, named)
    assert not before & _packs(ws)
    assert plan.absent == ()
    _push(ws, plan, named)
    _assert_all_went(team, files)


def test_what_a_collection_moves_before_a_push_sends_it_goes_all_the_same(tmp_path: Path) -> None:
    team = Team(tmp_path, str(tmp_path / "remote"))
    files = _make_small_packs(team)
    ws = team.origin.open()
    named = Named("store", str(tmp_path / "remote"))
    before = _packs(ws)
    with running(ws.store):
        plan = _plan(ws, ws.store, named)
        assert plan.whole
        assert plan.copied
        _collect(team.origin.open())
        assert not before & _packs(ws)
        _push(ws, plan, named)
    _assert_all_went(team, files)
