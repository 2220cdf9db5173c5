from __future__ import annotations

import random
from pathlib import Path

import pytest

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.trees import TreeEntry, holds_path, open_blob_reader, open_tree, read_sizes
from jupyter_mlops.trees import Tree
from tests.git.names import HARD_NAMES
from tests.support.project import Project, make_project


def test_a_commit_is_read_without_a_checkout(project: Project, repo: Repository) -> None:
    project.write("data/a.txt", "old")
    old = project.commit("Old")
    project.write("data/a.txt", "new")
    project.commit("New")
    tree: Tree = open_tree(repo, old)
    assert list(tree.iter_paths()) == ["README.md", "data/a.txt"]
    assert tree.read("data/a.txt") == b"old"
    assert list(tree.read_many(["data/a.txt", "missing", "README.md"])) == [
        ("data/a.txt", b"old"),
        ("README.md", b"A project.\n"),
    ]
    assert list(tree.read_many(["missing"])) == []


@pytest.mark.parametrize("path", ["missing", "data", "", "../x", "README.md/"])
def test_a_path_it_lacks_is_not_found(project: Project, repo: Repository, path: str) -> None:
    project.write("data/a", "x")
    with pytest.raises(NotFoundError):
        open_tree(repo, project.commit("x")).read(path)


def test_a_damaged_object_is_said_and_the_others_are_read(project: Project) -> None:
    bodies = [random.Random(number).randbytes(5000) for number in range(3)]
    oids = []
    for number in range(3):
        project.write(f"{number}", bodies[number])
        oids.append(project.git("hash-object", "-w", f"{number}").strip())
    damaged = project.root / ".git/objects" / oids[1][:2] / oids[1][2:]
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:2000])
    with open_blob_reader(open_repository(project.root)) as reader:
        contents = reader.read_many(oids)
        assert next(contents) == bodies[0]
        with pytest.raises(NotFoundError) as caught:
            next(contents)
        assert caught.value.message == f"Git could not read object {oids[1]}."
        for _ in range(3):
            with pytest.raises(NotFoundError):
                reader.read(oids[1])
            assert reader.read(oids[2]) == bodies[2]


def test_one_path_is_looked_for_without_a_list_of_all(project: Project, repo: Repository) -> None:
    for name in HARD_NAMES:
        project.write(name, "x")
    project.write("data/a", "x")
    commit = project.commit("Names")
    assert all(holds_path(repo, commit, name) for name in (*HARD_NAMES, "data", "data/a"))
    for lacking in ("missing", "data/b", "READM?.md", ":(top)README.md"):
        assert not holds_path(repo, commit, lacking)


def test_names_of_all_kinds_are_read(project: Project, repo: Repository) -> None:
    for name in HARD_NAMES:
        project.write(name, name.encode("utf-8", "surrogateescape"))
    tree = open_tree(repo, project.commit("Names"))
    assert set(tree.iter_paths()) == {*HARD_NAMES, "README.md"}
    for name, content in tree.read_many(HARD_NAMES):
        assert content == tree.read(name) == name.encode("utf-8", "surrogateescape")


def test_paths_are_sorted_by_code_point(project: Project, repo: Repository) -> None:
    for name in ("a/b", "a-b", "a.b", "ab", "a0", "é", "z", "Z"):
        project.write(name, "")
    paths = list(open_tree(repo, project.commit("Names")).iter_paths())
    assert paths == sorted(paths)


def test_links_and_submodules_are_entries_and_no_files(project: Project, repo: Repository) -> None:
    inner = make_project(project.root.parent / "inner")
    commit = inner.commit("Inner")
    project.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../inner", "sub"
    )
    (project.root / "link").symlink_to("README.md")
    project.write("run", "#!/bin/sh\n").chmod(0o755)
    tree = open_tree(repo, project.commit("All kinds"))
    assert tree.entries["sub"] == TreeEntry("160000", commit)
    assert tree.entries["link"].mode == "120000"
    assert tree.entries["run"].mode == "100755"
    assert list(tree.iter_paths()) == [".gitmodules", "README.md", "run"]
    assert tree.read("link") == b"README.md"
    assert list(tree.read_many(["sub", "run"])) == [("run", b"#!/bin/sh\n")]
    with pytest.raises(NotFoundError):
        tree.read("sub")


def test_more_blobs_than_a_pipe_holds(project: Project, repo: Repository) -> None:
    contents = {f"f/{number:04}": bytes([number % 256]) * (number * 37) for number in range(700)}
    for path, content in contents.items():
        project.write(path, content)
    tree = open_tree(repo, project.commit("Many"))
    assert dict(tree.read_many(contents)) == contents


def test_a_reader_gives_binary_and_empty_blobs(project: Project, repo: Repository) -> None:
    project.write("binary", b"\0\n\r\n\xff")
    project.write("empty", b"")
    entries = open_tree(repo, project.commit("x")).entries
    with open_blob_reader(repo) as reader:
        assert reader.read(entries["binary"].oid) == b"\0\n\r\n\xff"
        assert reader.read(entries["empty"].oid) == b""
        with pytest.raises(NotFoundError) as caught:
            reader.read("1" * 40)
        assert caught.value.code == "object-missing"
        assert reader.read(entries["binary"].oid) == b"\0\n\r\n\xff"


def test_a_tree_of_a_sha256_repository(tmp_path: Path) -> None:
    project = make_project(tmp_path / "long", "--object-format=sha256")
    project.write("a", "content")
    tree = open_tree(open_repository(project.root), project.commit("First"))
    assert dict(tree.read_many(["a"])) == {"a": b"content"}


def test_a_file_that_stands_under_the_name_of_another_is_not_read(
    project: Project, repo: Repository
) -> None:
    project.write("a", "content of a\n")
    project.write("b", "content of b\n")
    commit = project.commit("two files")
    a, b = (project.git("rev-parse", f"HEAD:{name}").strip() for name in "ab")
    paths = [repo.common_dir / "objects" / oid[:2] / oid[2:] for oid in (a, b)]
    paths[0].unlink()
    paths[0].write_bytes(paths[1].read_bytes())
    with pytest.raises(NotFoundError, match="could not read"):
        open_tree(repo, commit).read("a")
    with open_blob_reader(repo) as reader:
        with pytest.raises(NotFoundError, match="could not read"):
            reader.read(f"{commit}:a")
        assert reader.read(f"{commit}:b") == b"content of b\n"


def damage(project: Project, oid: str) -> None:
    path = project.root / ".git/objects" / oid[:2] / oid[2:]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:20])


def test_each_that_can_be_read_is_read(project: Project, repo: Repository) -> None:
    contents = [f"{number} {'x' * 3000}".encode() for number in range(200)]
    for number, content in enumerate(contents):
        project.write(f"many/{number:03}", content)
    project.commit("Many")
    listed = project.git("ls-tree", "HEAD:many").splitlines()
    oids = [row.split()[2] for row in listed]
    gone = {3: "1" * 40, 64: "2" * 40}
    for number in (0, 100, 127, 128, 199):
        damage(project, oids[number])
    asked = [gone.get(number, oid) for number, oid in enumerate(oids)]
    with open_blob_reader(repo) as reader:
        read = list(reader.read_each(asked))
    wanted = {*gone, 0, 100, 127, 128, 199}
    assert {number for number, content in enumerate(read) if content is None} == wanted
    assert all(read[number] == contents[number] for number in range(200) if number not in wanted)


def test_lengths_are_told_without_reading(project: Project, repo: Repository) -> None:
    sizes = {}
    for length in (0, 1, 70_000):
        project.write("file", b"y" * length)
        sizes[project.git("hash-object", "-w", "file").strip()] = length
    asked = ["1" * 40, *sizes, "2" * 40]
    assert read_sizes(repo, asked) == sizes
    bad = asked[2]
    path = project.root / ".git/objects" / bad[:2] / bad[2:]
    path.chmod(0o600)
    path.write_bytes(b"no zlib at all")
    assert read_sizes(repo, asked) == {oid: n for oid, n in sizes.items() if oid != bad}
    assert read_sizes(repo, []) == {}


def test_of_a_large_file_no_more_is_read_than_was_asked_for(
    project: Project, repo: Repository
) -> None:
    project.write("large", b"z" * 1000)
    project.write("small", b"z" * 10)
    commit = project.commit("Both")
    tree = open_tree(repo, commit, 10)
    assert dict(tree.read_many(["large", "small"])) == {"large": b"z" * 10, "small": b"z" * 10}
