"""Outputs that were made durable are there, also when the process did not come to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from jupyter_mlops.clock import SystemClock
from jupyter_mlops.commands.notebook_outputs import OutputKeeper
from jupyter_mlops.notebooks.strip import StripSettings, strip
from jupyter_mlops.objects.recent import RecentOutputs
from jupyter_mlops.objects.store import open_store
from tests.notebooks.conftest import NOTEBOOKS, code, notebook_bytes
from tests.notebooks.test_secrets import stream

PLAIN = NOTEBOOKS["plain"]
OTHER = PLAIN.replace(b"x = 1", b"x = 2")


def keep_and_end_early(store: Path, *notebooks: bytes) -> None:
    """Make the outputs of each notebook durable, one by one, and never publish them."""
    with (
        pytest.raises(KeyboardInterrupt),
        OutputKeeper(open_store(store), SystemClock()) as keeper,
    ):
        for notebook in notebooks:
            stripped = strip(notebook, StripSettings())
            assert stripped.removed is not None
            keeper.keep(stripped.notebook, stripped.removed)
            keeper.secure()
        raise KeyboardInterrupt


def read_back(store: Path, notebook: bytes) -> bytes:
    settings = StripSettings()
    with OutputKeeper(open_store(store), SystemClock()) as keeper:
        return keeper.join(strip(notebook, settings).notebook, settings)


def test_outputs_of_several_notebooks_are_found(tmp_path: Path) -> None:
    keep_and_end_early(tmp_path, PLAIN, OTHER)
    assert not (tmp_path / "index").exists()
    assert read_back(tmp_path, PLAIN) == PLAIN
    assert read_back(tmp_path, OTHER) == OTHER


@pytest.mark.parametrize("early", [True, False])
def test_outputs_that_are_newer_than_those_known_are_found(tmp_path: Path, early: bool) -> None:
    newer = PLAIN.replace(b"one", b"three")
    newest = PLAIN.replace(b"one", b"four")
    keep_and_end_early(tmp_path, PLAIN)
    if early:
        keep_and_end_early(tmp_path, newer)
    else:
        keep_and_end_early(tmp_path, OTHER, newer, newest)
    assert read_back(tmp_path, PLAIN) == (newer if early else newest)


def made(version: str, shown: str = "") -> bytes:
    """Return a notebook with a cell of each version alike, and one of this version."""
    alike = code("alike", id="alike", outputs=[stream(shown)] if shown else [])
    return notebook_bytes([alike, code(version, id="own")])


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Callable[[], OutputKeeper]]:
    """What makes a keeper, as each Git command has one, for the worktree ``tmp_path``."""
    store = open_store(tmp_path / "store")
    (tmp_path / "state").mkdir()
    with ExitStack() as stack:

        def start() -> OutputKeeper:
            stack.close()
            recent = RecentOutputs(tmp_path / "state", tmp_path, StripSettings())
            return stack.enter_context(OutputKeeper(store, SystemClock(), recent=recent))

        yield start


def run(keeper: OutputKeeper, notebook: bytes) -> bytes:
    """Keep the outputs of the notebook, and return what Git gets of it."""
    stripped = strip(notebook, StripSettings())
    assert stripped.removed is not None
    assert keeper.keep(stripped.notebook, stripped.removed, "nb.ipynb").done
    return stripped.notebook


@pytest.mark.parametrize("there", ["old", "new"])
def test_outputs_were_had_where_the_file_had_them(
    keeper: Callable[[], OutputKeeper], tmp_path: Path, there: str
) -> None:
    """Not where Git looked at them only, as its log does at each version."""
    looking = keeper()
    versions = [run(looking, made(name, name)) for name in ("old", "new")]
    chosen = looking.join(versions[there == "new"], StripSettings())
    (tmp_path / "nb.ipynb").write_bytes(chosen)
    for order in (versions, versions[::-1]):
        looking = keeper()
        for version in order:
            looking.join(version, StripSettings(), "nb.ipynb")
    merged = strip(made("merged"), StripSettings()).notebook
    assert there.encode() in keeper().join(merged, StripSettings(), "nb.ipynb")


def test_what_was_run_is_kept_also_if_another_version_shows_the_same(
    keeper: Callable[[], OutputKeeper],
) -> None:
    keeping = keeper()
    shown = [("one", "good"), ("two", "failed"), ("one", "good"), ("two", "good")]
    *_, version = [run(keeping, made(*one)) for one in shown]
    assert b"good" in keeping.join(version, StripSettings(), "nb.ipynb")


def test_what_another_process_noted_meanwhile_counts(tmp_path: Path) -> None:
    """A merge driver's notes, while one filter serves all of a cherry-pick."""
    store = open_store(tmp_path / "store")
    long, brief = (RecentOutputs(tmp_path, tmp_path, StripSettings()) for _ in range(2))
    with OutputKeeper(store, SystemClock(), recent=long) as keeping:
        run(keeping, made("one", "first"))
        with OutputKeeper(store, SystemClock(), recent=brief) as other:
            theirs = run(other, made("two", "second"))
        merged = strip(made("merged"), StripSettings()).notebook
        assert b"second" in keeping.join(merged, StripSettings(), "nb.ipynb")
        keeping.join(theirs, StripSettings(), "nb.ipynb")
    again = RecentOutputs(tmp_path, tmp_path, StripSettings()).attach(store, "nb.ipynb", merged)
    assert b"second" in again
