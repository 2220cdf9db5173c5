from __future__ import annotations

from jupyter_mlops.git.listing import list_holding, list_index
from jupyter_mlops.git.repository import Repository
from tests.support.project import Project


def test_files_by_pattern_at_any_depth(project: Project, repo: Repository) -> None:
    for name in ("a.mlops", "deep/er/b.mlops", "sp ace é.mlops", "c.mlops.txt", "[x]*.mlops"):
        project.write(name, name)
    project.commit("files")
    (project.root / "a.mlops").unlink()
    listed = list_index(repo, "*.mlops")
    assert list(listed) == ["[x]*.mlops", "a.mlops", "deep/er/b.mlops", "sp ace é.mlops"]
    assert listed["a.mlops"] == project.git("rev-parse", ":a.mlops").strip()
    assert list_index(repo, "*.none") == {}


def test_links_and_submodules_are_no_files(project: Project, repo: Repository) -> None:
    (project.root / "link.mlops").symlink_to("README.md")
    project.git("add", "link.mlops")
    project.git("update-index", "--add", "--cacheinfo", f"160000,{project.head()},sub.mlops")
    assert list_index(repo, "*.mlops") == {}


def test_a_file_in_a_conflict_has_no_blob(project: Project, repo: Repository) -> None:
    project.write("a.mlops", "base\n")
    project.commit("base")
    project.git("switch", "--quiet", "-c", "other")
    project.write("a.mlops", "other\n")
    project.commit("other")
    project.git("switch", "--quiet", "main")
    project.write("a.mlops", "main\n")
    project.commit("main")
    project.git("merge", "other", check=False)
    assert list_index(repo, "*.mlops") == {"a.mlops": None}


def test_files_that_hold_a_text_in_the_index_or_in_a_commit(
    project: Project, repo: Repository
) -> None:
    for name in ("a.ipynb", "deep/sp ace é\n.ipynb", "other.txt"):
        project.write(name, "x <<<<<<< .*\n\0")
    project.write("b.ipynb", "<<<<<< .*")
    commit = project.commit("texts")
    project.write("a.ipynb", "gone")
    project.git("add", "a.ipynb")
    both = ["a.ipynb", "deep/sp ace é\n.ipynb"]
    assert list_holding(repo, "<<<<<<< .*", "*.ipynb") == both[1:]
    assert list_holding(repo, "<<<<<<< .*", "*.ipynb", commit=commit) == both
    assert list_holding(repo, "-e", "*.ipynb") == []
