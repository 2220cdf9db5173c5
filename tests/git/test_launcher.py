from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_mlops
from jupyter_mlops.git.config import write_setting
from jupyter_mlops.git.launcher import (
    FILTER_SETTINGS,
    FREEING_COMMAND,
    NOT_FOUND_STATUS,
    Installation,
    format_launcher,
    launcher_path,
    parse_launcher,
    read_filter_settings,
    read_nbstripout_settings,
)
from jupyter_mlops.git.repository import open_repository
from tests.support.project import Project

HERE = Installation(Path(sys.executable), Path(jupyter_mlops.__file__))
GONE = Installation(
    Path("/nowhere/it's a place/python"), Path("/nowhere/jupyter_mlops/__init__.py")
)


def launch(
    script: bytes, *args: str, path: str = "/usr/bin:/bin"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script.decode(), "launcher", *args],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_recorded_interpreter_is_started_with_the_arguments() -> None:
    done = launch(format_launcher(HERE), "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "jupyter-mlops")


def test_files_of_the_project_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "jupyter_mlops").mkdir()
    (tmp_path / "jupyter_mlops" / "__init__.py").write_text("raise SystemExit('imported')")
    script = tmp_path / "launcher"
    script.write_bytes(format_launcher(HERE))
    done = subprocess.run(["sh", str(script), "--version"], cwd=tmp_path, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("gone", [GONE, Installation(HERE.interpreter, GONE.package)])
def test_without_it_the_one_on_path_is_started(gone: Installation, tmp_path: Path) -> None:
    program = tmp_path / "jupyter-mlops"
    program.write_text('#!/bin/sh\necho "found: $*"\n')
    program.chmod(0o755)
    done = launch(format_launcher(gone), "filter", "a b", path=f"{tmp_path}:/usr/bin:/bin")
    assert (done.returncode, done.stdout) == (0, "found: filter a b\n")


def test_without_any_one_sentence_says_how_to_go_on() -> None:
    done = launch(format_launcher(GONE), "filter", "process")
    assert done.returncode == NOT_FOUND_STATUS
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    for words in (
        "it's a place",
        "pip install jupyter-mlops",
        "jupyter mlops init",
        FREEING_COMMAND,
    ):
        assert words in done.stderr


@pytest.mark.parametrize("word", ["textconv", "external-diff"])
def test_without_any_git_shows_notebooks_in_silence(word: str) -> None:
    done = launch(format_launcher(GONE), word, "x")
    assert (done.returncode, done.stdout, done.stderr) == (NOT_FOUND_STATUS, "", "")


@pytest.mark.parametrize("words", [("merge",), ("notebook", "merge")])
def test_without_any_it_is_said_what_git_merges_as_text(words: tuple[str, ...]) -> None:
    done = launch(format_launcher(GONE), *words, "--", "o", "a", "b", "7", "a 'b.ipynb")
    assert done.returncode == NOT_FOUND_STATUS
    assert "nor on PATH: a 'b.ipynb is merged as text." in done.stderr


@pytest.mark.parametrize("installation", [HERE, GONE])
def test_what_a_launcher_records_can_be_read_back(installation: Installation) -> None:
    script = format_launcher(installation)
    assert parse_launcher(script) == installation
    assert parse_launcher(script + b"# edited\n") is None
    assert parse_launcher(b"interpreter='\n") is None
    assert parse_launcher(b"") is None


def test_an_installation_is_present_while_both_files_are() -> None:
    assert HERE.is_present()
    assert not GONE.is_present()


def test_the_settings_find_the_launcher_from_every_worktree(
    project: Project, tmp_path: Path
) -> None:
    repo = open_repository(project.root)
    script = launcher_path(repo)
    script.parent.mkdir()
    script.write_text("echo launched >&2; exit 1\n")
    for key, value in FILTER_SETTINGS.items():
        write_setting(repo, key, value)
    assert read_filter_settings(repo) == FILTER_SETTINGS
    project.write(".gitattributes", "*.ipynb filter=mlops-notebook\n")
    other = project.worktree(tmp_path / "linked", "HEAD")
    for where in (project, other):
        where.write(".gitattributes", "*.ipynb filter=mlops-notebook\n")
        where.write("folder/a.ipynb", "{}")
        done = subprocess.run(
            ["git", "add", "a.ipynb"],
            cwd=where.root / "folder",
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert "launched" in done.stderr


def test_the_launcher_needs_no_execute_bit(project: Project) -> None:
    script = launcher_path(open_repository(project.root))
    script.parent.mkdir()
    script.write_bytes(format_launcher(HERE))
    assert not script.stat().st_mode & stat.S_IXUSR
    assert subprocess.run(["sh", str(script), "--version"], check=False).returncode == 0


def test_keys_of_nbstripout_are_read(project: Project) -> None:
    repo = open_repository(project.root)
    assert read_nbstripout_settings(repo) == ("", "", "")
    write_setting(repo, "filter.nbstripout.extrakeys", "metadata.a cell.metadata.b")
    write_setting(repo, "filter.nbstripout.keepmetadatakeys", "metadata.c")
    write_setting(repo, "filter.nbstripout.clean", "nbstripout --keep-id")
    assert read_nbstripout_settings(repo) == (
        "metadata.a cell.metadata.b",
        "metadata.c",
        "nbstripout --keep-id",
    )


def test_an_installation_in_a_folder_whose_name_is_not_utf8_is_recorded() -> None:
    found = Installation(Path("/a\udcff/python"), Path("/b/__init__.py"))
    assert parse_launcher(format_launcher(found)) == found
