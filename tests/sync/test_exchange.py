"""Content that goes to a remote and comes from it: whole, once, and only what was asked for."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.push import push
from jupyter_mlops.errors import ConflictError, NotFoundError
from tests.support.data_project import DataProject
from tests.sync.team import (
    Team,
    assert_same,
    fetch_data,
    keep,
    pull_data,
    push_data,
    write_files,
)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def team(tmp_path: Path, remote: Path) -> Team:
    return Team(tmp_path, str(remote))


def _objects(remote: Path, part: str) -> dict[str, bytes]:
    files = (path for path in sorted((remote / part).rglob("*")) if path.is_file())
    return {str(path.relative_to(remote)): path.read_bytes() for path in files}


def test_a_clone_gets_what_was_pushed(team: Team) -> None:
    files = write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    pushed = push_data(team.origin)
    assert (pushed.up_to_date, pushed.absent, pushed.packs) == (False, 0, 1)
    clone = team.clone()
    assert clone.states() == {"data": "missing", "model.bin": "missing"}
    pulled = pull_data(clone)
    assert pulled.written == len(files) + 1
    assert_same(clone, files)
    assert check(clone.open(), read_data=True).ok
    assert pull_data(clone).up_to_date


def test_the_second_push_sends_what_is_new(team: Team, remote: Path) -> None:
    write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    first = push_data(team.origin)
    again = push_data(team.origin)
    assert (again.up_to_date, again.packs, again.bytes) == (True, 0, 0)
    team.origin.write("data/1/1.txt", "changed")
    keep(team.origin)
    second = push_data(team.origin)
    assert second.packs == 1
    assert second.bytes < first.bytes / 10
    assert len(_objects(remote, "index")) == 2


def test_every_version_of_a_branch_comes(team: Team) -> None:
    versions = []
    for number in range(3):
        team.origin.write("data/a", b"%d" % number * 1000)
        team.origin.write(f"data/{number}", b"new")
        keep(team.origin, "data")
        versions.append((team.origin.head(), team.origin.files("data")))
    push_data(team.origin)
    clone = team.clone()
    fetch_data(clone, all_branches=True)
    for commit, files in versions:
        clone.restore(commit)
        assert clone.files("data") == files


def test_only_what_is_asked_for_leaves_the_machine(team: Team, remote: Path) -> None:
    team.origin.write("data/a", "told")
    team.origin.write("secret.bin", b"not told" * 100)
    team.origin.snapshot("data", "secret.bin")
    team.origin.git("commit", "--quiet", "-m", "data alone", "--", "data.mlops", ".gitignore")
    push_data(team.origin)
    clone = team.clone()
    pull_data(clone)
    assert clone.read("data/a") == b"told"
    secret = [pack for pack in _objects(remote, "packs").values() if b"not told" in pack]
    assert secret == []
    assert sum(map(len, _objects(remote, "packs").values())) < 1000


def test_a_path_comes_alone(team: Team) -> None:
    write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    push_data(team.origin)
    clone = team.clone()
    pulled = pull_data(clone, "model.bin")
    assert clone.read("model.bin") == team.origin.read("model.bin")
    assert clone.state("data") == "missing"
    assert pulled.bytes < 1000


def test_content_that_was_changed_here_is_left(team: Team) -> None:
    team.origin.write("data/a", "1")
    keep(team.origin, "data")
    push_data(team.origin)
    clone = team.clone()
    pull_data(clone)
    team.origin.write("data/a", "2")
    keep(team.origin)
    push_data(team.origin)
    clone.write("data/a", "mine")
    clone.git("pull", "--quiet")
    assert pull_data(clone).left == ("data",)
    assert clone.read("data/a") == b"mine"
    clone.restore()
    assert clone.read("data/a") == b"2"


def test_outputs_of_notebooks_come_back(team: Team) -> None:
    team.origin.write("n.ipynb", _NOTEBOOK)
    team.origin.commit("a notebook")
    assert b"42" not in team.origin.git("show", "HEAD:n.ipynb").encode()
    push_data(team.origin)
    clone = team.clone()
    assert b"42" not in clone.read("n.ipynb")
    assert pull_data(clone).outputs == ("n.ipynb",)
    assert clone.read("n.ipynb") == _NOTEBOOK
    assert clone.git("diff") == ""


def test_two_that_push_at_once_both_succeed_and_a_third_gets_both(team: Team) -> None:
    clones = {name: team.clone() for name in ("left", "right")}
    for name, clone in clones.items():
        clone.write(f"{name}/data/a", name * 500)
        clone.write(f"{name}/data/same", b"same" * 500)
        keep(clone, f"{name}/data")
    barrier = threading.Barrier(len(clones))
    failures: list[BaseException] = []

    def work(clone: DataProject) -> None:
        barrier.wait()
        try:
            push_data(clone)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(clone,)) for clone in clones.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    third = team.clone()
    for clone in clones.values():
        third.git("pull", "--quiet", "--no-rebase", "--no-edit", str(clone.root), "main")
    pull_data(third)
    for name, clone in clones.items():
        assert third.files(name) == clone.files(name)


@pytest.mark.parametrize("how", ["deleted", "altered", "cut short"])
def test_a_pack_that_a_remote_lost_is_named_and_put_again(
    team: Team, remote: Path, how: str
) -> None:
    files = write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    push_data(team.origin)
    (pack,) = (remote / "packs").rglob("*.pack")
    content = pack.read_bytes()
    pack.chmod(0o644)
    if how == "deleted":
        pack.unlink()
    elif how == "altered":
        middle = len(content) // 2
        pack.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    else:
        pack.write_bytes(content[:-100])
    clone = team.clone()
    with pytest.raises(NotFoundError) as caught:
        pull_data(clone)
    assert caught.value.code == "content-missing"
    assert check(clone.open(), read_data=True).damaged == ()
    assert not push_data(team.origin).up_to_date
    assert pack.read_bytes() == content
    assert _objects(remote, "damaged") == {}
    pull_data(clone)
    assert_same(clone, files)


@pytest.mark.parametrize("how", ["deleted", "altered"])
def test_an_index_that_a_remote_lost_is_read_from_its_packs(
    team: Team, remote: Path, how: str
) -> None:
    files = write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    push_data(team.origin)
    (segment,) = (remote / "index").glob("*.idx")
    content = segment.read_bytes()
    segment.chmod(0o644)
    segment.unlink() if how == "deleted" else segment.write_bytes(content[:-1] + b"x")
    clone = team.clone()
    pull_data(clone)
    assert_same(clone, files)


def test_what_is_on_neither_end_is_told(team: Team) -> None:
    write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    shutil.rmtree(team.origin.root / ".git/mlops/packs")
    shutil.rmtree(team.origin.root / ".git/mlops/index")
    pushed = push_data(team.origin)
    assert (pushed.up_to_date, pushed.packs) == (False, 0)
    assert pushed.absent > 0


def test_a_place_that_a_project_chose_is_confirmed_once(
    team: Team, remote: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(remote, elsewhere) if remote.exists() else elsewhere.mkdir()
    config = team.origin.root / "mlops.toml"
    config.write_text(config.read_text().replace(str(remote), str(elsewhere)))
    with pytest.raises(ConflictError) as caught:
        push_data(team.origin)
    assert caught.value.code == "remote-unknown"
    push(team.origin.open(), yes=True)
    push_data(team.origin)


_NOTEBOOK = b"""{
 "cells": [
  {
   "cell_type": "code",
   "execution_count": 1,
   "id": "a",
   "metadata": {},
   "outputs": [
    {
     "data": {
      "text/plain": [
       "42"
      ]
     },
     "execution_count": 1,
     "metadata": {},
     "output_type": "execute_result"
    }
   ],
   "source": [
    "6 * 7"
   ]
  }
 ],
 "metadata": {},
 "nbformat": 4,
 "nbformat_minor": 5
}
"""
