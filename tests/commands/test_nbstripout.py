"""Who has nbstripout: its settings count, ``init`` takes over, ``doctor`` finds what is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlops.commands.clone import ensure_clone
from jupyter_mlops.commands.doctor import doctor
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.git.attributes import NOTEBOOK_LINE
from jupyter_mlops.git.repository import open_repository
from tests.notebooks.conftest import NOTEBOOKS, code, notebook_bytes
from tests.support.nbstripout_peer import strip_with_nbstripout
from tests.support.notebook_corpus import make_samples
from tests.support.project import Project

pytestmark = pytest.mark.usefixtures("git_starts_forks")

RULES = "*.ipynb filter=nbstripout\n*.zpln filter=nbstripout\n*.ipynb diff=ipynb\n"
"""What ``nbstripout --install`` writes."""


def filters(project: Project, *paths: str) -> list[str]:
    printed = project.git("check-attr", "filter", "--", *paths)
    return [line.rsplit(": ", 1)[1] for line in printed.splitlines()]


def settings(project: Project) -> str:
    return project.git("config", "--get-regexp", r"^(filter\.nbstripout|diff\.ipynb)\.")


def codes(project: Project) -> list[str]:
    return [finding.code for finding in doctor(open_here(project.root)).findings]


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a file of Git's settings that is the user's own for this test."""
    settings = tmp_path / "user.gitconfig"
    settings.write_text(Path(os.environ["GIT_CONFIG_GLOBAL"]).read_text())
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    return settings


def set_up(project: Project, command: str = "nbstripout") -> None:
    """Do what ``nbstripout --install`` does, but for the files of attributes."""
    project.git("config", "filter.nbstripout.clean", command)
    project.git("config", "filter.nbstripout.smudge", "cat")
    project.git("config", "diff.ipynb.textconv", f"{command} -t")


def test_what_nbstripout_installed_is_taken_over_and_stays(project: Project) -> None:
    command = [sys.executable, "-m", "nbstripout", "--install"]
    subprocess.run(command, cwd=project.root, check=True)
    assert filters(project, "a.ipynb") == ["nbstripout"]
    before = settings(project)
    result = init(open_here(project.root))
    assert result.in_the_way == ()
    told = " ".join(result.done)
    assert "Took over from nbstripout." in told
    assert ".git/info/attributes, after nbstripout; without that line there" in told
    assert filters(project, "a.ipynb", "b/c.ipynb") == ["mlops-notebook"] * 2
    assert project.git("check-attr", "diff", "a.ipynb").endswith(": mlops-notebook\n")
    assert filters(project, "a.zpln") == ["nbstripout"]
    assert settings(project) == before
    assert codes(project) == []
    assert init(open_here(project.root)).done == ()
    rules = project.read(".git/info/attributes").decode()
    assert (project.root / ".git/info/attributes").stat().st_mode & 0o200
    assert [line for line in rules.splitlines(True) if "mlops" not in line] == RULES.splitlines(
        True
    )
    project.write(".git/info/attributes", RULES)
    assert filters(project, "a.ipynb") == ["nbstripout"]


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("place", [".gitattributes", "global", "sub/dir/.gitattributes"])
def test_rules_are_taken_over_wherever_they_stand(
    project: Project, tmp_path: Path, place: str
) -> None:
    notebook = project.write("sub/dir/nb.ipynb", NOTEBOOKS["plain"]).relative_to(project.root)
    project.commit("Notebook")
    set_up(project)
    path = tmp_path / "attributes" if place == "global" else project.root / place
    path.write_text(RULES + "mine.ipynb -filter\n")
    if place == "global":
        project.git("config", "--global", "core.attributesFile", str(path))
    assert filters(project, str(notebook)) == ["nbstripout"]
    result = init(open_here(project.root))
    assert any(line.startswith("Took over from nbstripout.") for line in result.done)
    assert filters(project, str(notebook)) == ["mlops-notebook"]
    assert (
        path.read_text()
        .replace(f"{NOTEBOOK_LINE}\n", "")
        .startswith(RULES + "mine.ipynb -filter\n")
    )
    if place.startswith("sub"):
        assert place in result.to_commit
        assert filters(project, "sub/dir/mine.ipynb") == ["unset"]
    assert init(open_here(project.root)).done == ()


def test_a_clone_with_a_rule_of_its_own_is_found_and_mended(
    project: Project, tmp_path: Path
) -> None:
    """One of a team ran ``init``; a colleague still has nbstripout in .git/info/attributes."""
    init(open_here(project.root))
    project.write("sub/nb.ipynb", NOTEBOOKS["plain"])
    project.commit("Use jupyter-mlops")
    clone = project.clone(tmp_path / "clone")
    set_up(clone)
    clone.write(".git/info/attributes", RULES)
    ensure = ensure_clone(open_repository(clone.root))
    assert any("after nbstripout" in line for line in ensure)
    assert filters(clone, "sub/nb.ipynb") == ["mlops-notebook"]
    clone.write(".git/info/attributes", RULES)
    assert codes(clone) == ["nbstripout-left"]
    (clone.root / ".git/info/attributes").unlink()
    clone.write("sub/.gitattributes", RULES)
    assert codes(clone) == ["nbstripout-left"]
    init(open_here(clone.root))
    assert codes(clone) == []
    clone.write(".pre-commit-config.yaml", "repos:\n- hooks:\n  - id: nbstripout\n")
    assert codes(clone) == ["nbstripout-hook"]


def test_what_differs_from_nbstripout_is_told(project: Project) -> None:
    set_up(project, "nbstripout --drop-tagged-cells 'one two'")
    project.write(".gitattributes", RULES)
    told = " ".join(init(open_here(project.root)).done)
    assert "Cell ids stay" in told
    assert "any of the tags" in told
    assert "filter.nbstripout in Git's configuration" in told


def test_without_nbstripout_it_is_not_mentioned(project: Project) -> None:
    assert "nbstripout" not in " ".join(init(open_here(project.root)).done)


@pytest.mark.usefixtures("user")
def test_its_settings_count_at_every_level(project: Project) -> None:
    """Git's configuration, local and global, tags and metadata: equal bytes in Git."""
    options = "--keep-id --keep-count --max-size 30 --drop-tagged-cells skip"
    set_up(project, f'"{sys.executable}" -m nbstripout {options}')
    project.git("config", "--global", "filter.nbstripout.extrakeys", "metadata.toc.nested x")
    project.git("config", "filter.nbstripout.keepmetadatakeys", "cell.metadata.scrolled")
    init(open_here(project.root))
    samples = [sample for sample in make_samples(60, seed=2) if sample.is_notebook]
    notebooks = {
        f"nb/{number}.ipynb": sample.content
        for number, sample in enumerate(samples)
        if not sample.ids_are_made
    }
    for path, content in notebooks.items():
        project.write(path, content)
    project.git("add", "nb")
    folder = project.root / "peer"
    folder.mkdir()
    theirs = strip_with_nbstripout(
        folder, [(content, options.split()) for content in notebooks.values()], env=os.environ
    )
    for path, peer in zip(notebooks, theirs, strict=True):
        assert project.git("cat-file", "blob", f":{path}").encode() == peer, path


def test_the_filter_takes_notebooks_of_every_kind(project: Project) -> None:
    """Broken ones pass unchanged, with one warning each; a second look changes nothing."""
    init(open_here(project.root))
    samples = list(make_samples(500))
    for sample in samples:
        project.write(f"{sample.name}.ipynb", sample.content)
    done = subprocess.run(
        ["git", "add", "."], cwd=project.root, capture_output=True, text=True, check=True
    )
    warned = [line for line in done.stderr.splitlines() if "Git gets it as it is" in line]
    broken = [sample for sample in samples if not sample.is_notebook]
    assert len(warned) == len(broken)
    for sample, line in zip(broken, sorted(warned), strict=True):
        assert line.startswith(f"jupyter-mlops: {sample.name}.ipynb ")
    for sample in broken[:12]:
        blob = subprocess.run(
            ["git", "cat-file", "blob", f":{sample.name}.ipynb"],
            cwd=project.root,
            capture_output=True,
            check=True,
        ).stdout
        assert blob == sample.content
    project.commit("All")
    for sample in samples:
        (project.root / f"{sample.name}.ipynb").unlink()
    project.git("checkout", "--", ".")
    assert project.git("status", "--porcelain") == ""


def test_a_notebook_is_kept_whole_where_cells_are_dropped(project: Project) -> None:
    project.git("config", "filter.nbstripout.clean", "nbstripout --drop-tagged-cells private")
    init(open_here(project.root))
    whole = notebook_bytes([code("secret", metadata={"tags": ["private"]}), code("public")])
    project.write("nb.ipynb", whole)
    project.commit("Notebook")
    assert "secret" not in project.git("cat-file", "blob", "HEAD:nb.ipynb")
    (project.root / "nb.ipynb").unlink()
    project.git("checkout", "--", "nb.ipynb")
    assert project.read("nb.ipynb") == whole
    assert project.git("status", "--porcelain") == ""


def test_outputs_that_settings_keep_are_no_finding(project: Project) -> None:
    init(open_here(project.root))
    project.git("config", "filter.nbstripout.clean", "nbstripout --keep-output --keep-count")
    project.write("nb.ipynb", NOTEBOOKS["plain"])
    project.commit("Notebook")
    assert "one" in project.git("cat-file", "blob", "HEAD:nb.ipynb")
    assert codes(project) == []
    project.git("config", "--unset", "filter.nbstripout.clean")
    assert codes(project) == ["notebook-with-outputs"]
