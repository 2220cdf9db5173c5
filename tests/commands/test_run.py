from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.run import (
    encode_error,
    encode_result,
    exit_status,
    run_command,
    run_invocation,
)
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.workspace import Execution, open_workspace
from jupyter_mlops.errors import (
    ConflictError,
    InternalError,
    MlopsError,
    NotFoundError,
    UsageError,
)
from tests.support.project import Project
from tests.support.sample_commands import SAMPLES, Drawn, Kept, Said

KEEP, KEEP_LIST, SAY, *_ = SAMPLES


@pytest.fixture
def opened(project: Project) -> Project:
    """A project with an empty mlops.toml."""
    project.write("mlops.toml", "")
    return project


def test_a_command_gets_an_opened_project_and_its_defaults(opened: Project) -> None:
    folder = opened.root / "sub"
    folder.mkdir()
    execution = Execution(folder / "n.ipynb", ("x = 1",), ("keep", "a"))
    result = run_command(KEEP, {"paths": ("a",)}, start=folder, execution=execution)
    assert isinstance(result, Kept)
    assert (result.root, result.paths, result.limit) == (str(opened.root), ("a",), 10)
    assert (result.cells, result.command) == (("x = 1",), ("keep", "a"))
    assert result.notebook == str(folder / "n.ipynb")


def test_a_command_that_takes_here_runs_anywhere(tmp_path: Path) -> None:
    assert run_command(SAY, {"text": "hello"}, start=tmp_path) == Said("hello")


def test_outside_of_git_a_project_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        run_command(KEEP, {}, start=tmp_path)
    assert caught.value.code == "not-a-git-project"
    assert caught.value.exit_status == 3


def test_without_mlops_toml_the_hint_is_init(project: Project) -> None:
    with pytest.raises(NotFoundError) as caught:
        open_workspace(project.root)
    assert (caught.value.code, caught.value.hints) == ("no-mlops-toml", ("jupyter mlops init",))


def test_mlops_toml_that_is_not_valid_is_a_usage_error(project: Project) -> None:
    project.write("mlops.toml", "[surprise]\n")
    with pytest.raises(UsageError) as caught:
        open_workspace(project.root)
    assert "surprise" in caught.value.message


def test_mlops_toml_that_is_a_folder_is_one_sentence(project: Project) -> None:
    (project.root / "mlops.toml").mkdir()
    with pytest.raises(MlopsError) as caught:
        open_workspace(project.root)
    assert caught.value.code == "not-a-file"


@pytest.mark.parametrize("target", ["/dev/zero", "elsewhere.toml", "nowhere"])
def test_mlops_toml_that_is_a_link_is_not_followed(project: Project, target: str) -> None:
    """It may lead out of the project, and to what has no end."""
    project.write("elsewhere.toml", "")
    (project.root / "mlops.toml").symlink_to(target)
    with pytest.raises(ConflictError) as caught:
        open_workspace(project.root)
    assert caught.value.code == "link-on-the-way"
    assert caught.value.hints


def test_mlops_toml_is_not_read_further_than_it_may_be_long(project: Project) -> None:
    with project.write("mlops.toml", "").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConflictError) as caught:
        open_workspace(project.root)
    assert caught.value.code == "file-too-big"


def test_opening_a_project_writes_nothing(opened: Project) -> None:
    before = sorted(opened.root.rglob("*"))
    open_workspace(opened.root)
    assert sorted(opened.root.rglob("*")) == before


def test_what_is_no_result_is_a_defect(tmp_path: Path) -> None:
    command = Command(("count",), "tests.support.sample_commands:count", "Return a number.")
    with pytest.raises(InternalError):
        run_command(command, {}, start=tmp_path)


def test_help_and_version_need_no_project(tmp_path: Path) -> None:
    for words in (("--help",), ("keep", "--help"), ("things", "--help"), ("--version",)):
        result = run_invocation(parse_words(words, SAMPLES), start=tmp_path, commands=SAMPLES)
        assert result is not None
        assert result.describe().blocks


def test_results_say_their_exit_status() -> None:
    assert exit_status(None) == 0
    assert exit_status(Drawn(1)) == 0
    assert exit_status(Said("x", status=5)) == 5


def test_a_result_is_one_json_document() -> None:
    encoded = encode_result(Said("é", {"loss": float("nan")}))
    assert json.loads(encoded) == {"text": "é", "values": {"loss": None}, "status": 0}
    assert encoded.endswith(b"}\n")
    assert encode_result(None) == b"null\n"


def test_a_name_that_is_not_utf8_stands_in_json_as_an_escape() -> None:
    encoded = encode_result(Said("a\udcff", {"b\udc80": float("nan")}))
    assert json.loads(encoded) == {"text": "a\\udcff", "values": {"b\\udc80": None}, "status": 0}


def test_an_error_is_one_json_document() -> None:
    error = ConflictError("No.", code="stale", hints=["jupyter mlops restore"])
    assert json.loads(encode_error(error)) == {
        "error": {"code": "stale", "message": "No.", "hints": ["jupyter mlops restore"]}
    }
