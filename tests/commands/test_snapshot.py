from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from blake3 import blake3

from jupyter_mlops.commands.snapshot import NotebookResult, SnapshotResult, snapshot
from jupyter_mlops.commands.workspace import Execution, open_workspace
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.git.commits import has_identity
from jupyter_mlops.snapshots.content import keep_content
from jupyter_mlops.snapshots.listing import list_snapshots
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.scan import Scanner
from tests.support.data_project import STATE, DataProject, make_data_project


def _record(project: DataProject, result: SnapshotResult) -> dict[str, object]:
    shown = project.git("show", f"refs/mlops/snapshots/{result.id}:.mlops/snapshot.json")
    record = json.loads(shown)
    assert isinstance(record, dict)
    return record


def test_a_snapshot_says_what_it_kept(data_project: DataProject) -> None:
    data_project.write("data/a.csv", b"a" * 10)
    data_project.write("data/sub/b.csv", b"b" * 20)
    data_project.write("model.bin", b"m" * 30)
    result = data_project.snapshot("data/", "model.bin", message="wider trees", name="v1")
    assert (result.base, result.commit, result.name) == (data_project.head(), None, "v1")
    kept = {path.path: (path.kind, path.files, path.size_bytes) for path in result.paths}
    assert kept == {"data": ("tree", 2, 30), "model.bin": ("file", 1, 30)}
    assert result.paths[1].hash == f"blake3:{blake3(b'm' * 30).hexdigest()}"
    assert result.new_bytes == 60
    assert result.stored_bytes > 0
    assert result.left_out == ()


def test_four_lines_tell_it(data_project: DataProject) -> None:
    data_project.write("model.bin", b"m")
    result = data_project.snapshot("model.bin", name="v1")
    lines = render_text(result.describe(), width=100, colour=False).splitlines()
    assert len(lines) == 4
    assert "model.bin" in lines[0]
    assert data_project.head()[:10] in lines[1]
    assert result.id in lines[2]
    assert f"jupyter mlops restore {result.id}" in lines[3]


def test_a_pointer_and_an_ignore_line_are_written_and_staged(data_project: DataProject) -> None:
    data_project.write("data/train set.csv", b"1")
    data_project.snapshot("data/train set.csv")
    pointer = data_project.read("data/train set.csv.mlops").decode()
    assert f'hash = "blake3:{blake3(b"1").hexdigest()}"' in pointer
    assert data_project.read("data/.gitignore") == b"/train set.csv\n"
    assert data_project.git("status", "--porcelain").splitlines() == [
        "A  data/.gitignore",
        'A  "data/train set.csv.mlops"',
    ]


def test_the_hidden_commit_is_the_whole_state(data_project: DataProject) -> None:
    data_project.write("model.bin", b"m")
    data_project.write("train.py", "changed\n")
    data_project.write("new.py", "new\n")
    head = data_project.head()
    result = data_project.snapshot("model.bin")
    ref = f"refs/mlops/snapshots/{result.id}"
    assert data_project.git("rev-parse", f"{ref}^").strip() == head
    names = data_project.git("ls-tree", "-r", "--name-only", ref).split()
    assert names == [
        ".gitignore",
        ".mlops/snapshot.json",
        "mlops.toml",
        "model.bin.mlops",
        "new.py",
        "train.py",
    ]
    assert data_project.git("show", f"{ref}:train.py") == "changed\n"


def test_head_branch_files_and_what_else_is_staged_stay(data_project: DataProject) -> None:
    data_project.write("staged.py", "staged\n")
    data_project.git("add", "staged.py")
    data_project.write("staged.py", "changed since\n")
    data_project.write("model.bin", b"m")
    head = data_project.head()
    data_project.snapshot("model.bin")
    assert data_project.head() == head
    assert data_project.git("symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert data_project.git("show", ":staged.py") == "staged\n"
    assert data_project.read("staged.py") == b"changed since\n"


def test_a_record_tells_the_circumstances(data_project: DataProject) -> None:
    data_project.write("model.bin", b"m")
    data_project.write("metrics/run.json", '{"acc": 0.5}')
    data_project.write("params/run.json", '{"depth": 3}')
    words = ("snapshot", "model.bin", "-m", "why")
    execution = Execution(data_project.root / "n.ipynb", ("x = 1", "%snapshot"), words)
    ws = open_workspace(data_project.root, execution=execution)
    record = _record(data_project, snapshot(ws, ("model.bin",), message="why"))
    assert record["notebook"] == "n.ipynb"
    assert record["cells"] == ["x = 1", "%snapshot"]
    assert record["command"] == list(words)
    assert record["message"] == "why"
    assert record["metrics"] == {"metrics/run.json:acc": 0.5}
    assert record["params"] == {"params/run.json:depth": 3}
    environment = record["environment"]
    assert isinstance(environment, dict)
    assert environment["python"].startswith("3.")
    assert "package:blake3" in environment


def _from_notebook(
    project: DataProject, name: str, saved: bool, why: str | None = None
) -> SnapshotResult:
    notebook = project.root / name
    execution = Execution(notebook, notebook_saved=saved, why_not_saved=why)
    return snapshot(open_workspace(project.root, execution=execution), ())


def _lines(result: SnapshotResult) -> list[str]:
    return render_text(result.describe(), width=100, colour=False).splitlines()


def test_a_notebook_that_was_saved_needs_no_word(data_project: DataProject) -> None:
    data_project.write("sub/n [1].ipynb", "{}")
    result = _from_notebook(data_project, "sub/n [1].ipynb", True)
    assert result.notebook == NotebookResult("sub/n [1].ipynb", True, None)
    assert len(_lines(result)) == 4


@pytest.mark.parametrize(
    "why, said",
    [
        (None, "n.ipynb is kept as it was last saved."),
        ("The disk is full", "n.ipynb is kept as it was last saved: The disk is full."),
    ],
)
def test_a_notebook_that_was_not_saved_is_named(
    data_project: DataProject, why: str | None, said: str
) -> None:
    data_project.write("n.ipynb", "{}")
    result = _from_notebook(data_project, "n.ipynb", False, why)
    assert result.notebook == NotebookResult("n.ipynb", False, why)
    assert _lines(result)[4:] == [said]


@pytest.mark.parametrize("name", ["ignored.ipynb", "big.ipynb", "../outside.ipynb"])
def test_nothing_is_said_of_a_notebook_that_is_not_kept(
    data_project: DataProject, name: str
) -> None:
    data_project.write("mlops.toml", '[snapshot]\nfile_limit = "1 KiB"\n')
    data_project.write(".gitignore", "ignored.ipynb\n")
    data_project.write(name, " " * 2000)
    result = _from_notebook(data_project, name, False)
    assert result.notebook is None
    assert not any("last saved" in line for line in _lines(result))


def test_outside_of_notebooks_nothing_is_said(data_project: DataProject) -> None:
    result = data_project.snapshot()
    assert result.notebook is None
    assert len(_lines(result)) == 4


def test_every_snapshot_has_an_id_of_its_own_and_stores_content_once(
    data_project: DataProject,
) -> None:
    data_project.write("model.bin", b"m" * 1000)
    first = data_project.snapshot("model.bin")
    packs = sorted((data_project.root / ".git/mlops/packs").rglob("*.pack"))
    second = data_project.snapshot()
    assert first.id != second.id
    assert (second.new_bytes, second.stored_bytes) == (0, 0)
    assert sorted((data_project.root / ".git/mlops/packs").rglob("*.pack")) == packs
    assert second.paths == first.paths


def test_without_paths_all_tracked_ones_are_kept(data_project: DataProject) -> None:
    data_project.write("b.bin", b"1")
    data_project.write("a.bin", b"1")
    data_project.snapshot("b.bin")
    data_project.snapshot("a.bin")
    data_project.write("b.bin", b"2")
    result = data_project.snapshot()
    assert [path.path for path in result.paths] == ["a.bin", "b.bin"]
    assert data_project.states() == {"a.bin": "clean", "b.bin": "clean"}


def test_a_folder_above_tracked_paths_stands_for_them_once_it_is_gone(
    data_project: DataProject,
) -> None:
    data_project.write("data/a.bin", b"1")
    data_project.snapshot("data/a.bin")
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot("data")
    assert caught.value.code == "path-nested"


def test_a_tracked_path_whose_data_is_not_here_keeps_its_pointer(data_project: DataProject) -> None:
    data_project.write("a.bin", b"1")
    data_project.write("b.bin", b"2")
    data_project.snapshot("a.bin", "b.bin")
    data_project.remove("a.bin")
    pointer = data_project.read("a.bin.mlops")
    result = data_project.snapshot()
    assert [path.path for path in result.paths] == ["b.bin"]
    assert [left.path for left in result.left_out] == ["a.bin"]
    assert data_project.read("a.bin.mlops") == pointer
    with pytest.raises(NotFoundError) as caught:
        data_project.snapshot("a.bin")
    assert caught.value.hints == ("jupyter mlops restore",)


def test_commit_takes_pointers_and_numbers_and_nothing_else(data_project: DataProject) -> None:
    data_project.write("model.bin", b"m")
    data_project.write("metrics/run.json", '{"acc": 0.5}')
    data_project.write("staged.py", "staged\n")
    data_project.git("add", "staged.py")
    before = data_project.head()
    result = data_project.snapshot("model.bin", message="wider", commit=True)
    assert result.commit == data_project.head()
    assert data_project.git("rev-parse", "HEAD^").strip() == before
    named = data_project.git("show", "--name-only", "--format=%s", "HEAD").split()
    assert named == ["wider", ".gitignore", "metrics/run.json", "model.bin.mlops"]
    assert data_project.git("diff", "--cached", "--name-only").split() == ["staged.py"]
    assert result.base == before


def test_commit_without_a_change_makes_none(data_project: DataProject) -> None:
    data_project.write("model.bin", b"m")
    data_project.snapshot("model.bin", commit=True)
    head = data_project.head()
    assert data_project.snapshot(commit=True).commit is None
    assert data_project.head() == head


def test_commit_takes_a_pointer_that_a_restore_brought_and_git_does_not_know(
    data_project: DataProject,
) -> None:
    data_project.write("data/a.csv", b"1")
    data_project.snapshot("data", commit=True)
    data_project.write("folder/model.bin", b"m")
    data_project.snapshot("folder/model.bin", name="both")
    data_project.git("reset", "--quiet", "--hard")
    data_project.remove("folder/model.bin")
    data_project.restore("both", "folder/model.bin")
    data_project.write("data/a.csv", b"2")
    commit = data_project.snapshot("data", commit=True).commit
    assert commit == data_project.head()
    named = data_project.git("show", "--name-only", "--format=", "HEAD").split()
    assert named == ["data.mlops", "folder/.gitignore", "folder/model.bin.mlops"]


def test_commit_without_a_change_makes_none_whatever_is_staged(data_project: DataProject) -> None:
    data_project.write("data/a.csv", b"1")
    data_project.write("model.bin", b"m")
    data_project.snapshot("data", "model.bin", commit=True)
    data_project.write("model.bin", b"n")
    data_project.snapshot()
    data_project.restore("HEAD")
    head = data_project.head()
    assert data_project.git("diff", "--cached", "--name-only").split() == ["model.bin.mlops"]
    assert data_project.snapshot("data", commit=True).commit is None
    assert data_project.head() == head


def test_commit_on_a_detached_head(data_project: DataProject) -> None:
    data_project.git("switch", "--quiet", "--detach")
    data_project.write("model.bin", b"m")
    result = data_project.snapshot("model.bin", commit=True)
    assert result.commit == data_project.head()
    assert result.base == data_project.git("rev-parse", "main").strip()


def test_a_commit_that_a_hook_refuses_leaves_the_snapshot(data_project: DataProject) -> None:
    hook = data_project.write(".git/hooks/pre-commit", "#!/bin/sh\necho no >&2\nexit 1\n")
    hook.chmod(0o755)
    data_project.write("model.bin", b"m")
    head = data_project.head()
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot("model.bin", commit=True)
    (listed,) = list_snapshots(data_project.open().git)
    assert caught.value.message.startswith(f"Snapshot {listed.id} is kept, but no commit was made")
    assert data_project.head() == head
    data_project.undo()
    assert list_snapshots(data_project.open().git) == []


def test_without_an_identity_a_snapshot_has_one_of_ours_and_a_commit_is_refused(
    data_project: DataProject,
) -> None:
    data_project.git("config", "--unset", "user.name")
    data_project.write("model.bin", b"m")
    assert not has_identity(data_project.open().git)
    before = data_project.everything()
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot("model.bin", commit=True)
    assert caught.value.code == "identity-missing"
    assert "user.name" in caught.value.hints[0]
    assert data_project.everything() == before
    result = data_project.snapshot("model.bin")
    author = data_project.git("show", "-s", "--format=%an", f"refs/mlops/snapshots/{result.id}")
    assert author.strip() == "jupyter-mlops"


def test_an_unborn_branch(tmp_path: Path) -> None:
    project = make_data_project(tmp_path / "p")
    project.git("update-ref", "-d", "HEAD")
    project.write("model.bin", b"m")
    result = project.snapshot("model.bin", name="first")
    assert result.base is None
    parents = project.git("show", "-s", "--format=%P", f"refs/mlops/snapshots/{result.id}")
    assert parents.strip() == ""
    project.remove("model.bin")
    project.restore("first")
    assert project.read("model.bin") == b"m"


def test_a_sha256_repository(tmp_path: Path) -> None:
    project = make_data_project(tmp_path / "p", "--object-format=sha256")
    project.write("data/a.csv", b"1")
    first = project.snapshot("data", commit=True)
    assert first.commit is not None
    assert len(first.commit) == 64
    project.write("data/a.csv", b"2")
    project.snapshot(name="two")
    project.restore(first.commit)
    assert project.read("data/a.csv") == b"1"
    project.undo()
    assert project.read("data/a.csv") == b"2"


@pytest.mark.parametrize("name", ["two words", "-dash", "a..b", "g234567abcde", "", "a\nb", "x~1"])
def test_names_that_cannot_be(data_project: DataProject, name: str) -> None:
    data_project.write("model.bin", b"m")
    before = data_project.everything()
    with pytest.raises(UsageError):
        data_project.snapshot("model.bin", name=name)
    assert data_project.everything() == before


def test_a_name_is_given_once(data_project: DataProject) -> None:
    data_project.write("model.bin", b"m")
    data_project.snapshot("model.bin", name="v1")
    before = data_project.everything()
    with pytest.raises(ConflictError) as caught:
        data_project.snapshot("model.bin", name="v1")
    assert caught.value.code == "name-taken"
    assert data_project.everything() == before


def test_a_small_edit_of_a_large_file_stores_little(data_project: DataProject) -> None:
    content = bytearray(os.urandom(9_000_000))
    data_project.write("big.bin", bytes(content))
    data_project.snapshot("big.bin")
    content[4_000_000:4_000_100] = os.urandom(100)
    data_project.write("big.bin", bytes(content))
    result = data_project.snapshot()
    assert result.stored_bytes < 1_500_000
    assert result.new_bytes < 1_500_000


def test_large_and_many_new_files_are_left_out_and_named(data_project: DataProject) -> None:
    limits = 'file_limit = "1 KiB"\nuntracked_limit = "1 KiB"\n'
    data_project.write("mlops.toml", f"[snapshot]\n{limits}")
    data_project.write("huge.txt", b"x" * 2000)
    data_project.write("one.txt", b"x" * 600)
    data_project.write("two.txt", b"x" * 600)
    data_project.write("model.bin", b"m")
    result = data_project.snapshot("model.bin")
    assert [left.path for left in result.left_out] == ["huge.txt", "two.txt"]
    (listed,) = list_snapshots(data_project.open().git)
    assert [left.path for left in listed.record.left_out] == ["huge.txt", "two.txt"]


def test_a_pointer_that_git_does_not_know_is_staged_again(data_project: DataProject) -> None:
    data_project.write("data/a.csv", "1")
    data_project.snapshot("data")
    staged = data_project.git("ls-files", "--stage")
    data_project.git("rm", "--quiet", "--cached", "data.mlops", ".gitignore")
    data_project.snapshot()
    assert data_project.git("ls-files", "--stage") == staged


def test_a_worktree_that_forgot_where_its_data_came_from_learns_it(
    data_project: DataProject,
) -> None:
    data_project.write("data/a.csv", "1")
    data_project.snapshot("data")
    origins = read_origins(data_project.root / STATE)
    shutil.rmtree(data_project.root / STATE / "origins")
    data_project.snapshot()
    assert read_origins(data_project.root / STATE) == origins
    assert data_project.states() == {"data": "clean"}


def test_only_what_is_taken_unasked_is_automatic(data_project: DataProject) -> None:
    data_project.write("data/a.csv", "1")
    first = data_project.snapshot("data")
    assert _record(data_project, first).get("automatic", False) is False
    data_project.write("data/a.csv", "2")
    saved = data_project.restore(first.id).saved_as
    record = json.loads(
        data_project.git("show", f"refs/mlops/snapshots/{saved}:.mlops/snapshot.json")
    )
    assert record["automatic"] is True


def test_what_is_gone_when_it_is_to_be_kept_is_named(data_project: DataProject) -> None:
    ws = data_project.open()
    with pytest.raises(NotFoundError) as caught:
        keep_content(ws, Scanner(ws), ["nowhere"])
    assert caught.value.code == "path-not-found"
    assert "nowhere" in caught.value.message


def test_nothing_is_kept_beside_an_ignore_file_that_cannot_be_written(
    data_project: DataProject, tmp_path: Path
) -> None:
    data_project.write("a/model.bin", "1")
    data_project.write("b/model.bin", "2")
    (data_project.root / "b/.gitignore").symlink_to(tmp_path / "elsewhere")
    before = data_project.everything()
    with pytest.raises(ConflictError):
        data_project.snapshot("a/model.bin", "b/model.bin")
    assert data_project.everything() == before
