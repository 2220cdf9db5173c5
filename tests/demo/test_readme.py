"""The README's five minutes, typed as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from tests.architecture.sources import ROOT
from tests.support.project import IDENTITY

pytestmark = pytest.mark.slow

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PROJECT = "flowers"


def blocks() -> list[tuple[str, str]]:
    """Return language and text of each block in the README's walk."""
    walk = (ROOT / "README.md").read_text("utf-8").split("## Five minutes")[1].split("\n## ")[0]
    return _BLOCK.findall(walk)


def without_names(text: str) -> str:
    """Return ``text`` with what differs from run to run made equal: ids, commits, sizes, spaces."""
    text = re.sub(r"\b[g-z][a-z2-7]{11}\b", "SNAPSHOT", text)
    text = re.sub(r"\b[0-9a-f]{10,40}\b", "COMMIT", text)
    text = re.sub(r"\b[0-9.]+ ([KM]i)?B\b", "SIZE", text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


class Terminal:
    """A shell that keeps its folder, and a kernel that runs in the project's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown = ""
        self._note = folder / "folder.txt"
        self._kernel: Any = None
        self._stop: Callable[[], None] = lambda: None

    def type(self, text: str) -> None:
        """Run shell commands; each must succeed."""
        done = subprocess.run(
            ["bash", "-ec", f"{text}\npwd > '{self._note}'"],
            cwd=self.folder,
            env=os.environ | IDENTITY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        self.folder = Path(self._note.read_text().strip())
        self.shown = done.stdout

    def run(self, cell: str) -> None:
        """Run a cell in the notebook; it must succeed."""
        if self._kernel is None:
            manager, self._kernel = start_new_kernel(cwd=str(self.folder))
            self._stop = lambda: manager.shutdown_kernel(now=True)
        shown: list[str] = []

        def note(message: dict[str, dict[str, Any]]) -> None:
            content = message["content"]
            if "data" in content:
                shown.append(content["data"]["text/plain"])
            shown.extend(content.get("traceback", ()))

        reply = self._kernel.execute_interactive(cell, output_hook=note, timeout=120)
        self.shown = "\n".join(shown)
        assert reply["content"]["status"] == "ok", f"{cell}\n{self.shown}"

    def close(self) -> None:
        """End the kernel."""
        if self._kernel is not None:
            self._kernel.stop_channels()
        self._stop()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


def test_the_walk_works_and_shows_what_it_says(terminal: Terminal, tmp_path: Path) -> None:
    for language, text in blocks():
        match language:
            case "sh":
                terminal.type(text)
            case "ipython":
                terminal.run(text)
            case "text":
                assert without_names(text) in without_names(terminal.shown)
    kept = (tmp_path / _PROJECT / "model.json").read_bytes()
    assert (tmp_path / "colleague/model.json").read_bytes() == kept
    assert (tmp_path / "flowers-careful/model.json").read_bytes() != kept


def test_the_walk_shows_something() -> None:
    assert [language for language, _ in blocks()].count("text") >= 2


def test_the_picture_is_there() -> None:
    (picture,) = re.findall(r"!\[.+\]\((.+\.png)\)", (ROOT / "README.md").read_text("utf-8"))
    assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")


def test_links_in_documents_lead_somewhere() -> None:
    missing = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in (
            *ROOT.glob("*.md"),
            *ROOT.glob("docs/**/*.md"),
            *ROOT.glob("examples/*.md"),
        )
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text("utf-8"))
        if not (document.parent / target).exists()
    ]
    assert not missing
