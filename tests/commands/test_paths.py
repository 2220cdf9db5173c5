"""Special paths: what a tracked path may be, and what each of them comes back as."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_mlops.commands.paths import notebook_path, resolve_paths
from jupyter_mlops.commands.workspace import Execution, open_workspace
from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError, UsageError
from tests.support.data_project import DataProject, make_data_project


def _round_trip(project: DataProject, path: str) -> None:
    """Keep ``path``, lose it, bring it back; it is as it was."""
    before = project.files()
    project.snapshot(path)
    project.remove(path)
    assert project.state(path) == "missing"
    project.restore()
    after = project.files()
    kept = {name: content for name, content in before.items() if name != ".gitignore"}
    assert {name: after[name] for name in kept} == kept
    assert project.state(path) == "clean"


@pytest.mark.parametrize(
    "path",
    [
        "with space.bin",
        "  leading and trailing  ",
        "a 'quoted' \"name\".bin",
        "données/ünïcode-日本.bin",
        "#hash.bin",
        "!bang.bin",
        "star*[x]?.bin",
        "back#!slash.bin",
        "-dash.bin",
        ":colon.bin",
        "deep/er/and/deeper.bin",
        "dollar$HOME`x`.bin",
    ],
)
def test_any_name(data_project: DataProject, path: str) -> None:
    data_project.write(path, b"content")
    _round_trip(data_project, path)
    assert path not in data_project.git("status", "--porcelain", "-z").split("\0")
    listed = data_project.git("ls-files", "-z").split("\0")
    assert f"{path}.mlops" in listed


def test_names_inside_a_folder(data_project: DataProject) -> None:
    for name in ("with space", "日本", "'\"", "#x", "-y", "*", "a.mlops"):
        data_project.write(f"data/{name}", name)
    _round_trip(data_project, "data")


@pytest.mark.parametrize("name", ["new\nline.bin", "tab\t.bin", "bell\a.bin", "back\\slash.bin"])
def test_names_that_do_not_come_back_everywhere(data_project: DataProject, name: str) -> None:
    data_project.write(f"data/{name}", b"1")
    data_project.write(name, b"1")
    before = data_project.everything()
    with pytest.raises(UsageError) as caught:
        data_project.snapshot(name)
    assert caught.value.code == "path-invalid"
    with pytest.raises(ConflictError) as refused:
        data_project.snapshot("data")
    assert refused.value.code == "name-refused"
    assert data_project.everything() == before


def test_a_name_that_is_not_utf8(data_project: DataProject) -> None:
    folder = data_project.root / "data"
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.bin")).write_bytes(b"1")
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot("data")
    assert caught.value.code == "name-not-utf8"


def test_names_that_differ_only_in_case(data_project: DataProject) -> None:
    data_project.write("data/Train.csv", b"1")
    data_project.write("data/train.csv", b"2")
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot("data")
    assert caught.value.code == "names-collide"


def test_an_empty_file_and_an_empty_folder(data_project: DataProject) -> None:
    data_project.write("empty.bin", b"")
    (data_project.root / "hollow").mkdir()
    data_project.snapshot("empty.bin", "hollow")
    data_project.remove("empty.bin")
    data_project.remove("hollow")
    assert data_project.states() == {"empty.bin": "missing", "hollow": "missing"}
    data_project.restore()
    assert data_project.read("empty.bin") == b""
    assert list((data_project.root / "hollow").iterdir()) == []
    assert data_project.states() == {"empty.bin": "clean", "hollow": "clean"}


def test_empty_folders_inside(data_project: DataProject) -> None:
    data_project.write("data/a.csv", b"1")
    (data_project.root / "data/hollow/inside").mkdir(parents=True)
    data_project.snapshot("data", name="hollow")
    data_project.write("data/hollow/inside/x", b"1")
    data_project.snapshot(name="full")
    data_project.restore("hollow")
    assert data_project.files("data") == {"a.csv": b"1", "hollow/inside": "dir"}
    data_project.remove("data/hollow")
    assert data_project.state("data") == "changed"
    data_project.restore()
    assert data_project.files("data") == {"a.csv": b"1", "hollow/inside": "dir"}


def test_a_folder_becomes_an_empty_one(data_project: DataProject) -> None:
    (data_project.root / "data").mkdir()
    data_project.snapshot("data", name="empty")
    data_project.write("data/sub/a", b"1")
    data_project.snapshot(name="full")
    data_project.restore("empty")
    assert list((data_project.root / "data").iterdir()) == []
    assert data_project.state("data") == "clean"


def test_the_execute_bit(data_project: DataProject) -> None:
    data_project.write("data/run.sh", b"#!/bin/sh\n").chmod(0o755)
    data_project.write("data/plain.sh", b"#!/bin/sh\n")
    data_project.write("tool", b"#!/bin/sh\n").chmod(0o755)
    _round_trip(data_project, "data")
    _round_trip(data_project, "tool")
    (data_project.root / "data/run.sh").chmod(0o644)
    assert data_project.state("data") == "changed"
    result = data_project.restore()
    assert result.saved_as is not None
    assert os.access(data_project.root / "data/run.sh", os.X_OK)


def test_links_inside_a_folder_stay_links(data_project: DataProject) -> None:
    data_project.write("data/sub/a.csv", b"1")
    (data_project.root / "data/sub/latest.csv").symlink_to("a.csv")
    (data_project.root / "data/up").symlink_to("sub/a.csv")
    (data_project.root / "data/folder").symlink_to("sub")
    (data_project.root / "data/dangling").symlink_to("nowhere")
    _round_trip(data_project, "data")


@pytest.mark.parametrize("target", ["/etc/passwd", "../train.py", "sub/../../train.py"])
def test_a_link_out_of_the_folder_is_refused(data_project: DataProject, target: str) -> None:
    data_project.write("data/sub/a.csv", b"1")
    (data_project.root / "data/out").symlink_to(target)
    before = data_project.everything()
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot("data")
    assert caught.value.code == "link-leaves-folder"
    assert data_project.everything() == before


def test_a_link_is_not_tracked_itself(data_project: DataProject) -> None:
    data_project.write("data/a.csv", b"1")
    (data_project.root / "link").symlink_to("data")
    for path in ("link", "link/a.csv"):
        with pytest.raises(ConflictError) as caught:
            data_project.snapshot(path)
        assert caught.value.code == "path-is-link"
        assert caught.value.hints


def test_a_pipe_is_refused(data_project: DataProject) -> None:
    data_project.write("data/a.csv", b"1")
    os.mkfifo(data_project.root / "data/pipe")
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot("data")
    assert caught.value.code == "not-a-file"


def test_nested_paths_are_refused_naming_the_outer_one(data_project: DataProject) -> None:
    data_project.write("data/sub/a.csv", b"1")
    data_project.snapshot("data")
    before = data_project.everything()
    for path in ("data/sub", "data/sub/a.csv"):
        with pytest.raises(ConflictError) as caught:
            data_project.snapshot(path)
        assert caught.value.code == "path-nested"
        assert caught.value.hints == ("jupyter mlops snapshot data",)
    assert data_project.everything() == before


def test_nested_paths_in_one_command_are_refused(data_project: DataProject) -> None:
    data_project.write("data/sub/a.csv", b"1")
    for paths in (("data", "data/sub"), ("data/sub", "data")):
        with pytest.raises(ConflictError) as caught:
            data_project.snapshot(*paths)
        assert caught.value.code == "path-nested"


def test_a_path_in_an_ignored_folder_is_refused_with_the_rule(data_project: DataProject) -> None:
    data_project.write(".gitignore", "out/\n*.tmp.mlops\n")
    data_project.write("out/model.bin", b"1")
    data_project.write("x.tmp", b"1")
    for path, rule in (("out/model.bin", "out/"), ("x.tmp", "*.tmp.mlops")):
        before = data_project.everything()
        with pytest.raises(ConflictError) as caught:
            data_project.snapshot(path)
        assert caught.value.code == "path-ignored"
        assert rule in caught.value.message
        assert caught.value.hints
        assert data_project.everything() == before


def test_data_that_git_ignores_already_can_be_tracked(data_project: DataProject) -> None:
    data_project.write(".gitignore", "*.bin\n")
    data_project.write("model.bin", b"1")
    _round_trip(data_project, "model.bin")


def test_what_git_tracks_is_refused_with_the_command_that_unties_it(
    data_project: DataProject,
) -> None:
    data_project.write("data/a b.csv", b"1")
    data_project.write("model.bin", b"1")
    data_project.commit("data in Git")
    before = data_project.everything()
    for path, untie in (
        ("model.bin", "git rm --cached -- model.bin"),
        ("data", "git rm -r --cached -- data"),
        ("data/a b.csv", "git rm --cached -- 'data/a b.csv'"),
    ):
        with pytest.raises(ConflictError) as caught:
            data_project.snapshot(path)
        assert caught.value.code == "tracked-by-git"
        assert caught.value.hints[0] == untie
    assert data_project.everything() == before
    data_project.git("rm", "--quiet", "-r", "--cached", "--", "data")
    data_project.snapshot("data")
    assert data_project.state("data") == "clean"


def test_a_tracked_file_that_was_added_to_git_is_refused(data_project: DataProject) -> None:
    data_project.write("model.bin", b"1")
    data_project.snapshot("model.bin")
    data_project.git("add", "--force", "model.bin")
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot()
    assert caught.value.code == "tracked-by-git"


def test_files_inside_that_git_tracks_stay_gits(data_project: DataProject) -> None:
    data_project.write("data/README.md", b"of Git")
    data_project.write("data/sub/.gitkeep", b"")
    data_project.commit("code in the folder")
    data_project.write("data/a.csv", b"1")
    result = data_project.snapshot("data", name="one")
    assert [left.path for left in result.left_out] == ["data/README.md", "data/sub/.gitkeep"]
    assert result.paths[0].files == 1
    data_project.write("data/README.md", b"changed")
    assert data_project.state("data") == "clean"
    data_project.write("data/sub/b.csv", b"2")
    data_project.snapshot(name="two")
    data_project.restore("one")
    assert data_project.files("data") == {
        "README.md": b"changed",
        "a.csv": b"1",
        "sub/.gitkeep": b"",
    }


def test_a_file_of_git_in_the_way_of_a_restore_is_not_overwritten(
    data_project: DataProject,
) -> None:
    data_project.write("data/a.csv", b"1")
    data_project.write("data/b.csv", b"1")
    data_project.snapshot("data", name="one")
    data_project.write("data/b.csv", b"of git")
    data_project.git("add", "--force", "data/b.csv")
    before = data_project.everything()
    with pytest.raises(ConflictError) as caught:
        data_project.restore("one")
    assert caught.value.code == "tracked-by-git"
    assert data_project.everything() == before


def test_a_path_in_a_submodule_is_refused(data_project: DataProject, tmp_path: Path) -> None:
    other = make_data_project(tmp_path / "other")
    data_project.git(
        *("-c", "protocol.file.allow=always", "submodule", "--quiet", "add"),
        *(str(other.root), "module"),
    )
    data_project.commit("module")
    data_project.write("module/model.bin", b"1")
    for path in ("module/model.bin", "module"):
        with pytest.raises(ConflictError) as caught:
            data_project.snapshot(path)
        assert caught.value.code == "path-in-submodule"
        assert caught.value.hints == ("cd module",)
    inner = DataProject(data_project.root / "module")
    inner.snapshot("model.bin")
    assert inner.states() == {"model.bin": "clean"}
    assert data_project.states() == {}


def test_paths_are_relative_to_the_current_folder(data_project: DataProject) -> None:
    (data_project.root / "notebooks").mkdir()
    ws = data_project.open("notebooks")
    assert resolve_paths(ws, ["../data/x", "y", "./y", "z.mlops", str(ws.root / "abs")]) == [
        "data/x",
        "notebooks/y",
        "notebooks/z",
        "abs",
    ]


def test_a_folder_reached_through_a_link_is_the_project(
    data_project: DataProject, tmp_path: Path
) -> None:
    (tmp_path / "alias").symlink_to(data_project.root)
    ws = open_workspace(tmp_path / "alias")
    assert resolve_paths(ws, ["data", str(tmp_path / "alias/data")]) == ["data"]


def test_the_notebook_is_named_only_inside_the_project(data_project: DataProject) -> None:
    def named(notebook: Path | None) -> str | None:
        return notebook_path(
            open_workspace(data_project.root, execution=Execution(notebook=notebook))
        )

    assert named(None) is None
    assert named(data_project.root / "sub/n.ipynb") == "sub/n.ipynb"
    assert named(Path("n.ipynb")) == "n.ipynb"
    assert named(data_project.root.parent / "n.ipynb") is None


def test_a_link_to_the_project_is_followed_and_one_that_is_the_notebook_is_not(
    data_project: DataProject, tmp_path: Path
) -> None:
    (tmp_path / "alias").symlink_to(data_project.root)
    data_project.write("real.ipynb", "{}")
    (data_project.root / "link.ipynb").symlink_to("real.ipynb")
    for name in ("real.ipynb", "link.ipynb"):
        execution = Execution(notebook=tmp_path / "alias" / name)
        assert notebook_path(open_workspace(data_project.root, execution=execution)) == name


@pytest.mark.parametrize(
    "path, code",
    [
        ("../outside.bin", "path-outside"),
        ("/etc/passwd", "path-outside"),
        (".", "path-is-root"),
        (".git/config", "path-in-git"),
        (".GIT/x", "path-in-git"),
        ("sub/.git/x", "path-invalid"),
        ("nul\0", "path-invalid"),
        ("a" * 300, "path-invalid"),
    ],
)
def test_words_that_are_no_path_of_the_project(
    data_project: DataProject, path: str, code: str
) -> None:
    before = data_project.everything()
    with pytest.raises(UsageError) as caught:
        data_project.snapshot(path)
    assert caught.value.code == code
    assert data_project.everything() == before


def test_what_is_not_there_is_not_found(data_project: DataProject) -> None:
    before = data_project.everything()
    with pytest.raises(NotFoundError) as caught:
        data_project.snapshot("nowhere.bin")
    assert caught.value.code == "path-not-found"
    assert data_project.everything() == before


def test_a_file_of_ones_own_with_the_name_of_a_pointer_is_not_overwritten(
    data_project: DataProject,
) -> None:
    data_project.write("model.bin", b"1")
    data_project.write("model.bin.mlops", b"my notes\n")
    before = data_project.everything()
    with pytest.raises(MlopsError) as caught:
        data_project.snapshot("model.bin")
    assert caught.value.code == "pointer-invalid"
    assert data_project.everything() == before


def test_a_pointer_that_git_does_not_know_is_not_overwritten(data_project: DataProject) -> None:
    data_project.write("model.bin", b"1")
    data_project.snapshot("model.bin")
    pointer = data_project.read("model.bin.mlops")
    data_project.git("rm", "--quiet", "--cached", "model.bin.mlops")
    for origin in (data_project.root / ".git/mlops-worktree/origins").iterdir():
        origin.unlink()
    data_project.write("model.bin", b"2")
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot("model.bin")
    assert caught.value.code == "stale"
    assert data_project.read("model.bin.mlops") == pointer
