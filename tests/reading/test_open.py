"""Files of revisions read in place."""

from __future__ import annotations

import io
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import fsspec
import pandas
import polars
import pyarrow
import pytest
from pyarrow import csv, parquet
from pyarrow.dataset import dataset
from pyarrow.fs import FSSpecHandler, PyFileSystem

import jupyter_mlops
from jupyter_mlops.commands.erase import erase
from jupyter_mlops.commands.push import push
from jupyter_mlops.commands.remote_add import remote_add
from jupyter_mlops.errors import IntegrityError, NotFoundError, UnsupportedError, UsageError
from tests.support.data_project import DataProject, make_data_project

BIG = random.Random(5).randbytes(3_000_000)


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture
def versions(tmp_path: Path) -> DataProject:
    """A project with two commits of data, tagged ``one`` and ``two``; nothing is on disk."""
    project = make_data_project(tmp_path / "project")
    project.mlops("init")
    for tag, text in (("one", "1"), ("two", "2")):
        project.write("data/a.csv", f"x,y\n{text},2\n")
        project.write("data/sub/big.bin", BIG + text.encode())
        project.write("model.bin", f"weights {text}")
        project.snapshot("data", "model.bin")
        project.commit(tag)
        project.git("tag", tag)
    (project.root / "data/link").symlink_to("sub/big.bin")
    project.snapshot("data")
    project.commit("link")
    shutil.rmtree(project.root / "data")
    return project


def _read(project: DataProject, path: str, rev: str | None) -> bytes:
    with inside(project.root), jupyter_mlops.open(path, rev) as file:
        return bytes(file.read())


def test_each_revision_has_its_own_content(versions: DataProject) -> None:
    for rev, text in (("one", b"1"), ("two", b"2"), ("HEAD", b"2"), ("HEAD~2", b"1")):
        assert _read(versions, "model.bin", rev) == b"weights " + text
        assert _read(versions, "data/sub/big.bin", rev) == BIG + text
    assert _read(versions, "data/link", "HEAD") == BIG + b"2"
    assert not (versions.root / "data").exists()


def test_without_a_revision_the_file_on_disk_comes_first(versions: DataProject) -> None:
    versions.write("model.bin", "as it is")
    assert _read(versions, "model.bin", None) == b"as it is"
    assert _read(versions, "data/a.csv", None) == b"x,y\n2,2\n"


def test_any_part_can_be_read(versions: DataProject) -> None:
    whole = BIG + b"1"
    with inside(versions.root), jupyter_mlops.open("data/sub/big.bin", "one") as file:
        assert file.seekable() and file.readable()
        assert file.seek(0, io.SEEK_END) == len(whole)
        assert file.read() == b""
        for start in (0, 1, 65_535, 1_000_000, len(whole) - 3, 500_000):
            file.seek(start)
            assert file.read(100_000) == whole[start : start + 100_000]
        file.seek(-10, io.SEEK_END)
        assert file.read() == whole[-10:]


def test_what_a_name_means_now_is_read(versions: DataProject) -> None:
    versions.git("branch", "b", "one")
    for name in ("HEAD", "b"):
        assert _read(versions, "model.bin", name) == (
            b"weights 2" if name == "HEAD" else b"weights 1"
        )
    versions.git("branch", "--force", "b", "two")
    versions.git("pack-refs", "--all")
    versions.git("tag", "of-mine", "one")
    versions.git("checkout", "--quiet", "--detach", "one")
    assert _read(versions, "model.bin", "b") == b"weights 2"
    assert _read(versions, "model.bin", "HEAD") == b"weights 1"
    assert _read(versions, "model.bin", "of-mine") == b"weights 1"
    versions.git("checkout", "--quiet", "b")
    assert _read(versions, "model.bin", "HEAD") == b"weights 2"
    assert _read(versions, "model.bin", "HEAD~1") == b"weights 1"
    versions.git("reset", "--quiet", "--soft", "one")
    assert _read(versions, "model.bin", "@") == _read(versions, "model.bin", "b") == b"weights 1"


def test_a_symbolic_ref_is_followed_to_where_it_leads_now(versions: DataProject) -> None:
    versions.git("update-ref", "refs/remotes/origin/main", "one")
    versions.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    versions.git("symbolic-ref", "refs/heads/alias", "refs/remotes/origin/HEAD")
    assert _read(versions, "model.bin", "origin") == b"weights 1"
    assert _read(versions, "model.bin", "alias") == b"weights 1"
    versions.git("update-ref", "refs/remotes/origin/main", "two")
    assert _read(versions, "model.bin", "origin") == b"weights 2"
    assert _read(versions, "model.bin", "alias") == b"weights 2"


def test_each_worktree_has_a_head_of_its_own(versions: DataProject, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    versions.git("worktree", "add", "--quiet", "--detach", str(linked), "two")
    versions.git("checkout", "--quiet", "--detach", "one")
    for where, tag in ((linked, "two"), (linked, "one"), (linked, "two"), (versions.root, "two")):
        versions.git("-C", str(where), "checkout", "--quiet", "--detach", tag)
        with inside(where), jupyter_mlops.open("model.bin", "HEAD") as file:
            assert file.read() == (b"weights 1" if tag == "one" else b"weights 2")


@pytest.mark.parametrize("name", ["b", "config", "hooks", "tags", "a/b"])
def test_a_tag_comes_before_a_branch(versions: DataProject, name: str) -> None:
    versions.git("branch", name, "one")
    assert _read(versions, "model.bin", name) == b"weights 1"
    versions.git("branch", "--force", name, "two")
    assert _read(versions, "model.bin", name) == b"weights 2"
    versions.git("tag", name, "one")
    assert _read(versions, "model.bin", name) == b"weights 1"
    versions.git("tag", "--delete", name)
    assert _read(versions, "model.bin", name) == b"weights 2"


def test_a_snapshot_is_read_by_the_name_that_it_has_now(versions: DataProject) -> None:
    versions.mlops("restore", "one")
    first = versions.snapshot(name="best")
    assert _read(versions, "model.bin", "best") == b"weights 1"
    versions.mlops("snapshot", "name", "best", "former")
    versions.write("model.bin", "weights 3")
    versions.snapshot(name="best")
    assert _read(versions, "model.bin", "best") == b"weights 3"
    assert _read(versions, "model.bin", first.id) == b"weights 1"


def test_a_path_is_that_of_the_folder_one_is_in(versions: DataProject) -> None:
    (versions.root / "data/sub").mkdir(parents=True)
    for path in ("../a.csv", "../../data/a.csv", str(versions.root / "data/a.csv"), "./../a.csv"):
        with inside(versions.root / "data/sub"), jupyter_mlops.open(path, "one") as file:
            assert file.read() == b"x,y\n1,2\n"
    with inside(versions.root / "data"), jupyter_mlops.open("sub/big.bin", "one") as file:
        assert file.read(10) == BIG[:10]


def test_text_is_decoded(versions: DataProject) -> None:
    with inside(versions.root), jupyter_mlops.open("data/a.csv", "one", "r") as file:
        assert list(file) == ["x,y\n", "1,2\n"]
    with inside(versions.root), pytest.raises(UsageError):
        jupyter_mlops.open("data/a.csv", "one", "w")


def test_what_is_not_there_is_told(versions: DataProject) -> None:
    for path, rev in (("nothing", "one"), ("data/nothing", "one"), ("data", "one")):
        with pytest.raises(NotFoundError):
            _read(versions, path, rev)
    with pytest.raises(NotFoundError):
        _read(versions, "data/a.csv", "no-such-revision")


def test_content_comes_from_the_remote_where_it_is_not_here(
    versions: DataProject, tmp_path: Path
) -> None:
    remote_add(versions.open(), "store", str(tmp_path / "remote"))
    push(versions.open())
    for part in ("packs", "index"):
        shutil.rmtree(versions.root / ".git/mlops" / part)
    assert _read(versions, "data/sub/big.bin", "one") == BIG + b"1"
    assert not list((versions.root / ".git/mlops").glob("packs/*/*"))
    shutil.rmtree(tmp_path / "remote/packs")
    with pytest.raises(NotFoundError):
        _read(versions, "data/sub/big.bin", "two")


@pytest.mark.parametrize("read_before", [False, True])
@pytest.mark.parametrize("size_bytes", [8_000, 600_000])
def test_damage_is_told_and_not_read(
    versions: DataProject, size_bytes: int, read_before: bool
) -> None:
    content = random.Random(6).randbytes(size_bytes)
    versions.write("picture.bin", content)
    versions.snapshot("picture.bin")
    versions.commit("picture")
    (versions.root / "picture.bin").unlink()
    (pack,) = (
        path
        for path in (versions.root / ".git/mlops/packs").glob("*/*")
        if content[:1000] in path.read_bytes()
    )
    if read_before:
        assert _read(versions, "picture.bin", "HEAD") == content
    whole = pack.read_bytes()
    pack.chmod(0o644)
    part = content[5000:5100]
    pack.write_bytes(whole.replace(part, b"!" + part[1:]))
    with pytest.raises(IntegrityError):
        _read(versions, "picture.bin", "HEAD")
    pack.write_bytes(whole)
    assert _read(versions, "picture.bin", "HEAD") == content


@pytest.mark.parametrize("size_bytes", [0, 1, 8_000, 300_000, 1_000_000])
@pytest.mark.parametrize("compressible", [False, True])
def test_what_was_read_is_read_again(
    versions: DataProject, size_bytes: int, compressible: bool
) -> None:
    chance = random.Random(size_bytes)
    content = b"".join(
        b"%d," % chance.randrange(1000) if compressible else chance.randbytes(4)
        for _ in range(size_bytes)
    )[:size_bytes]
    versions.write("in/one.bin", content)
    versions.write("in/other.bin", content[: size_bytes // 2] + b"other" + content[-5:])
    versions.snapshot("in")
    versions.commit("files")
    shutil.rmtree(versions.root / "in")
    for _ in range(3):
        assert _read(versions, "in/one.bin", "HEAD") == content
    for folder in (versions.root / ".git/mlops/packs").iterdir():
        folder.rename(folder.with_name(f"{folder.name}-away"))
    assert _read(versions, "in/one.bin", "HEAD") == content


def test_what_was_read_is_erased_all_the_same(versions: DataProject) -> None:
    content = random.Random(7).randbytes(8_000)
    versions.write("picture.bin", content)
    versions.snapshot("picture.bin")
    versions.commit("picture")
    (versions.root / "picture.bin").unlink()
    assert _read(versions, "picture.bin", "HEAD") == content
    erase(versions.open(), ("picture.bin",), yes=True)
    with pytest.raises(NotFoundError, match="erased"):
        _read(versions, "picture.bin", "HEAD")


@pytest.fixture
def tables(tmp_path: Path) -> DataProject:
    """A project with two commits of a table, ``t.csv`` and ``t.parquet``, tagged one and two."""
    project = make_data_project(tmp_path / "project")
    project.mlops("init")
    for number, tag in enumerate(("one", "two"), 1):
        table = pyarrow.table({"x": [number, number], "y": [0.5, number]})
        csv.write_csv(table, project.write("t.csv", ""))
        parquet.write_table(table, project.write("t.parquet", ""))
        project.snapshot("t.csv", "t.parquet")
        project.commit(tag)
        project.git("tag", tag)
    project.remove("t.csv")
    project.remove("t.parquet")
    return project


ONE = {"x": [1, 1], "y": [0.5, 1.0]}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_data_frames_are_read_from_a_revision(tables: DataProject, ending: str) -> None:
    name = f"t.{ending}"
    with inside(tables.root):
        assert jupyter_mlops.read_table(name, "one").to_dict("list") == ONE
        assert jupyter_mlops.read_table(name).to_dict("list")["x"] == [2, 2]
        by_pandas = pandas.read_csv if ending == "csv" else pandas.read_parquet
        assert by_pandas(f"mlops://one/{name}").to_dict("list") == ONE
        by_polars = polars.read_csv if ending == "csv" else polars.read_parquet
        with jupyter_mlops.open(name, "one") as file:
            assert by_polars(file).to_dict(as_series=False) == ONE


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_pyarrow_and_duckdb_read_a_revision_by_its_url(tables: DataProject, ending: str) -> None:
    files = fsspec.filesystem("mlops", skip_instance_cache=True)
    with inside(tables.root):
        arrow = PyFileSystem(FSSpecHandler(files))
        found = dataset(f"one/t.{ending}", filesystem=arrow, format=ending).to_table()
        assert found.to_pydict() == ONE
        with duckdb.connect() as connection:
            connection.register_filesystem(files)
            rows = connection.sql(f"SELECT sum(x), max(y) FROM 'mlops://one/t.{ending}'").fetchall()
        assert rows == [(2, 1.0)]


def test_what_is_no_table_is_refused(versions: DataProject) -> None:
    with inside(versions.root), pytest.raises(UnsupportedError):
        jupyter_mlops.read_table("model.bin", "one")


def test_fsspec_lists_a_revision(versions: DataProject) -> None:
    with inside(versions.root):
        files = fsspec.filesystem("mlops", skip_instance_cache=True)
        assert files.ls("one", detail=False) == ["one/data", "one/model.bin"]
        assert files.ls("one/data", detail=False) == ["one/data/a.csv", "one/data/sub"]
        assert sorted(files.find("HEAD/data")) == [
            "HEAD/data/a.csv",
            "HEAD/data/link",
            "HEAD/data/sub/big.bin",
        ]
        assert files.info("one/data/sub/big.bin")["size"] == len(BIG) + 1
        assert files.isdir("one/data/sub")
        assert not files.exists("one/data/nothing")
        assert files.cat("one/model.bin") == b"weights 1"
        with pytest.raises(OSError, match="read only"):
            files.open("one/model.bin", "wb")
