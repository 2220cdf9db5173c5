from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.git.ignore import (
    add_ignore_line,
    ignored,
    remove_ignore_line,
    tracked_under,
)
from jupyter_mlops.git.repository import Repository
from tests.git.names import HARD_NAMES
from tests.support.project import Project


def test_the_rule_that_ignores_is_told(project: Project, repo: Repository) -> None:
    project.write(".gitignore", "*.csv\n!keep.csv\ncache/\n")
    project.write("data/.gitignore", "# comment\n/train.bin\n")
    project.write("cache/x", "x")
    paths = ["a.csv", "keep.csv", "data/train.bin", "train.bin", "cache", "cache/x", "README.md"]
    assert ignored(repo, paths) == {
        "a.csv": ".gitignore:1:*.csv",
        "data/train.bin": "data/.gitignore:2:/train.bin",
        "cache": ".gitignore:3:cache/",
        "cache/x": ".gitignore:3:cache/",
    }
    assert ignored(repo, []) == {}


def test_a_tracked_file_can_be_ignored(project: Project, repo: Repository) -> None:
    project.write("a.csv", "x")
    project.commit("Tracked")
    project.write(".gitignore", "*.csv\n")
    assert list(ignored(repo, ["a.csv"])) == ["a.csv"]


def test_names_of_all_kinds_are_asked_about(project: Project, repo: Repository) -> None:
    project.write(".gitignore", "*\n")
    assert set(ignored(repo, HARD_NAMES)) == set(HARD_NAMES)


def test_a_path_beyond_a_link_is_refused(project: Project, repo: Repository) -> None:
    (project.root / "link").symlink_to("/tmp")
    with pytest.raises(UnavailableError, match="symbolic link"):
        ignored(repo, ["link/file"])


def test_a_line_ignores_its_name_and_nothing_else(project: Project, repo: Repository) -> None:
    names = [name for name in HARD_NAMES if "/" not in name]
    beside = ["star.txt", "starry.txt", "a.txt", "quote.txt", "back", "trailing", "data"]
    text = ""
    for name in names:
        text = add_ignore_line(text, name)
    project.write(".gitignore", text.encode("utf-8", "surrogateescape"))
    below = [f"sub/{name}" for name in names]
    assert set(ignored(repo, [*names, *beside, *below])) == set(names)


def test_lines_are_added_once_and_taken_out_again() -> None:
    text = add_ignore_line("*.pyc", "data")
    assert text == "*.pyc\n/data\n"
    assert add_ignore_line(text, "data") == text
    assert remove_ignore_line(text, "data") == "*.pyc\n"
    assert remove_ignore_line("/data\n", "data") == ""
    assert remove_ignore_line("/data.csv\n#/data\n", "data") == "/data.csv\n#/data\n"


def test_line_ends_stay_as_they_are() -> None:
    assert add_ignore_line("a\r\n", "data") == "a\r\n/data\r\n"
    assert remove_ignore_line("a\r\n/data\r\nb", "data") == "a\r\nb"
    odd = "a\u2028b\x0cc\n"
    assert remove_ignore_line(odd, "data") == odd


@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\n\r"), max_size=8)),
    name=st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=8),
)
def test_taking_out_undoes_adding(lines: list[str], name: str) -> None:
    text = "".join(f"{line}\n" for line in lines)
    without = remove_ignore_line(text, name)
    added = add_ignore_line(without, name)
    assert added.startswith(without)
    assert added != without
    assert remove_ignore_line(added, name) == without


def test_tracked_files_are_listed_beneath_paths(project: Project, repo: Repository) -> None:
    for name in HARD_NAMES:
        project.write(f"deep/{name}", "x")
    project.write("deeper", "x")
    project.commit("Names")
    project.write("deep/untracked", "x")
    assert tracked_under(repo, ["deep"]) == sorted(f"deep/{name}" for name in HARD_NAMES)
    one = f"deep/{HARD_NAMES[8]}"
    assert tracked_under(repo, [one, "missing"]) == [one]
    assert tracked_under(repo, []) == []
    many = [f"missing/{number}" for number in range(1200)]
    assert tracked_under(repo, [*many, "deeper"]) == ["deeper"]


def test_an_unmerged_file_is_listed_once(project: Project, repo: Repository) -> None:
    project.write("file", "base\n")
    project.commit("Base")
    project.git("switch", "--quiet", "-c", "side")
    project.write("file", "side\n")
    project.commit("Side")
    project.git("switch", "--quiet", "main")
    project.write("file", "main\n")
    project.commit("Main")
    project.git("merge", "side", check=False)
    assert tracked_under(repo, ["file"]) == ["file"]
