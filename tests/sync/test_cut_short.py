"""Upkeep of a remote that dies at any step, or sees a listing that lies, costs nothing."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import IntegrityError, UnavailableError
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.snapshots.collect import Waits
from jupyter_mlops.snapshots.evicted import read_evicted
from jupyter_mlops.storage.backend import READ_LIMIT_BYTES, Backend, ByteRange, StoredObject
from jupyter_mlops.storage.content import Advance, Content
from jupyter_mlops.storage.open import open_backend
from jupyter_mlops.sync.check import check_remote
from jupyter_mlops.sync.collect import collect_remote
from jupyter_mlops.sync.evict import evict_to_remote
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.sync.repair import plan_remote_repair, repair_remote
from tests.support.damage import flip
from tests.support.data_project import DataProject
from tests.sync.team import Team, keep, push_data

pytestmark = pytest.mark.slow

AT_ONCE = Waits(0, 0)
ONE, TWO, THREE = (random.Random(seed).randbytes(200_000) for seed in (1, 2, 3))


class Died(BaseException):
    """The process is no more."""


class Seen:
    """A backend that hides objects from listings, and dies before a write."""

    def __init__(
        self,
        inner: Backend,
        *,
        dies_before: int | None = None,
        hides: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self._inner = inner
        self._left = dies_before
        self._hides = hides
        self.writes = 0

    @property
    def place(self) -> str:
        return self._inner.place

    def read(self, name: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
        return self._inner.read(name, limit_bytes=limit_bytes)

    def read_ranges(
        self, name: str, ranges: Sequence[ByteRange], *, expected: StoredObject | None = None
    ) -> list[bytes]:
        return self._inner.read_ranges(name, ranges, expected=expected)

    def put(self, name: str, content: Content, *, advance: Advance | None = None) -> None:
        self._write()
        self._inner.put(name, content, advance=advance)

    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        self._write()
        return self._inner.put_new(name, content, advance=advance)

    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        return (one for one in self._inner.iter_objects(prefix) if not self._hides(one.name))

    def stat(self, name: str) -> StoredObject:
        return self._inner.stat(name)

    def delete(self, name: str) -> None:
        self._write()
        self._inner.delete(name)

    def close(self) -> None:
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _write(self) -> None:
        self.writes += 1
        if self._left is not None and self.writes > self._left:
            raise Died


class Place:
    """A copy of a remote, and a clone that knows what is needed of it."""

    def __init__(self, folder: Path, cache: Path, ws: Workspace) -> None:
        self.folder = folder
        self.ws = ws
        self._cache = cache

    def look(
        self, dies_before: int | None = None, hides: Callable[[str], bool] = lambda name: False
    ) -> Remote:
        backend = Seen(open_backend(str(self.folder)), dies_before=dies_before, hides=hides)
        return Remote(backend, self._cache)

    def collect(self, remote: Remote) -> None:
        collect_remote(self.ws, remote, AT_ONCE)

    def repair(self, remote: Remote) -> None:
        repair_remote(self.ws, remote, plan_remote_repair(self.ws, remote))

    def assert_whole(self) -> None:
        found = check_remote(self.ws, self.look(), read_data=True)
        assert found.damages == ()

    def parts(self) -> set[str]:
        return {path.relative_to(self.folder).parts[0] for path in self.folder.rglob("*.*")}


@pytest.fixture
def clone(tmp_path: Path) -> DataProject:
    """A clone without content; its remote has garbage, mixed packs, and eight segments."""
    team = Team(tmp_path, str(tmp_path / "remote"))
    project = team.origin
    for number in range(6):
        project.write("small", f"{number}")
        keep(project, "small")
        push_data(project)
    for branch, content in (("gone", ONE), ("main", TWO)):
        project.git("switch", "--quiet", *(("--create",) if branch == "gone" else ()), branch)
        project.write("big/a", content)
        project.write("big/b", content[::-1])
        project.write(f"kept-{branch}", THREE[: 50_000 if branch == "gone" else 60_000])
        keep(project, "big", f"kept-{branch}")
        push_data(project)
        project.remove("big")
    project.git("branch", "--quiet", "-D", "gone")
    for ref in project.git("for-each-ref", "--format=%(refname)", "refs/mlops").split():
        project.git("update-ref", "-d", ref)
    return team.clone()


@pytest.fixture
def places(tmp_path: Path, clone: DataProject) -> Callable[[], Place]:
    made: list[Place] = []

    def make() -> Place:
        folder = tmp_path / f"copy-{len(made)}"
        shutil.copytree(tmp_path / "remote", folder)
        made.append(Place(folder, tmp_path / f"cache-{len(made)}", clone.open()))
        return made[-1]

    return make


def test_a_collection_that_died_at_any_step_is_done_by_the_next(
    places: Callable[[], Place],
) -> None:
    for rounds in (1, 2):
        for step in range(200):
            place = places()
            for _ in range(rounds - 1):
                place.collect(place.look())
            try:
                place.collect(place.look(dies_before=step))
            except Died:
                place.assert_whole()
                for _ in range(3):
                    place.collect(place.look())
                place.assert_whole()
                assert place.parts() == {"index", "packs"}
                continue
            assert step >= 4
            break


def test_a_repair_that_died_at_any_step_is_done_by_the_next(
    places: Callable[[], Place], tmp_path: Path
) -> None:
    for step in range(200):
        place = places()
        place.ws = DataProject(tmp_path / "origin").open()
        packs = sorted((place.folder / "packs").rglob("*.pack"))
        for path in (*packs[:2], *(place.folder / "index").iterdir()):
            path.chmod(0o644)
            flip(path, 70)
        packs[2].unlink()
        try:
            place.repair(place.look(dies_before=step))
        except Died:
            place.repair(place.look())
            place.assert_whole()
            continue
        place.assert_whole()
        assert step > 3
        break


def test_an_eviction_that_died_at_any_step_loses_nothing(
    places: Callable[[], Place], tmp_path: Path
) -> None:
    for step in range(10):
        place = places()
        project = DataProject(tmp_path / "origin").copy(tmp_path / f"origin-{step}")
        ws = project.open()
        try:
            evict_to_remote(ws, place.look(dies_before=step), "store", ("evict",))
        except Died:
            assert check(project.open()).elsewhere == 0
            evict_to_remote(project.open(), place.look(), "store", ("evict",))
        assert check(project.open(), read_data=True).ok
        assert check(project.open()).elsewhere > 0
        place.ws = DataProject(tmp_path / "clone-1").open()
        for _ in range(2):
            place.collect(place.look())
        remote = place.look()
        ids = read_evicted(project.open().store, "store")
        assert all(remote.find(RecordKind.CHUNK, id) is not None for id in ids)
        if remote.listing.claims and step:
            break
    assert step > 0


@pytest.mark.parametrize("part", ["index/", "packs/", "unneeded/", "trash/", "damaged/"])
@pytest.mark.parametrize("every", [1, 2])
def test_a_listing_that_hides_things_costs_nothing(
    places: Callable[[], Place], part: str, every: int
) -> None:
    place = places()

    def hides(name: str) -> bool:
        if not name.startswith(part):
            return False
        return every == 1 or name[-6] in "02468ace"

    for _ in range(3):
        try:
            place.collect(place.look(hides=hides))
        except (IntegrityError, UnavailableError) as error:
            assert part == "packs/"
            assert error.code == ("listing-empty" if every == 1 else "needs-unknown")
        place.assert_whole()
    place.collect(place.look())
    place.assert_whole()
