"""What a reader should not meet in the sources: notes to oneself, and paths of one machine."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import ROOT

FOLDERS = ("jupyter_mlops", "tests", "docs", "examples", "binder", ".ci")
SUFFIXES = {".py", ".md", ".toml", ".ipynb", ".yml", ".txt", ".sh", ""}
# Written in pieces, so that this file may be searched as well.
UNWANTED = re.compile(
    r"\b(TO"
    + r"DO|FIX"
    + r"ME|XX"
    + r"X|HA"
    + r"CK)\b|\bfor "
    + r"now\b|(?<![\w.}])/(root|work|Users)/"
)


@pytest.mark.parametrize("folder", [*FOLDERS, "."])
def test_no_notes_and_no_paths_of_one_machine(folder: str) -> None:
    files = (ROOT / folder).glob("*" if folder == "." else "**/*")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in files
        if path.is_file()
        and path.suffix in SUFFIXES
        and "__pycache__" not in path.parts
        and path.name != ".git"  # a linked worktree's: it names the folder of its repository
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1)
        if UNWANTED.search(line)
    ]
    assert not found


@pytest.mark.parametrize("line", ["# TO" + "DO mend", "good for " + "now", "open('/root" + "/x')"])
def test_what_is_unwanted(line: str) -> None:
    assert UNWANTED.search(line)
