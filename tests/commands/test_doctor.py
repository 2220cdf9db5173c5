from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mlops.commands.doctor import Finding, doctor
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.git.launcher import format_launcher, launcher_path, parse_launcher
from jupyter_mlops.git.repository import open_repository
from tests.notebooks.conftest import NOTEBOOKS
from tests.support.project import Project

pytestmark = pytest.mark.usefixtures("git_starts_forks")


@pytest.fixture
def mlops(project: Project) -> Project:
    init(open_here(project.root))
    project.commit("Use jupyter-mlops")
    return project


def findings(project: Project) -> list[Finding]:
    return list(doctor(open_here(project.root)).findings)


def codes(project: Project) -> list[str]:
    return [finding.code for finding in findings(project)]


def rewrite(path: Path, old: str, new: str) -> None:
    path.chmod(0o644)
    path.write_text(path.read_text().replace(old, new))


def test_nothing_is_wrong_after_init(mlops: Project) -> None:
    result = doctor(open_here(mlops.root))
    assert (result.findings, result.exit_status) == ((), 0)


def test_a_repository_without_anything_is_told_to_init(project: Project) -> None:
    found = findings(project)
    assert {finding.mend for finding in found} == {"jupyter mlops init"}
    assert {finding.code for finding in found} == {
        "no-mlops-toml",
        "launcher-missing",
        "filter-missing",
        "merge-missing",
        "diff-missing",
        "hooks-missing",
        "attributes-missing",
    }
    init(open_here(project.root))
    assert codes(project) == []


def test_outside_of_git_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        doctor(open_here(tmp_path))


def test_an_environment_that_moved_is_found(mlops: Project) -> None:
    rewrite(launcher_path(open_repository(mlops.root)), "/__init__.py", "/gone.py")
    (found,) = findings(mlops)
    assert (found.code, found.mend) == ("environment-moved", "jupyter mlops init")


def test_another_version_that_git_starts_is_found(mlops: Project, tmp_path: Path) -> None:
    repo = open_repository(mlops.root)
    path = launcher_path(repo)
    recorded = parse_launcher(path.read_bytes())
    assert recorded is not None
    (tmp_path / "_version.py").write_text('__version__ = "9.9"\n')
    (tmp_path / "__init__.py").touch()
    path.chmod(0o644)
    path.write_bytes(
        format_launcher(type(recorded)(recorded.interpreter, tmp_path / "__init__.py"))
    )
    (found,) = findings(mlops)
    assert found.code == "versions-differ"
    assert "9.9" in found.problem


def test_settings_and_hooks_that_went_are_found(mlops: Project) -> None:
    mlops.git("config", "--remove-section", "filter.mlops-notebook")
    (mlops.root / ".git/hooks/post-merge").chmod(0o644)
    assert codes(mlops) == ["filter-missing", "hooks-missing"]
    mlops.git("config", "core.hooksPath", ".husky/_")
    assert codes(mlops) == ["filter-missing", "hooks-missing"]
    init(open_here(mlops.root))
    assert codes(mlops) == []


def test_rules_in_the_way_are_found(mlops: Project) -> None:
    mlops.write(".git/info/attributes", "*.ipynb filter=nbstripout\n")
    (found,) = findings(mlops)
    assert (found.code, found.mend) == ("nbstripout-left", "jupyter mlops init")
    mlops.write(".git/info/attributes", "*.ipynb -filter\n")
    (found,) = findings(mlops)
    assert found.mend == "Take that rule out of .git/info/attributes."
    (mlops.root / ".git/info/attributes").unlink()
    mlops.write(".gitattributes", mlops.read(".gitattributes").decode() + "*.ipynb -filter\n")
    (found,) = findings(mlops)
    assert (found.code, found.mend) == ("attributes-missing", "jupyter mlops init")
    init(open_here(mlops.root))
    assert codes(mlops) == []


def test_a_notebook_with_a_rule_of_its_own_is_found(mlops: Project) -> None:
    mlops.write("sub/.gitattributes", "*.ipynb -filter\n")
    mlops.write("sub/my nb.ipynb", b"")
    mlops.commit("Notebook")
    (found,) = findings(mlops)
    assert found.code == "attributes-differ"
    assert found.mend == "Take that rule out of sub/.gitattributes."


def test_what_was_committed_without_the_tool_is_named_with_its_commit(
    mlops: Project, tmp_path: Path
) -> None:
    other = mlops.clone(tmp_path / "without")
    other.write("my nb.ipynb", NOTEBOOKS["plain"])
    other.write("big.bin", b"\0" * 6 * 1024**2)
    other.commit("Plain Git")
    mlops.git("pull", "-q", str(other.root), "main")
    notebook, big = findings(mlops)
    assert (notebook.code, big.code) == ("notebook-with-outputs", "big-file-in-git")
    assert "(Plain Git)" in notebook.problem
    assert "6.0 MiB" in big.problem
    assert big.mend == "git rm --cached -- big.bin"
    mlops.git("add", "--renormalize", "--", "my nb.ipynb")
    mlops.git("commit", "-q", "-m", "Stripped")
    assert codes(mlops) == ["big-file-in-git"]


def test_a_pointer_that_is_not_valid_is_found(mlops: Project) -> None:
    mlops.write("a.csv.mlops", "not TOML = =\n")
    mlops.git("add", "a.csv.mlops")
    assert codes(mlops) == ["pointer-invalid"]


def test_a_project_file_that_is_not_valid_is_found(mlops: Project) -> None:
    mlops.write("mlops.toml", "wrong = 1\n")
    assert codes(mlops) == ["config-invalid"]


def test_a_store_of_a_newer_version_is_found(mlops: Project) -> None:
    (mlops.root / ".git/mlops/format").write_text("7\n")
    assert codes(mlops) == ["format-newer"]


def test_exit_status_and_words(project: Project) -> None:
    done = project.mlops("doctor", "--json")
    assert done.returncode == 1
    first = json.loads(done.stdout)["findings"][0]
    assert sorted(first) == ["code", "mend", "problem"]
    assert project.mlops("init").returncode == 0
    done = project.mlops("doctor")
    assert (done.returncode, done.stdout) == (0, "Nothing is wrong with this clone.\n")
