from __future__ import annotations

import pytest

from jupyter_mlops.git.change_tree import change_tree
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.git.state_tree import blob_oid
from tests.support.project import Project, make_project


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_files_are_put_in_and_taken_out(
    tmp_path_factory: pytest.TempPathFactory, object_format: str
) -> None:
    project = make_project(tmp_path_factory.mktemp("p"), f"--object-format={object_format}")
    project.write("keep.txt", "keep\n")
    project.write("deep/go é.txt", "go\n")
    project.write("edit.txt", "old\n")
    commit = project.commit("first")
    repo = open_repository(project.root)
    index = (project.root / ".git/index").read_bytes()
    tree = change_tree(
        repo, commit, {"edit.txt": b"new\n", "deep/go é.txt": None, "sub/new.bin": b"\0\xff"}
    )
    listed = project.git("ls-tree", "-r", "--name-only", "-z", tree).split("\0")
    assert listed == ["edit.txt", "keep.txt", "sub/new.bin", ""]
    assert project.git("show", f"{tree}:edit.txt") == "new\n"
    assert (project.root / ".git/index").read_bytes() == index
    assert project.git("status", "--porcelain") == ""
    assert [path.name for path in repo.state_dir.iterdir() if path.name.startswith("tmp-")] == []


def test_no_filter_touches_the_bytes(project: Project) -> None:
    project.git("config", "filter.up.clean", "tr a-z A-Z")
    project.write(".gitattributes", "*.txt filter=up eol=crlf\n")
    repo = open_repository(project.root)
    tree = change_tree(repo, project.commit("filtered"), {"a.txt": b"small\r\n"})
    oid = project.git("rev-parse", f"{tree}:a.txt").strip()
    assert oid == blob_oid(repo, b"small\r\n")
