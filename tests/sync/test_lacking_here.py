"""Content that this machine lacks and a remote may have: what is said, and that it helps."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pexpect
import pytest

from jupyter_mlops.commands.hook import hook
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import NotFoundError
from tests.support.data_project import DataProject, make_data_project
from tests.support.project import IDENTITY
from tests.sync.team import Team, keep, pull_data, push_data

MANY = 1100


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Two versions of a file and of a large flat folder, pushed."""
    team = Team(tmp_path, str(tmp_path / "remote"))
    for version in (b"1", b"2"):
        for number in range(MANY):
            team.origin.write(f"data/{number}", b"%d" % number + version)
        team.origin.write("model.bin", version)
        keep(team.origin, "data", "model.bin")
        push_data(team.origin)
    return team


def refused(project: DataProject, *words: str) -> tuple[str, ...]:
    """Return the hints of a restore that finds no content."""
    with pytest.raises(NotFoundError) as caught:
        project.restore(*words)
    assert caught.value.code == "content-missing"
    assert "Nothing was restored" in caught.value.message
    return caught.value.hints


def test_restore_names_the_pull_that_brings_it(team: Team) -> None:
    clone = team.clone()
    assert "Bring the data of this branch here: jupyter mlops pull" in clone.mlops("init").stdout
    assert refused(clone) == ("jupyter mlops pull",)
    assert refused(clone, "HEAD", "model.bin") == ("jupyter mlops pull model.bin",)
    pull_data(clone, "model.bin")
    clone.restore("HEAD", "model.bin")
    assert refused(clone, "HEAD", "data") == ("jupyter mlops pull data",)


def test_of_another_revision_a_fetch_brings_it(team: Team) -> None:
    clone = team.clone()
    pull_data(clone)
    assert refused(clone, "HEAD~1", "model.bin") == (
        "jupyter mlops fetch model.bin --all-branches",
    )
    assert clone.mlops("fetch", "model.bin", "--all-branches").returncode == 0
    clone.restore("HEAD~1", "model.bin")
    assert clone.read("model.bin") == b"1"


def test_without_a_remote_it_is_said_how_to_have_one(tmp_path: Path) -> None:
    project = make_data_project(tmp_path / "project")
    project.write("a", "1")
    keep(project, "a")
    clone = DataProject(project.clone(tmp_path / "clone").root)
    assert refused(clone) == ("jupyter mlops remote add NAME URL", "jupyter mlops check")


def test_after_a_checkout_the_hook_names_the_pull(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = team.clone()
    pull_data(clone)
    clone.git("switch", "--quiet", "--detach", "HEAD~1")
    hook(open_here(clone.root), "post-checkout", ("0", "1", "1"))
    said = capsys.readouterr().err
    assert "content of data, model.bin is not on this machine yet: jupyter mlops pull" in said
    pull_data(clone)
    assert clone.read("model.bin") == b"1"


@pytest.mark.parametrize(("answer", "pulled"), [("y", True), ("", False)])
def test_a_terminal_is_asked_once_whether_a_place_may_be_used(
    team: Team, tmp_path: Path, answer: str, pulled: bool
) -> None:
    clone = team.clone()
    home = tmp_path / "somebody"
    home.mkdir()
    root = Path(__file__).parents[2]
    env = {**os.environ, **IDENTITY, "PYTHONPATH": str(root), "JUPYTER_DATA_DIR": str(home)}
    words = ["-m", "jupyter_mlops", "pull", "model.bin"]
    child = pexpect.spawn(sys.executable, words, cwd=str(clone.root), env=env, encoding="utf-8")
    child.expect(r"which you have not used before.*Use it from now on\? \[y/N\]")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert (clone.root / "model.bin").exists() is pulled
    again = clone.mlops("pull", "model.bin", env={"JUPYTER_DATA_DIR": str(home)})
    assert (again.returncode == 0) is pulled
    if not pulled:
        assert "remote test store --yes" in again.stderr
