"""Plain files out of any project: ``get`` and ``export``; and Git's own push, which sends data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jupyter_mlops.commands.export import export
from jupyter_mlops.commands.get import get
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import ConflictError, NotFoundError
from tests.support.project import Project
from tests.sync.team import Team, keep, pull_data, push_data, write_files


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """A project whose data is on its remote alone, and the files that it had."""
    return Team(tmp_path, str(tmp_path / "remote"))


@pytest.fixture
def files(team: Team) -> dict[str, bytes]:
    files = write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    team.origin.git("tag", "one")
    push_data(team.origin)
    shutil.rmtree(team.origin.root / ".git/mlops/packs")
    shutil.rmtree(team.origin.root / ".git/mlops/index")
    for path in ("data", "model.bin"):
        team.origin.remove(path)
    return files


def _read(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("url", ["origin", "file://"])
def test_a_path_is_copied_out_of_a_project(
    team: Team, files: dict[str, bytes], tmp_path: Path, url: str
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    where = str(team.origin.root) if url == "origin" else f"file://{team.origin.root}"
    got = get(open_here(here), where, "model.bin")
    assert (here / "model.bin").read_bytes() == files["model.bin"]
    assert (got.files, got.revision) == (1, team.origin.head())
    get(open_here(here), where, "data", rev="one", output=Path("copy"))
    wanted = {n.removeprefix("data/"): c for n, c in files.items() if n.startswith("data/")}
    assert _read(here / "copy") == {**wanted, "link": wanted["big.bin"]}
    get(open_here(here), where, "data/1", output=Path("part"))
    assert _read(here / "part") == {
        name.removeprefix("1/"): content for name, content in wanted.items() if name[:2] == "1/"
    }
    assert sorted(path.name for path in here.iterdir()) == ["copy", "model.bin", "part"]


def test_what_is_there_is_not_written_over(
    team: Team, files: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "model.bin").write_bytes(b"mine")
    with pytest.raises(ConflictError):
        get(open_here(tmp_path), str(team.origin.root), "model.bin")
    assert (tmp_path / "model.bin").read_bytes() == b"mine"
    with pytest.raises(NotFoundError):
        get(open_here(tmp_path), str(team.origin.root), "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_revision_is_written_as_plain_files(
    team: Team, files: dict[str, bytes], tmp_path: Path
) -> None:
    exported = export(team.origin.open(), "one", str(tmp_path / "plain"))
    assert exported.files == len(files) + 1
    assert _read(tmp_path / "plain") == {**files, "data/link": files["data/big.bin"]}
    with pytest.raises(ConflictError):
        export(team.origin.open(), "one", str(tmp_path / "plain"))
    export(team.origin.open(), "one", str(tmp_path / "model"), ("model.bin",))
    assert _read(tmp_path / "model") == {"model.bin": files["model.bin"]}


class TestPrePush:
    @pytest.fixture
    def pushing(self, team: Team, tmp_path: Path) -> Project:
        """A project with data that was not pushed, and a Git remote."""
        team.origin.git("init", "--quiet", "--bare", str(tmp_path / "git"))
        team.origin.git("remote", "add", "origin", str(tmp_path / "git"))
        write_files(team.origin)
        keep(team.origin, "data", "model.bin")
        return Project(team.origin.root)

    def test_the_data_goes_first(self, team: Team, pushing: Project, tmp_path: Path) -> None:
        pushing.git("push", "--quiet", "origin", "main")
        assert push_data(team.origin).up_to_date
        clone = team.clone()
        pull_data(clone)
        assert clone.files("data") == team.origin.files("data")

    def test_nothing_is_pushed_without_the_data(self, pushing: Project, tmp_path: Path) -> None:
        remote = tmp_path / "remote"
        shutil.rmtree(remote)
        with pytest.raises(AssertionError, match="Nothing was pushed"):
            pushing.git("push", "--quiet", "origin", "main")
        assert pushing.git("ls-remote", "origin") == ""
        pushing.git("push", "--quiet", "--no-verify", "origin", "main")
        assert "refs/heads/main" in pushing.git("ls-remote", "origin")

    def test_a_hook_that_was_there_gets_what_git_tells(
        self, pushing: Project, tmp_path: Path
    ) -> None:
        hook = pushing.root / ".git/hooks/pre-push.before-mlops"
        hook.write_text(f'#!/bin/sh\ncat > "{tmp_path}/told"\n')
        hook.chmod(0o755)
        pushing.git("push", "--quiet", "origin", "main")
        assert (tmp_path / "told").read_text().startswith("refs/heads/main ")
