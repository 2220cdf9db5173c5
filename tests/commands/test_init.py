from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from jupyter_mlops.commands.clone import current_installation, ensure_clone, read_launcher
from jupyter_mlops.commands.init import InitResult, init
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.document import Hint
from jupyter_mlops.errors import ConflictError, NotFoundError, UnavailableError, UsageError
from jupyter_mlops.files.owner import current_owner, format_owner
from jupyter_mlops.git.attributes import ATTRIBUTE_LINES
from jupyter_mlops.git.hook_scripts import HOOK_NAMES
from jupyter_mlops.git.launcher import Installation, format_launcher, launcher_path
from jupyter_mlops.git.repository import open_repository
from tests.support.disks import make_read_only
from tests.support.project import Project, make_project


def files_of(project: Project) -> dict[str, bytes]:
    """Return every file in the project but Git's objects and index, by path."""
    return {
        path.relative_to(project.root).as_posix(): path.read_bytes()
        for path in project.root.rglob("*")
        if path.is_file() and "objects" not in path.parts and path.name != "index"
    }


def test_a_repository_becomes_a_project(project: Project) -> None:
    result = init(open_here(project.root))
    assert len(result.done) == 8
    assert result.to_commit == (".gitattributes", ".gitignore", "mlops.toml")
    listed = project.git("status", "--porcelain").splitlines()
    assert listed == ["?? .gitattributes", "?? .gitignore", "?? mlops.toml"]
    assert project.read(".gitattributes").splitlines()[0].startswith(b"*.ipynb filter=mlops-")
    assert read_launcher(open_repository(project.root)) == current_installation()
    project.commit("Use jupyter-mlops")
    assert init(open_here(project.root)).to_commit == ()


def test_the_command_to_commit_takes_any_path() -> None:
    path = "my notebooks/.gitattributes"
    blocks = InitResult(".", ("Set up.",), (path,)).describe().blocks
    (command,) = [b.command for b in blocks if isinstance(b, Hint) and b.text == "Commit"]
    assert shlex.split(command).count(path) == 2


def test_a_second_time_clears_what_a_killed_one_noted_of_locks(project: Project) -> None:
    init(open_here(project.root))
    ended = format_owner(current_owner()._replace(started=1))
    note = project.root / f".git/mlops/git-locks-{ended}-0"
    note.write_text("config.lock\n")
    init(open_here(project.root))
    assert not note.exists()


def test_a_second_time_changes_nothing(project: Project) -> None:
    init(open_here(project.root))
    before = files_of(project)
    result = init(open_here(project.root))
    assert (result.done, files_of(project)) == ((), before)


def test_what_is_missing_is_mended(project: Project) -> None:
    init(open_here(project.root))
    before = files_of(project)
    (project.root / ".git/hooks/post-merge").unlink()
    (project.root / ".git/hooks/pre-commit").write_bytes(b"")
    (project.root / ".git/hooks/pre-commit").unlink()
    launcher_path(open_repository(project.root)).unlink()
    project.git("config", "filter.mlops-notebook.process", "gone")
    project.git("config", "--unset", "filter.mlops-notebook.required")
    (project.root / "mlops.toml").unlink()
    project.write(".gitattributes", f"{ATTRIBUTE_LINES[0]}\n")
    assert len(init(open_here(project.root)).done) == 5
    after = files_of(project)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] != before[name]] in ([], [".git/config"])
    assert init(open_here(project.root)).done == ()


def test_it_works_from_a_folder_of_the_project_and_unborn(tmp_path: Path) -> None:
    project = make_project(tmp_path / "new ünborn")
    folder = project.write("a/b/c.txt", "c").parent
    assert init(open_here(folder)).root == str(project.root)
    assert (project.root / "mlops.toml").exists()
    project.commit("First")
    assert project.git("status", "--porcelain") == ""


def test_what_users_wrote_stays(project: Project) -> None:
    project.write("mlops.toml", "# mine\n")
    project.write(".gitattributes", "* text=auto\r\n*.ipynb filter=nbstripout\r\n")
    project.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n").chmod(0o755)
    result = init(open_here(project.root))
    assert project.read("mlops.toml") == b"# mine\n"
    assert project.read(".gitattributes").startswith(
        b"* text=auto\r\n*.ipynb filter=nbstripout\r\n*.ipynb filter=mlops-notebook"
    )
    assert project.read(".git/hooks/pre-commit.before-mlops") == b"#!/bin/sh\nexit 0\n"
    assert any("pre-commit" in text for text in result.done)
    assert result.in_the_way == ()


def test_a_rule_in_the_way_is_named(project: Project) -> None:
    project.write(".git/info/attributes", "*.ipynb filter=lfs\n")
    result = init(open_here(project.root))
    assert result.in_the_way == ATTRIBUTE_LINES[:1]
    assert init(open_here(project.root)).done == ()


def test_a_clone_is_set_up_without_touching_its_files(project: Project, tmp_path: Path) -> None:
    init(open_here(project.root))
    project.commit("Use jupyter-mlops")
    clone = project.clone(tmp_path / "clone")
    repo = open_repository(clone.root)
    assert len(ensure_clone(repo)) == 5
    assert ensure_clone(repo) == ()
    assert clone.git("status", "--porcelain") == ""
    assert all((clone.root / ".git/hooks" / name).exists() for name in HOOK_NAMES)


def test_another_installation_is_taken_over_only_when_asked(project: Project) -> None:
    init(open_here(project.root))
    repo = open_repository(project.root)
    here = current_installation()
    other = Installation(Path("/bin/sh"), here.package)
    path = launcher_path(repo)
    path.chmod(0o644)
    path.write_bytes(format_launcher(other))
    assert ensure_clone(repo) == ()
    assert init(open_here(project.root)).done == ("Told Git where jupyter-mlops is installed.",)
    assert read_launcher(repo) == here


def test_a_linked_worktree_shares_all_but_its_files(project: Project, tmp_path: Path) -> None:
    init(open_here(project.root))
    project.commit("Use jupyter-mlops")
    other = project.worktree(tmp_path / "linked", "HEAD")
    assert init(open_here(other.root)).done == ()


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes"])
def test_a_file_of_gits_that_is_a_link_stops_it(
    project: Project, tmp_path: Path, name: str
) -> None:
    (project.root / name).symlink_to(tmp_path / "elsewhere")
    before = files_of(project)
    with pytest.raises(ConflictError):
        init(open_here(project.root))
    assert files_of(project) == before


def test_attributes_that_git_passes_over_are_not_read(project: Project) -> None:
    with (project.root / ".gitattributes").open("wb") as file:
        file.truncate(101 << 20)
    before = files_of(project)
    with pytest.raises(ConflictError):
        init(open_here(project.root))
    assert files_of(project) == before


def test_outside_of_git_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        init(open_here(tmp_path))
    assert (caught.value.code, caught.value.hints) == ("not-a-git-project", ("git init",))
    assert list(tmp_path.iterdir()) == []


def test_a_project_file_that_is_not_valid_stops_it(project: Project) -> None:
    project.write("mlops.toml", "wrong = 1\n")
    with pytest.raises(UsageError):
        init(open_here(project.root))
    assert not (project.root / ".gitattributes").exists()


def test_a_read_only_project_is_named(project: Project) -> None:
    with make_read_only(project.root), pytest.raises(UnavailableError):
        init(open_here(project.root))


def test_json_has_what_was_done(project: Project) -> None:
    done = project.mlops("init", "--json")
    assert done.returncode == 0
    assert sorted(json.loads(done.stdout)) == ["done", "in_the_way", "remotes", "root", "to_commit"]
    shown = project.mlops("init").stdout
    assert "nothing had to be mended" in shown
    assert "git add .gitattributes .gitignore mlops.toml" in shown


def test_checkpoints_are_ignored_once_and_other_lines_stay(project: Project) -> None:
    project.write(".gitignore", "/scratch\n")
    init(open_here(project.root))
    assert project.read(".gitignore") == b"/scratch\n.ipynb_checkpoints/\n"
    init(open_here(project.root))
    assert project.read(".gitignore") == b"/scratch\n.ipynb_checkpoints/\n"


def test_checkpoints_that_a_later_rule_takes_back_are_left_to_the_user(project: Project) -> None:
    text = ".ipynb_checkpoints/\n!.ipynb_checkpoints/\n"
    project.write(".gitignore", text)
    init(open_here(project.root))
    assert project.read(".gitignore") == text.encode()


def test_a_rule_that_ignores_checkpoints_already_is_enough(project: Project) -> None:
    project.write(".gitignore", "**/.ipynb_checkpoints\n")
    init(open_here(project.root))
    assert project.read(".gitignore") == b"**/.ipynb_checkpoints\n"
