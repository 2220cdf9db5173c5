"""Content that goes to a remote and comes from it: whole, once, and only what was asked for."""

from __future__ import annotations

import random
import shutil
import threading
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.push import push
from jupyter_mlops.errors import ConflictError, IntegrityError, MlopsError, NotFoundError
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.formats.manifest import decode_file_manifest
from jupyter_mlops.formats.pack import RECORD_HEADER_BYTES, RecordKind
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.packs import pack_path, plain_table
from jupyter_mlops.objects.records import iter_copies
from jupyter_mlops.objects.segments import publish_rows
from jupyter_mlops.objects.writer import open_writer
from jupyter_mlops.storage.open import open_backend
from tests.support.damage import flip
from tests.support.data_project import DataProject
from tests.support.processes import count_processes
from tests.support.remote_judge import check_remote
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


def test_a_push_of_nothing_new_starts_few_processes(team: Team) -> None:
    write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    push_data(team.origin)
    assert 0 < count_processes(lambda: push_data(team.origin)) <= 10


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


def test_paths_that_match_come_alone(team: Team) -> None:
    paths = [f"parts/{year}-{part}.bin" for year in (2024, 2025, 2026) for part in "ab"]
    for path in paths:
        team.origin.write(path, random.Random(path).randbytes(50_000))
    keep(team.origin, *paths)
    push_data(team.origin)
    clone = team.clone()
    with pytest.raises(NotFoundError):
        pull_data(clone, glob="parts/2023-*")
    pulled = pull_data(clone, glob="parts/2024-*")
    assert pulled.written == 2
    assert pulled.bytes < 110_000
    assert clone.state("parts/2025-a.bin") == "missing"
    assert fetch_data(clone, glob="parts/2024-*").up_to_date
    assert fetch_data(clone, glob="parts/2025-*").chunks == 2


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


def _check_out_anew(project: DataProject, name: str) -> None:
    """Let Git write a notebook: what stands in the working tree counts as newest otherwise."""
    project.remove(name)
    project.git("checkout", "--", name)


def test_outputs_that_changed_under_the_same_code_come_too(team: Team) -> None:
    team.origin.write("n.ipynb", _NOTEBOOK)
    team.origin.commit("a notebook")
    push_data(team.origin)
    clone = team.clone()
    pull_data(clone)
    newer = _NOTEBOOK.replace(b"42", b"43")
    team.origin.write("n.ipynb", newer)
    team.origin.git("add", "n.ipynb")
    assert team.origin.git("diff", "--cached", "--name-only") == ""
    assert not push_data(team.origin).up_to_date
    assert push_data(team.origin).up_to_date
    assert not fetch_data(clone).up_to_date
    assert fetch_data(clone).up_to_date
    assert push_data(clone).up_to_date
    _check_out_anew(clone, "n.ipynb")
    assert clone.read("n.ipynb") == newer
    for late in (team.clone(), team.clone()):
        pull_data(late)
        assert late.read("n.ipynb") == newer
        assert push_data(late).up_to_date


def test_outputs_that_are_newer_here_are_pushed(team: Team) -> None:
    team.origin.write("n.ipynb", _NOTEBOOK)
    team.origin.commit("a notebook")
    push_data(team.origin)
    clone = team.clone()
    pull_data(clone)
    newer = _NOTEBOOK.replace(b"42", b"44")
    clone.write("n.ipynb", newer)
    clone.git("add", "n.ipynb")
    shutil.rmtree(clone.root / ".git/mlops/remotes")
    assert push_data(clone).packs == 1
    assert not fetch_data(team.origin).up_to_date
    _check_out_anew(team.origin, "n.ipynb")
    assert team.origin.read("n.ipynb") == newer


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
    _harm(pack, how)
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


def _with_plain_pack(team: Team) -> tuple[bytes, Path]:
    """Push a file that is a plain pack; return its content, and where the pack is in the store."""
    content = random.Random(5).randbytes(700_000)
    team.origin.write("big.bin", content)
    keep(team.origin, "big.bin")
    store = team.origin.open().store
    id = hash_bytes(content)
    (encoded,) = iter_copies(store, RecordKind.FILE, id)
    for part in ("packs", "index"):
        shutil.rmtree(store.folder / part)
    store.reload()
    path = pack_path(store.folder, id, True)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    refs = decode_file_manifest(encoded, origin="x").chunks
    publish_rows(store, [(PackEntry(id, True, len(content)), plain_table(refs))])
    store.reload()
    with open_writer(store) as writer:
        writer.add_bytes(RecordKind.FILE, id, encoded)
        writer.finish()
    push_data(team.origin)
    return content, path


@pytest.mark.parametrize(
    ("how", "with_index"),
    [
        ("deleted", True),
        ("altered", True),
        ("cut short", True),
        ("deleted", False),
        ("cut short", False),
    ],
)
def test_a_plain_pack_that_a_remote_lost_is_put_again(
    team: Team, remote: Path, how: str, with_index: bool
) -> None:
    content, path = _with_plain_pack(team)
    pack = remote / path.relative_to(path.parents[2])
    assert pack.read_bytes() == content
    _harm(pack, how)
    if not with_index:
        shutil.rmtree(remote / "index")
        shutil.rmtree(team.origin.root / ".git/mlops/remotes")
    clone = team.clone()
    with pytest.raises(NotFoundError):
        pull_data(clone)
    assert not (clone.root / "big.bin").exists()
    assert check(clone.open(), read_data=True).damaged == ()
    assert not push_data(team.origin).up_to_date
    with open_backend(str(remote)) as backend:
        assert check_remote(backend) > 0
    pull_data(clone)
    assert clone.read("big.bin") == content


def test_a_part_of_a_pack_that_is_damaged_is_named_and_put_again(team: Team, remote: Path) -> None:
    files = write_files(team.origin)
    files["data/random"] = random.Random(1).randbytes(400_000)
    team.origin.write("data/random", files["data/random"])
    keep(team.origin, "data", "model.bin")
    push_data(team.origin)
    (pack,) = (remote / "packs").rglob("*.pack")
    model = files["model.bin"]
    place = team.origin.open().store.locate(RecordKind.CHUNK, hash_bytes(model))
    assert place is not None
    pack.chmod(0o644)
    flip(pack, place.offset + RECORD_HEADER_BYTES)
    clone = team.clone()
    with pytest.raises(NotFoundError):
        pull_data(clone, "model.bin")
    assert len(_objects(remote, "damaged")) == 1
    with pytest.raises(NotFoundError):
        pull_data(clone)
    assert not (clone.root / "model.bin").exists()
    push_data(team.origin)
    with open_backend(str(remote)) as backend:
        assert check_remote(backend) > 0
    pull_data(clone, "model.bin")
    assert clone.read("model.bin") == model
    pull_data(clone)
    assert_same(clone, files)


@pytest.mark.parametrize("how", ["deleted", "altered", "cut short"])
def test_an_index_is_mended_by_whoever_pushes_next(team: Team, remote: Path, how: str) -> None:
    _with_plain_pack(team)
    (segment,) = (remote / "index").glob("*.idx")
    content = segment.read_bytes()
    _harm(segment, how)
    clone = team.clone()
    with pytest.raises(NotFoundError):
        pull_data(clone)
    push_data(team.origin)
    assert segment.read_bytes() == content
    with open_backend(str(remote)) as backend:
        assert check_remote(backend) > 0
    pull_data(clone)
    assert clone.read("big.bin") == team.origin.read("big.bin")


def test_a_note_of_damage_that_was_none_keeps_nobody_from_the_content(
    team: Team, remote: Path
) -> None:
    files = write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    push_data(team.origin)
    (pack,) = (remote / "packs").rglob("*.pack")
    (remote / "damaged").mkdir()
    (remote / "damaged" / pack.name).write_bytes(b"")
    clone = team.clone()
    pull_data(clone)
    assert_same(clone, files)


@pytest.mark.parametrize("text", [b"", b"nonsense", b"0", bytes(100_000)])
def test_a_format_that_is_damaged_is_named_and_written_again(
    team: Team, remote: Path, text: bytes
) -> None:
    files = write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    push_data(team.origin)
    (remote / "format").chmod(0o644)
    (remote / "format").write_bytes(text)
    clone = team.clone()
    with pytest.raises(MlopsError) as caught:
        pull_data(clone)
    assert caught.value.code == ("format-newer" if text == b"0" else "remote-damaged")
    if text != b"0":
        push_data(team.origin)
        assert (remote / "format").read_bytes() == b"0\n"
        pull_data(clone)
        assert_same(clone, files)


def test_a_place_with_a_format_of_somebody_elses_is_left_alone(team: Team, remote: Path) -> None:
    remote.mkdir(exist_ok=True)
    (remote / "format").write_text("of another program")
    write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    with pytest.raises(IntegrityError) as caught:
        push_data(team.origin)
    assert caught.value.code == "remote-damaged"
    assert _objects(remote, "") == {"format": b"of another program"}


def _harm(file: Path, how: str) -> None:
    """Delete a file, change a byte in its middle, or take its end away."""
    content = file.read_bytes()
    file.chmod(0o644)
    if how == "deleted":
        file.unlink()
    elif how == "altered":
        flip(file, len(content) // 2)
    else:
        file.write_bytes(content[:-100])


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
