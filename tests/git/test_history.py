from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.git.history import (
    CommitFiles,
    FileChange,
    iter_history,
    last_changes,
    list_branches,
    list_tags,
)
from jupyter_mlops.git.repository import Repository, open_repository
from tests.git.names import HARD_NAMES
from tests.support.project import Project, make_project


def read(repo: Repository, *pathspecs: str) -> dict[str, CommitFiles]:
    """Return the history of all branches by subject."""
    tips = list(list_branches(repo).values())
    return {commit.subject: commit for commit in iter_history(repo, tips, pathspecs)}


def test_every_commit_tells_what_it_changed(project: Project, repo: Repository) -> None:
    project.write("metrics/a.json", "1")
    project.write("other", "1")
    added = project.commit("Added")
    project.write("other", "2")
    project.commit("Elsewhere")
    project.write("metrics/a.json", "2")
    project.write("metrics/deep/b.json", "1")
    project.commit("Modified")
    project.git("rm", "--quiet", "metrics/a.json")
    removed = project.commit("Removed")
    history = read(repo, "metrics/**/*.json")
    blob = project.git("rev-parse", f"{added}:metrics/a.json").strip()
    assert history["Added"].changes == (FileChange("A", "metrics/a.json", blob),)
    assert history["Elsewhere"].changes == ()
    assert [change[:2] for change in history["Modified"].changes] == [
        ("M", "metrics/a.json"),
        ("A", "metrics/deep/b.json"),
    ]
    assert history["Removed"].changes == (FileChange("D", "metrics/a.json", None, "000000"),)
    assert history["Removed"].commit == removed
    assert history["Added"].author == "Ada Example"
    assert history["Added"].committed_at.tzinfo is not None


def test_the_first_commit_is_a_change_too(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    project.write("a", "1")
    project.commit("First")
    assert len(read(open_repository(project.root), "a")["First"].changes) == 1


def make_branches(project: Project) -> None:
    project.write("m", "base")
    project.commit("Base")
    project.git("switch", "--quiet", "-c", "side")
    project.write("m", "side")
    project.commit("Side")
    project.git("switch", "--quiet", "main")
    project.write("other", "x")
    project.commit("Main")
    project.git("merge", "--quiet", "--no-ff", "-m", "Merge", "side")


def test_a_merge_lists_what_differs_from_its_first_parent(
    project: Project, repo: Repository
) -> None:
    make_branches(project)
    history = read(repo, "m")
    assert set(history) == {"First commit", "Base", "Main", "Side", "Merge"}
    assert history["Merge"].parents == (history["Main"].commit, history["Side"].commit)
    assert history["Merge"].changes == history["Side"].changes
    assert history["Main"].changes == ()


def test_a_branch_undone_by_a_merge_is_still_listed(project: Project, repo: Repository) -> None:
    project.write("m", "base")
    project.commit("Base")
    project.git("switch", "--quiet", "-c", "side")
    project.write("m", "side")
    project.commit("Side")
    project.git("switch", "--quiet", "main")
    project.write("other", "x")
    project.commit("Main")
    project.git("merge", "--quiet", "--no-ff", "-s", "ours", "-m", "Merge", "side")
    history = read(repo, "m")
    assert len(history["Side"].changes) == 1
    assert history["Merge"].changes == ()


def test_parents_come_before_children(project: Project, repo: Repository) -> None:
    make_branches(project)
    seen: set[str] = set()
    for commit in iter_history(repo, [project.head()], ["m"]):
        assert seen.issuperset(commit.parents)
        seen.add(commit.commit)


def test_names_and_subjects_of_all_kinds(project: Project, repo: Repository) -> None:
    for name in HARD_NAMES:
        project.write(f"m/{name}", "x")
    subject = ":100644 100644 a b M\x01 – été"
    project.git("add", "--all")
    project.git("commit", "--quiet", "-m", subject)
    (commit,) = [c for c in iter_history(repo, [project.head()], ["m/**"]) if c.changes]
    assert commit.subject == subject
    assert sorted(change.path for change in commit.changes) == sorted(f"m/{n}" for n in HARD_NAMES)


def test_a_commit_without_a_message_is_read(project: Project, repo: Repository) -> None:
    project.write("m", "x")
    project.git("add", "m")
    project.git("commit", "--quiet", "--allow-empty-message", "-m", "")
    assert [change.path for change in read(repo, "m")[""].changes] == ["m"]


def test_a_renamed_file_is_one_gone_and_one_new(project: Project, repo: Repository) -> None:
    project.git("config", "diff.renames", "copies")
    project.git("mv", "README.md", "readme")
    project.commit("Renamed")
    assert [change[:2] for change in read(repo, "*")["Renamed"].changes] == [
        ("D", "README.md"),
        ("A", "readme"),
    ]


def test_settings_of_log_do_not_matter(project: Project, repo: Repository) -> None:
    for setting, value in {
        "log.showSignature": "true",
        "log.follow": "true",
        "log.decorate": "full",
        "log.diffMerges": "combined",
        "log.showRoot": "false",
        "color.ui": "always",
        "diff.noprefix": "true",
        "log.date": "relative",
        "format.pretty": "oneline",
        "core.abbrev": "5",
    }.items():
        project.git("config", setting, value)
    make_branches(project)
    history = read(repo, "m")
    assert len(history) == 5
    assert history["Base"].changes[0][:2] == ("A", "m")
    assert len(history["Base"].changes[0].oid or "") == 40


def test_a_star_stays_in_its_folder(project: Project, repo: Repository) -> None:
    project.write("metrics/a.json", "1")
    project.write("metrics/deep/a.json", "1")
    project.commit("Both")
    assert [c.path for c in read(repo, "metrics/*.json")["Both"].changes] == ["metrics/a.json"]


def test_no_tips_are_no_history(repo: Repository) -> None:
    assert iter_history(repo, [], ["m"]) == []


def test_branches_by_name(project: Project, repo: Repository) -> None:
    first = project.head()
    project.git("branch", "feature/ä", first)
    assert list_branches(repo) == {"feature/ä": first, "main": first}
    project.git("clone", "--quiet", ".", "../clone")
    clone = open_repository(project.root.parent / "clone")
    assert list_branches(clone) == {"main": first}
    assert list_branches(clone, all_branches=True) == {
        "main": first,
        "origin/feature/ä": first,
        "origin/main": first,
    }


def test_before_the_first_commit_there_are_no_branches(tmp_path: Path) -> None:
    assert list_branches(open_repository(make_project(tmp_path / "p").root)) == {}


def test_history_of_a_sha256_repository(tmp_path: Path) -> None:
    project = make_project(tmp_path / "long", "--object-format=sha256")
    project.write("m", "1")
    commit = project.commit("First")
    (found,) = iter_history(open_repository(project.root), [commit], ["m"])
    assert found.commit == commit
    assert len(found.changes[0].oid or "") == 64


def test_the_last_change_of_a_file_is_found(project: Project, repo: Repository) -> None:
    project.write("m.json", "1")
    project.write(":(glob)*", "2")
    first = project.commit("both")
    project.write("m.json", "2")
    second = project.commit("one")
    project.git("config", "log.showSignature", "true")
    found = last_changes(repo, ["m.json", ":(glob)*", "absent"])
    assert found.keys() == {"m.json", ":(glob)*"}
    assert second.startswith(found["m.json"])
    assert first.startswith(found[":(glob)*"])


def test_tags_name_what_they_stand_for(project: Project, repo: Repository) -> None:
    first = project.head()
    project.git("tag", "plain")
    project.git("tag", "-a", "releases/1.0", "-m", "Annotated")
    project.git("tag", "-a", "again", "-m", "Of a tag", "releases/1.0")
    assert list_tags(repo) == {"plain": first, "releases/1.0": first, "again": first}


def test_what_is_known_is_left_out(project: Project, repo: Repository) -> None:
    make_branches(project)
    side = project.git("rev-parse", "side").strip()
    gone = "1" * 40
    found = iter_history(repo, [gone, project.head()], ["m"], known=[gone, side], lenient=True)
    assert {one.subject for one in found} == {"Main", "Merge"}
    with pytest.raises(UnavailableError):
        iter_history(repo, [gone, project.head()], ["m"])


def test_a_change_tells_the_mode(project: Project, repo: Repository) -> None:
    project.write("m", "1")
    project.commit("File")
    (project.root / "m").unlink()
    (project.root / "m").symlink_to("README.md")
    project.commit("Link")
    history = read(repo, "m")
    assert [history[name].changes[0].mode for name in ("File", "Link")] == ["100644", "120000"]
    assert history["Link"].changes[0].status == "T"
