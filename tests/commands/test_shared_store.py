"""A shared store and alternates as the user's settings of Git name them."""

from __future__ import annotations

import os
import random
import shutil
import stat
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.doctor import doctor
from jupyter_mlops.commands.init import InitResult, init
from jupyter_mlops.commands.repair import repair
from jupyter_mlops.commands.selftest_project import open_trial
from jupyter_mlops.commands.status import status
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import NotFoundError, UnavailableError, UsageError
from jupyter_mlops.git.config import read_store_places
from tests.support.damage import flip
from tests.support.data_project import DataProject, make_data_project

DATA = {"a.csv": b"a" * 1000, "sub/b.csv": b"b" * 1000}


def _init(project: DataProject, **options: Path) -> InitResult:
    return init(open_here(project.root), **options)


def _keep(project: DataProject) -> None:
    for name, content in DATA.items():
        project.write(f"data/{name}", content)
    project.snapshot("data")
    project.commit("Data")


def _findings(project: DataProject) -> dict[str, str]:
    return {one.code: one.problem for one in doctor(open_here(project.root)).findings}


def _packs(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "packs").glob("*/*"))


@pytest.fixture
def other(tmp_path: Path) -> DataProject:
    """A second project with the same data as the first, known to its Git, but not kept here."""
    return make_data_project(tmp_path / "other")


def test_a_store_moves_to_a_shared_place_and_others_join_it(
    data_project: DataProject, other: DataProject, tmp_path: Path
) -> None:
    _keep(data_project)
    store = tmp_path / "store"
    mine = _packs(data_project.root / ".git/mlops")

    done = "\n".join(_init(data_project, new_store=store).done)

    assert str(store) in done
    assert "Moved" in done
    assert _packs(store) == mine
    assert _packs(data_project.root / ".git/mlops") == []
    assert _init(data_project).done == ()
    assert _init(data_project, new_store=store).done == ()
    assert data_project.git("config", "mlops.store").strip() == str(store)
    data_project.remove("data")
    data_project.restore()
    assert data_project.files("data") == DATA

    _init(other, store=store)
    _keep(other)
    assert _packs(store) == mine
    assert check(other.open(), read_data=True).ok


@pytest.mark.skipif(os.name != "posix", reason="not run: needs the rights of POSIX")
@pytest.mark.parametrize(("mode", "alone"), [(0o700, True), (0o755, True), (0o2770, False)])
def test_it_is_said_where_nobody_else_can_write(
    data_project: DataProject, tmp_path: Path, mode: int, alone: bool
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(mode)
    said = "\n".join(_init(data_project, new_store=tmp_path / "store").done)
    assert ("only you can write" in said) == alone
    for folder in ("packs", "packs/00", "packs/ff", "tmp"):
        assert stat.S_IMODE((tmp_path / "store" / folder).stat().st_mode) == mode


def test_a_linked_worktree_uses_the_same_shared_store(
    data_project: DataProject, tmp_path: Path
) -> None:
    _init(data_project, new_store=tmp_path / "store")
    _keep(data_project)
    data_project.git("worktree", "add", "--quiet", str(tmp_path / "tree"), "-b", "tree")
    tree = DataProject(tmp_path / "tree")
    tree.restore()
    assert tree.files("data") == DATA


def test_joining_makes_no_store(data_project: DataProject, tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()
    for place in ("mount", "nowhere"):
        with pytest.raises(UnavailableError) as caught:
            _init(data_project, store=tmp_path / place)
        assert caught.value.code == "store-unreachable"
        assert any("--new-store" in hint for hint in caught.value.hints)
    assert list((tmp_path / "mount").iterdir()) == []
    assert read_store_places(data_project.open().git).shared is None
    with pytest.raises(UsageError):
        _init(data_project, store=tmp_path / "a", new_store=tmp_path / "b")


def test_while_the_disk_is_away_nothing_is_written_and_all_say_why(
    data_project: DataProject, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    _init(data_project, new_store=store)
    data_project.git("add", "--all")
    data_project.commit("Use it")
    _keep(data_project)
    assert "store-unreachable" not in _findings(data_project)
    store.rename(tmp_path / "away")

    shown = status(data_project.open())
    assert shown.stores_out_of_reach == (str(store),)
    assert shown.files_out_of_reach is None
    assert "Out of reach" in render_text(shown.describe())
    assert str(store) in _findings(data_project)["store-unreachable"]
    data_project.write("data/a.csv", b"changed")
    for act in (data_project.snapshot, data_project.restore, lambda: check(data_project.open())):
        with pytest.raises(UnavailableError) as caught:
            act()
        assert caught.value.code == "store-unreachable"
    assert data_project.state("data") == "changed"
    assert _init(data_project).done == ()
    assert not store.exists()

    (tmp_path / "away").rename(store)
    data_project.snapshot()
    assert data_project.state("data") == "clean"


def test_a_setting_by_hand_loses_nothing_and_doctor_says_what_is_left(
    data_project: DataProject, other: DataProject, tmp_path: Path
) -> None:
    _keep(data_project)
    _init(other, new_store=tmp_path / "store")
    data_project.git("config", "mlops.store", str(tmp_path / "store"))
    data_project.remove("data")
    data_project.restore()
    assert data_project.files("data") == DATA
    assert "packs-not-shared" in _findings(data_project)
    _init(data_project)
    assert "packs-not-shared" not in _findings(data_project)
    assert len(_packs(tmp_path / "store")) == 1


@pytest.mark.parametrize("key", ["mlops.store", "mlops.alternates"])
def test_a_path_that_means_something_else_in_each_folder_is_refused(
    data_project: DataProject, key: str
) -> None:
    data_project.git("config", "--add", key, "some/store")
    with pytest.raises(UsageError) as caught:
        data_project.open()
    assert caught.value.code == "store-path"
    assert key in caught.value.message
    assert _findings(data_project)


def test_settings_are_read_as_git_reads_paths(data_project: DataProject, tmp_path: Path) -> None:
    git = data_project.open().git
    for value in ("/one", "", "~/two", "/three"):
        data_project.git("config", "--add", "mlops.alternates", value)
    found = read_store_places(git)
    assert found.alternates == (Path.home() / "two", Path("/three"))
    data_project.git("config", "--add", "mlops.store", "/one")
    assert read_store_places(git).shared == Path("/one")
    data_project.git("config", "--add", "mlops.store", "")
    assert read_store_places(git).shared is None
    data_project.git(
        "config", "--replace-all", "mlops.store", str(data_project.root / ".git/mlops")
    )
    assert not data_project.open().store.is_shared


def test_nothing_that_is_committed_names_a_store(data_project: DataProject, tmp_path: Path) -> None:
    for text in (f'[store]\npath = "{tmp_path}"\n', f'[mlops]\nstore = "{tmp_path}"\n'):
        data_project.write("mlops.toml", text)
        with pytest.raises(UsageError) as caught:
            data_project.open()
        assert caught.value.code == "config-invalid"
    data_project.write("mlops.toml", "")
    data_project.write(".gitconfig", f"[mlops]\n\tstore = {tmp_path}/store\n")
    assert not data_project.open().store.is_shared


def test_content_of_an_alternate_is_restored_and_not_kept_twice(
    data_project: DataProject, other: DataProject
) -> None:
    _keep(data_project)
    alternate = data_project.root / ".git/mlops"
    other.git("config", "--add", "mlops.alternates", str(alternate))
    before = sorted(alternate.rglob("*"))
    _keep(other)
    assert _packs(other.root / ".git/mlops") == []
    other.remove("data")
    other.restore()
    assert other.files("data") == DATA
    assert check(other.open(), read_data=True).ok
    assert sorted(alternate.rglob("*")) == before


def test_what_only_an_alternate_has_is_told_while_that_is_away(
    data_project: DataProject, other: DataProject, tmp_path: Path
) -> None:
    _keep(data_project)
    alternate = tmp_path / "alternate"
    shutil.copytree(data_project.root / ".git/mlops", alternate)
    other.git("config", "--add", "mlops.alternates", str(alternate))
    _keep(other)
    alternate.rename(tmp_path / "away")

    shown = status(other.open())
    assert (shown.stores_out_of_reach, shown.files_out_of_reach) == ((str(alternate),), 2)
    assert "2 files" in render_text(shown.describe())
    assert str(alternate) in _findings(other)["store-unreachable"]
    assert any(str(alternate) in one.why for one in check(other.open()).damaged)
    other.remove("data")
    with pytest.raises(NotFoundError) as caught:
        other.restore()
    assert str(alternate) in caught.value.message
    (tmp_path / "away").rename(alternate)
    other.restore()
    assert other.files("data") == DATA


def test_damage_of_an_alternate_is_named_and_never_repaired_from_here(
    data_project: DataProject, other: DataProject
) -> None:
    _keep(data_project)
    alternate = data_project.root / ".git/mlops"
    other.git("config", "--add", "mlops.alternates", str(alternate))
    _keep(other)
    (pack,) = alternate.glob("packs/*/*")
    flip(pack, 80)
    before = {path: path.stat().st_mtime_ns for path in alternate.rglob("*")}

    found = check(other.open(), read_data=True)
    assert {one.what for one in found.damaged} >= {"alternate", "content"}
    assert not repair(other.open()).done
    done = repair(other.open(), yes=True)

    assert [one.what for one in done.remaining] == ["alternate"]
    assert done.quarantined == ()
    assert {path: path.stat().st_mtime_ns for path in alternate.rglob("*")} == before
    other.remove("data")
    other.restore()
    assert other.files("data") == DATA


def test_a_selftest_keeps_away_from_the_shared_store(
    data_project: DataProject, tmp_path: Path
) -> None:
    _init(data_project, new_store=tmp_path / "store")
    settings = Path.home() / "gitconfig"
    before = settings.read_text()
    settings.write_text(f"{before}[mlops]\n\tstore = {tmp_path}/store\n")
    try:
        with open_trial(open_here(tmp_path), tmp_path / "trial", random.Random(1)) as trial:
            assert trial.stored_files()
            assert not trial.open().store.is_shared
    finally:
        settings.write_text(before)
    assert _packs(tmp_path / "store") == []
