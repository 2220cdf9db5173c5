from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.commands.complete import complete_words
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.table import COMMANDS
from tests.support.data_project import DataProject
from tests.support.project import Project
from tests.support.sample_commands import SAMPLES


@pytest.fixture
def folder(project: Project) -> Path:
    """A project with branches, files, a tracked path and metrics."""
    project.write("data/train one.csv", "x")
    project.write("data/test.csv", "x")
    project.write(".hidden", "x")
    project.write("model.bin.mlops", "x")
    project.write("mlops.toml", "")
    project.write("metrics/train.json", '{"loss": 1, "acc": 0.5}')
    project.commit("Data")
    project.git("branch", "feature/a")
    project.git("tag", "v1")
    return project.root


def words(folder: Path, *typed: str) -> tuple[str, ...]:
    return complete_words(typed[:-1], typed[-1], folder, SAMPLES).words


def test_commands_come_first(folder: Path) -> None:
    assert words(folder, "") == ("keep", "say", "rename", "things", "fail")
    assert words(folder, "ke") == ("keep",)
    assert words(folder, "things", "") == ("remove", "draw")
    assert words(folder, "-") == ("--help", "--version")
    assert words(folder, "nonsense", "") == ()


def test_a_command_with_subcommands_offers_both(folder: Path) -> None:
    offered = words(folder, "keep", "")
    assert offered[0] == "list"
    assert "data/" in offered
    assert ".hidden" not in offered


def test_paths_go_on_inside_folders(folder: Path) -> None:
    assert words(folder, "keep", "data/t") == ("data/test.csv", "data/train one.csv")
    assert words(folder, "keep", ".h") == (".hidden",)
    assert words(folder, "keep", "nowhere/") == ()
    assert words(folder / "data", "keep", "../da") == ("../data/",)


def test_options_are_offered_once_unless_they_repeat(folder: Path) -> None:
    offered = words(folder, "keep", "-m", "x", "--tag=y", "--")
    assert "--message" not in offered
    assert {"--tag", "--limit", "--no-links", "--json", "--help"} <= set(offered)
    assert words(folder, "keep", "--", "--") == ()


def test_values_of_options_are_offered(folder: Path) -> None:
    assert words(folder, "keep", "--how", "") == ("fast", "safe")
    assert words(folder, "keep", "--how=f") == ("--how=fast",)
    assert words(folder, "keep", "--tag", "") == ("feature/a", "main")
    assert words(folder, "keep", "-m", "") == ()
    assert words(folder, "keep", "--dry-run=") == ()


def test_positionals_are_offered_by_their_place(folder: Path) -> None:
    assert words(folder, "rename", "") == ("model.bin",)
    assert words(folder, "rename", "model.bin", "") == ()
    assert words(folder / "data", "rename", "") == ("../model.bin",)


def test_the_words_after_the_first_may_be_something_else(folder: Path) -> None:
    free = Command(("free",), "tests.support.sample_commands:free", "Take words as they come.")
    assert complete_words(("free",), "", folder, (free,)).words == ("feature/a", "main")
    assert complete_words(("free", "main"), "da", folder, (free,)).words == ("data/",)


def test_real_commands_offer_revisions_and_metrics(folder: Path) -> None:
    offered = complete_words(("diff",), "", folder, COMMANDS).words
    assert offered[:1] == ("HEAD",)
    assert {"main", "feature/a", "v1"} <= set(offered)
    metrics = complete_words(("metrics", "history", "--metric"), "", folder, COMMANDS).words
    assert sorted(metrics) == [
        *("acc", "loss"),
        *("metrics/train.json:acc", "metrics/train.json:loss"),
    ]


def test_outside_of_a_project_nothing_is_raised(tmp_path: Path) -> None:
    for typed in (("rename", ""), ("keep", "--tag", ""), ("keep", "x/")):
        assert words(tmp_path, *typed) == ()


def test_the_values_of_an_option_that_may_stand_alone_are_offered(
    data_project: DataProject,
) -> None:
    folder = data_project.root
    data_project.write("data.csv", "x")
    kept = data_project.snapshot("data.csv", name="best")
    for typed in (("--snapshots",), ("--snapshots", "x")):
        offered = complete_words(("push", *typed), "", folder, COMMANDS).words
        assert offered == ("best", kept.id)
    offered = complete_words(("push", "--snapshots"), "--t", folder, COMMANDS).words
    assert offered == ("--tags",)
    offered = complete_words(("push", "--snapshots", "x", "--tags"), "", folder, COMMANDS).words
    assert "best" not in offered
