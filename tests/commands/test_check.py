"""``check`` names what cannot be brought back, and ``repair`` brings back what it can."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import CheckResult, check
from jupyter_mlops.commands.repair import RepairResult, repair
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import format_hash, hash_bytes
from tests.notebooks.conftest import NOTEBOOKS
from tests.support.damage import change, flip
from tests.support.data_project import DataProject

BIG = random.Random(1).randbytes(2_000_000)
"""Cut into many chunks."""
FILES = {"a.csv": b"a,b\n1,2\n" * 500, "sub/b.csv": b"only b", "sub/big.bin": BIG}


@pytest.fixture
def kept(data_project: DataProject) -> DataProject:
    """Two snapshots, ``one`` and ``two``, in a pack each; the second changed ``a.csv``."""
    for name, content in FILES.items():
        data_project.write(f"data/{name}", content)
    data_project.write("model.bin", b"model" * 1000)
    data_project.snapshot("data", "model.bin", name="one")
    data_project.commit("one")
    data_project.write("data/a.csv", b"changed")
    data_project.snapshot(name="two")
    data_project.commit("two")
    return data_project


def run_check(project: DataProject, *, read_data: bool = False) -> CheckResult:
    return check(project.open(), read_data=read_data)


def run_repair(project: DataProject, *, yes: bool = False) -> RepairResult:
    return repair(project.open(), yes=yes)


def packs(project: DataProject) -> list[Path]:
    """Return the packs, the first snapshot's first: it is much the larger one."""
    found = (project.root / ".git/mlops/packs").glob("*/*")
    return sorted(found, key=lambda path: -path.stat().st_size)


def place_of(project: DataProject, content: bytes) -> tuple[Path, int]:
    """Return the pack and the place in it of the chunk that is all of ``content``."""
    store = project.open().store
    place = store.locate(RecordKind.CHUNK, hash_bytes(content))
    assert place is not None
    return store.pack_path(place), place.offset


def damage_chunk(project: DataProject, content: bytes) -> None:
    path, offset = place_of(project, content)
    flip(path, offset + 53)


def found(result: CheckResult) -> list[tuple[str, tuple[str, ...]]]:
    return sorted((one.what, one.paths) for one in result.damaged)


def restores(project: DataProject, name: str, wanted: dict[str, bytes], target: Path) -> bool:
    """Return whether a snapshot gives back ``wanted`` to a worktree that has nothing."""
    tree = DataProject(project.worktree(target, "HEAD~2").root)
    tree.restore(name)
    return tree.files("data") == wanted


def test_a_whole_project_is_whole_and_stays_untouched(kept: DataProject) -> None:
    def all_files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in kept.root.rglob("*") if path.is_file()}

    before = all_files()
    for read_data in (False, True):
        result = run_check(kept, read_data=read_data)
        assert result.ok and result.exit_status == 0 and result.damaged == ()
        assert (result.packs, result.pointers, result.absent) == (2, 3, 0)
    assert run_repair(kept).exit_status == 0
    assert all_files() == before


def test_a_flipped_bit_is_found_by_reading_and_named_by_file_and_snapshot(
    kept: DataProject,
) -> None:
    damage_chunk(kept, FILES["sub/b.csv"])
    assert run_check(kept).ok

    result = run_check(kept, read_data=True)

    assert result.exit_status == 5
    assert found(result) == [("content", ("data/sub/b.csv",)), ("pack", ())]
    content = next(one for one in result.damaged if one.what == "content")
    assert content.id == format_hash(hash_bytes(FILES["sub/b.csv"]))
    assert len(content.snapshots) == 2


def test_a_chunk_of_a_big_file_is_found_and_taken_back_from_a_changed_file(
    kept: DataProject, tmp_path: Path
) -> None:
    pack, _ = place_of(kept, FILES["sub/b.csv"])
    flip(pack, pack.stat().st_size // 2)
    assert found(run_check(kept, read_data=True))[0] == ("content", ("data/sub/big.bin",))
    kept.write("data/sub/big.bin", BIG + b"and more")  # all but its last chunk is as it was

    assert run_repair(kept, yes=True).exit_status == 0

    wanted = {**FILES, "a.csv": b"changed"}
    assert restores(kept, "two", wanted, tmp_path / "other")
    assert restores(kept, "one", FILES, tmp_path / "another")


def test_lost_content_is_taken_back_from_the_working_tree(
    kept: DataProject, tmp_path: Path
) -> None:
    damage_chunk(kept, FILES["sub/b.csv"])
    damage_chunk(kept, b"changed")
    before = kept.everything()

    plan = run_repair(kept)
    assert plan.exit_status == 5 and not plan.done
    assert {one.paths[0] for one in plan.taken_back} == {"data/a.csv", "data/sub/b.csv"}
    assert len(plan.quarantined) == 2 and plan.remaining == ()
    assert not run_check(kept, read_data=True).ok  # a plan changes nothing

    done = run_repair(kept, yes=True)

    assert done.exit_status == 0 and done.remaining == ()
    assert run_check(kept, read_data=True).ok
    assert kept.everything() == before
    assert restores(kept, "one", FILES, tmp_path / "other")
    assert kept.leftovers() == []


def test_damaged_packs_are_set_aside_and_nothing_is_deleted(kept: DataProject) -> None:
    damage_chunk(kept, FILES["sub/b.csv"])
    pack, _ = place_of(kept, FILES["sub/b.csv"])
    content = pack.read_bytes()
    run_repair(kept, yes=True)
    aside = kept.root / ".git/mlops/quarantine" / pack.name
    assert aside.read_bytes() == content
    assert not pack.exists()


def test_another_worktree_gives_back_what_it_has(kept: DataProject, tmp_path: Path) -> None:
    other = DataProject(kept.worktree(tmp_path / "other", "HEAD").root)
    other.restore()
    damage_chunk(kept, FILES["sub/b.csv"])
    kept.remove("data")
    assert run_repair(kept, yes=True).exit_status == 0
    kept.restore()
    assert kept.read("data/sub/b.csv") == FILES["sub/b.csv"]


def test_what_nobody_has_is_named_and_the_rest_is_saved(kept: DataProject, tmp_path: Path) -> None:
    damage_chunk(kept, FILES["a.csv"])
    result = run_repair(kept, yes=True)
    assert result.exit_status == 5
    assert [one.paths for one in result.remaining] == [("data/a.csv",)]
    assert found(run_check(kept)) == [("content", ("data/a.csv",))]
    assert restores(kept, "two", {**FILES, "a.csv": b"changed"}, tmp_path / "other")
    with pytest.raises(NotFoundError):
        kept.restore("one")

    kept.write("data/a.csv", FILES["a.csv"])  # somebody found it
    assert run_repair(kept, yes=True).exit_status == 0
    assert run_check(kept, read_data=True).ok


def cut_footer(content: bytearray) -> None:
    del content[-20:]


def lengthen(content: bytearray) -> None:
    content += bytes(100)


def damage_header(content: bytearray) -> None:
    content[0] ^= 1


@pytest.mark.parametrize("edit", [cut_footer, lengthen, damage_header])
def test_records_that_are_whole_are_copied_out_of_a_pack_that_is_not(
    kept: DataProject, edit: Callable[[bytearray], None], tmp_path: Path
) -> None:
    change(packs(kept)[0], edit)
    kept.remove("data")
    kept.remove("model.bin")
    assert not run_check(kept).ok

    done = run_repair(kept, yes=True)

    assert done.exit_status == 0 and done.saved_records > 5 and done.taken_back == ()
    assert restores(kept, "one", FILES, tmp_path / "other")


def test_a_pack_that_is_gone_is_found_and_made_again(kept: DataProject, tmp_path: Path) -> None:
    packs(kept)[1].unlink()
    result = run_check(kept)
    assert found(result) == [("content", ("data/a.csv",)), ("pack", ())]
    assert run_repair(kept, yes=True).exit_status == 0
    assert restores(kept, "two", {**FILES, "a.csv": b"changed"}, tmp_path / "other")


def test_two_packs_that_changed_places_are_found_and_read_all_the_same(
    kept: DataProject, tmp_path: Path
) -> None:
    first, second = packs(kept)
    one, other = first.read_bytes(), second.read_bytes()
    for path, content in ((first, other), (second, one)):
        path.unlink()
        path.write_bytes(content)
    kept.remove("data")
    assert {what for what, _ in found(run_check(kept))} == {"content", "pack"}
    assert run_repair(kept, yes=True).exit_status == 0
    assert restores(kept, "one", FILES, tmp_path / "other")


def test_a_damaged_index_is_made_anew(kept: DataProject, tmp_path: Path) -> None:
    for segment in (kept.root / ".git/mlops/index").iterdir():
        flip(segment, segment.stat().st_size // 2)
    assert {what for what, _ in found(run_check(kept))} == {"index"}
    done = run_repair(kept, yes=True)
    assert done.exit_status == 0 and len(done.rebuilt) == 2
    assert run_check(kept, read_data=True).ok
    assert restores(kept, "one", FILES, tmp_path / "other")


def test_without_index_and_pack_a_snapshot_still_says_what_it_lacks(kept: DataProject) -> None:
    for path in [packs(kept)[1], *(kept.root / ".git/mlops/index").iterdir()]:
        path.unlink()
    assert found(run_check(kept)) == [("content", ("data/a.csv",))]
    assert run_repair(kept, yes=True).exit_status == 0


def test_a_clone_without_data_is_not_damaged(kept: DataProject, tmp_path: Path) -> None:
    clone = DataProject(kept.clone(tmp_path / "clone").root)
    result = run_check(clone, read_data=True)
    assert result.ok and result.absent == 5


def test_a_folder_too_big_to_list_is_followed_and_made_again(
    data_project: DataProject, tmp_path: Path
) -> None:
    for number in range(1005):
        data_project.write(f"data/{number % 3}/{number}.txt", b"%d" % number)
    data_project.snapshot("data", name="one")
    wanted = data_project.files("data")
    store = data_project.open().store
    view = store.views()[0]
    (pack,) = packs(data_project)
    trees = [place.offset for _, place in view if place.kind is RecordKind.TREE]
    flip(pack, trees[0] + 70)

    result = run_check(data_project, read_data=True)
    assert "folder" in {one.what for one in result.damaged}
    assert run_repair(data_project, yes=True).exit_status == 0
    data_project.remove("data")
    data_project.restore("one")
    assert data_project.files("data") == wanted


def test_an_invalid_pointer_file_is_named(kept: DataProject) -> None:
    kept.write("model.bin.mlops", "nonsense\n")
    kept.commit("nonsense")
    (first, second) = run_check(kept).damaged
    assert {first.what, second.what} == {"pointer"}
    assert first.paths == second.paths == ("model.bin.mlops",)


def remove_object(project: DataProject, oid: str) -> None:
    (project.root / ".git/objects" / oid[:2] / oid[2:]).unlink()


def test_what_git_lost_of_a_snapshot_is_named(kept: DataProject) -> None:
    taken = kept.snapshot(name="three", message="x")
    ref = f"refs/mlops/snapshots/{taken.id}"
    remove_object(kept, kept.git("rev-parse", f"{ref}:.mlops/snapshot.json").strip())
    result = run_check(kept)
    assert result.exit_status == 5
    assert (taken.id,) in [one.snapshots for one in result.damaged if one.what == "snapshot"]
    assert all(taken.id in one.snapshots for one in result.damaged if one.what == "snapshot")


def test_a_reference_that_was_cut_to_nothing_is_named(kept: DataProject) -> None:
    taken = kept.snapshot(name="three")
    (kept.root / f".git/refs/mlops/snapshots/{taken.id}").write_bytes(b"")
    damaged = run_check(kept).damaged
    assert [(one.what, one.id) for one in damaged] == [("snapshot", taken.id)]


def test_lost_outputs_are_taken_back_from_the_notebook(data_project: DataProject) -> None:
    assert data_project.mlops("init").returncode == 0
    data_project.write("nb.ipynb", NOTEBOOKS["plain"])
    data_project.commit("notebook")
    stripped = data_project.git("show", "HEAD:nb.ipynb").encode()
    (pack,) = packs(data_project)
    flip(pack, pack.stat().st_size // 3)

    (outputs,) = [one for one in run_check(data_project, read_data=True).damaged if one.paths]
    assert (outputs.what, outputs.paths) == ("outputs", ("nb.ipynb",))
    assert outputs.id == format_hash(hash_bytes(stripped))

    assert run_repair(data_project, yes=True).exit_status == 0
    data_project.remove("nb.ipynb")
    data_project.git("checkout", "--", "nb.ipynb")
    assert data_project.read("nb.ipynb") == NOTEBOOKS["plain"]


def test_a_damage_that_reading_meets_says_how_to_mend_it(kept: DataProject) -> None:
    damage_chunk(kept, FILES["a.csv"])
    with pytest.raises(MlopsError) as caught:
        kept.restore("one")
    assert caught.value.exit_status == 5
    assert caught.value.hints == ("jupyter mlops repair",)
