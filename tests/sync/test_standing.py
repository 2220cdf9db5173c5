"""What a clone knows of where its data is, without asking a remote."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jupyter_mlops.commands.push import push
from jupyter_mlops.commands.remote_add import remote_add
from jupyter_mlops.commands.remote_remove import remote_remove
from jupyter_mlops.commands.status import StatusResult, status
from jupyter_mlops.document.render_text import render_text
from tests.support.data_project import DataProject, make_data_project
from tests.sync.team import Team, fetch_data, keep, pull_data, push_data, write_files

MANY = 1100
"""More files than a pointer lists: folders have manifests of their own."""


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def team(tmp_path: Path, remote: Path) -> Team:
    return Team(tmp_path, str(remote))


def look(project: DataProject) -> StatusResult:
    return status(project.open())


def counts(project: DataProject) -> tuple[int, int, int]:
    """Return how many paths are not pushed, the bytes only here, the paths not pulled."""
    shown = look(project)
    return shown.not_pushed, shown.only_copy_here, shown.not_pulled


def text(project: DataProject) -> str:
    return render_text(look(project).describe(), width=100, colour=False)


def test_what_was_pushed_is_known_to_be_there_though_the_remote_is_away(
    team: Team, remote: Path
) -> None:
    files = write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    links = len("big.bin")
    assert counts(team.origin) == (2, sum(map(len, files.values())) + links, 0)
    assert "data, model.bin: not pushed" in text(team.origin)
    push_data(team.origin)
    shutil.rmtree(remote)
    assert counts(team.origin) == (0, 0, 0)
    assert "A remote has all of it, as of the last push or fetch." in text(team.origin)


def test_only_the_pieces_that_are_new_are_only_here(team: Team) -> None:
    write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    push_data(team.origin)
    big = bytearray(team.origin.read("data/big.bin"))
    big[100:110] = b"0123456789"
    team.origin.write("data/big.bin", bytes(big))
    team.origin.write("data/new.txt", b"12345")
    changed = look(team.origin)
    assert changed.not_pushed == 1
    assert changed.only_copy_here == len(big) + 5
    assert "jupyter mlops push" not in text(team.origin)
    keep(team.origin)
    kept = look(team.origin)
    assert kept.not_pushed == 1
    assert 5 < kept.only_copy_here < len(big) / 2
    assert "jupyter mlops push" in text(team.origin)


def test_a_clone_knows_from_its_fetch_what_is_there(team: Team) -> None:
    write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    push_data(team.origin)
    clone = team.clone()
    assert counts(clone) == (0, 0, 2)
    assert "Bring it here: jupyter mlops pull" in text(clone)
    assert "A remote has all of it" not in text(clone)
    fetch_data(clone)
    assert counts(clone) == (0, 0, 0)
    assert "jupyter mlops pull" not in text(clone)
    pull_data(clone)
    assert counts(clone) == (0, 0, 0)


def test_folders_of_many_files_and_what_is_new_in_them(team: Team) -> None:
    for number in range(MANY):
        team.origin.write(f"data/{number % 4}/{number}", b"%d" % number)
    keep(team.origin, "data")
    push_data(team.origin)
    assert counts(team.origin) == (0, 0, 0)
    team.origin.write("data/3/new", b"new")
    keep(team.origin)
    assert counts(team.origin) == (1, 3, 0)
    push_data(team.origin)
    (team.origin.root / "data/3/new").rename(team.origin.root / "data/2/new")
    keep(team.origin)
    assert counts(team.origin) == (1, 0, 0)  # the content is there, the folders' manifests not
    push_data(team.origin)
    assert counts(team.origin) == (0, 0, 0)


def test_what_no_commit_names_waits_for_one(team: Team) -> None:
    team.origin.write("data/a", b"1")
    team.origin.snapshot("data")
    assert look(team.origin).not_committed == 1
    assert "git commit" in text(team.origin)
    assert "Send it" not in text(team.origin)
    passed_over = push(team.origin.open())
    assert passed_over.not_committed == 1
    assert "git commit" in render_text(passed_over.describe(), width=100, colour=False)
    team.origin.commit("Name it")
    assert look(team.origin).not_committed == 0
    assert push(team.origin.open()).not_committed == 0
    assert counts(team.origin) == (0, 0, 0)


def test_behind_a_colleagues_commit_nothing_is_to_be_pushed(team: Team) -> None:
    team.origin.write("data/a", b"1")
    keep(team.origin, "data")
    push_data(team.origin)
    clone = team.clone()
    pull_data(clone)
    team.origin.write("data/a", b"2")
    keep(team.origin)
    push_data(team.origin)
    clone.git("pull", "--quiet")
    assert clone.state("data") == "behind"
    assert counts(clone) == (0, 0, 1)
    assert "jupyter mlops pull" in text(clone)


def test_data_that_is_missing_and_in_the_store_alone_is_not_pushed(team: Team) -> None:
    team.origin.write("data/a", b"1")
    keep(team.origin, "data")
    shutil.rmtree(team.origin.root / "data")
    assert counts(team.origin) == (1, 0, 0)
    push_data(team.origin)
    assert counts(team.origin) == (0, 0, 0)


def test_what_was_seen_at_another_place_does_not_count(team: Team, tmp_path: Path) -> None:
    team.origin.write("data/a", b"1")
    keep(team.origin, "data")
    push_data(team.origin)
    remote_remove(team.origin.open(), "store")
    remote_add(team.origin.open(), "store", str(tmp_path / "other"))
    assert counts(team.origin) == (1, 1, 0)
    push_data(team.origin)
    assert counts(team.origin) == (0, 0, 0)


def test_a_remote_that_is_elsewhere_for_this_clone_counts(team: Team, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    team.origin.git("config", "mlops.remote.store.url", str(elsewhere))
    team.origin.write("data/a", b"1")
    keep(team.origin, "data")
    push_data(team.origin)
    assert counts(team.origin) == (0, 0, 0)


def test_a_cache_that_is_damaged_tells_nothing(team: Team) -> None:
    team.origin.write("data/a", b"1")
    keep(team.origin, "data")
    push_data(team.origin)
    cache = team.origin.root / ".git/mlops/remotes/store"
    whole = {file: file.read_bytes() for file in cache.iterdir()}
    assert len(whole) == 3
    for file, content in whole.items():
        file.chmod(0o600)
        for spoilt in (content[:-3], bytes(len(content)), b""):
            file.write_bytes(spoilt)
            assert counts(team.origin) == ((0, 0, 0) if file.name == "pushed" else (1, 1, 0))
        file.write_bytes(content)
        assert counts(team.origin) == (0, 0, 0)


def test_without_a_remote_nothing_is_alarming(tmp_path: Path) -> None:
    project = make_data_project(tmp_path / "project")
    project.write("data/a", b"1")
    project.snapshot("data")
    shown = look(project)
    assert (shown.remotes, shown.not_pushed, shown.only_copy_here) == ((), 1, 1)
    assert "1 B are only on this machine." in text(project)
    assert "not pushed" not in text(project)


def test_a_folder_may_be_named_from_here(tmp_path: Path) -> None:
    project = make_data_project(tmp_path / "project")
    added = remote_add(project.open(), "store", "../remote")
    assert added.url == str(tmp_path / "remote")
    assert (tmp_path / "remote").is_dir()
    project.write("a", b"1")
    keep(project, "a")
    push_data(project)
    assert counts(project) == (0, 0, 0)
