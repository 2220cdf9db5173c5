"""``evict`` frees what another store is verified to hold, and nothing else."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.evict import EvictResult, evict
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import ConflictError, NotFoundError, UnavailableError
from tests.support.damage import flip
from tests.support.data_project import DataProject

ONE, TWO = (random.Random(seed).randbytes(900_000) for seed in (1, 2))


@pytest.fixture
def kept(data_project: DataProject, tmp_path: Path) -> DataProject:
    """A clone whose alternate holds ``one``; ``two`` is only in the clone, and on its disk."""
    data_project.write("model.bin", ONE)
    data_project.snapshot("model.bin", name="one")
    shutil.copytree(data_project.root / ".git/mlops", tmp_path / "alternate")
    data_project.git("config", "mlops.alternates", str(tmp_path / "alternate"))
    data_project.write("model.bin", TWO)
    data_project.snapshot("model.bin", name="two")
    return data_project


def run_evict(project: DataProject, *, dry_run: bool = False) -> EvictResult:
    return evict(project.open(), dry_run=dry_run)


def own_bytes(project: DataProject) -> int:
    """Return what the packs of the clone's own store take, those in its trash too."""
    files = (project.root / ".git/mlops").glob("**/packs/??/*")
    return sum(path.stat().st_size for path in files)


def restores(project: DataProject, name: str, content: bytes) -> bool:
    project.restore(name)
    return (project.root / "model.bin").read_bytes() == content


def test_what_the_alternate_holds_goes_at_once_and_is_read_there(kept: DataProject) -> None:
    before = own_bytes(kept)
    told = run_evict(kept, dry_run=True)
    assert own_bytes(kept) == before
    done = run_evict(kept)
    assert told.freed_bytes == done.freed_bytes > len(ONE) * 0.99
    assert before - own_bytes(kept) == pytest.approx(done.freed_bytes, rel=0.01)
    assert done.only_here_bytes > len(TWO) * 0.99
    assert restores(kept, "one", ONE)
    assert restores(kept, "two", TWO)
    assert check(kept.open(), read_data=True).ok
    assert run_evict(kept).freed_bytes == 0


def test_undo_copies_it_back(kept: DataProject, tmp_path: Path) -> None:
    before = own_bytes(kept)
    run_evict(kept)
    kept.undo()
    assert own_bytes(kept) > before * 0.99
    kept.undo()
    assert own_bytes(kept) < before * 0.6
    (tmp_path / "alternate").rename(tmp_path / "away")
    with pytest.raises(UnavailableError) as caught:
        kept.undo()
    assert caught.value.code == "store-unreachable"
    (tmp_path / "away").rename(tmp_path / "alternate")
    kept.undo()
    shutil.rmtree(tmp_path / "alternate")
    assert restores(kept, "one", ONE)


@pytest.mark.parametrize("how", ["damaged", "away"])
def test_what_the_alternate_cannot_give_stays(kept: DataProject, tmp_path: Path, how: str) -> None:
    if how == "damaged":
        for pack in (tmp_path / "alternate/packs").glob("*/*"):
            for place in range(100, pack.stat().st_size, 10_000):
                flip(pack, place)
    else:
        shutil.rmtree(tmp_path / "alternate")
    before = own_bytes(kept)
    assert run_evict(kept).freed_bytes == 0
    assert own_bytes(kept) == before
    assert restores(kept, "one", ONE)


def test_without_another_store_nothing_is_evicted(kept: DataProject, tmp_path: Path) -> None:
    kept.git("config", "--unset", "mlops.alternates")
    with pytest.raises(ConflictError) as caught:
        run_evict(kept)
    assert caught.value.code == "no-alternate"
    init(open_here(kept.root), new_store=tmp_path / "shared")
    with pytest.raises(ConflictError) as caught:
        run_evict(kept)
    assert caught.value.code == "store-shared"


def test_data_is_kept_again_once_the_alternate_has_gone(kept: DataProject, tmp_path: Path) -> None:
    kept.restore("one")
    run_evict(kept)
    shutil.rmtree(tmp_path / "alternate")
    with pytest.raises(NotFoundError):
        kept.remove("model.bin")
        kept.restore("one")
    kept.write("model.bin", ONE)
    kept.snapshot("model.bin", name="again")
    kept.remove("model.bin")
    assert restores(kept, "again", ONE)
