"""Outputs that were made durable are there, also when the process did not come to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.clock import SystemClock
from jupyter_mlops.commands.notebook_outputs import OutputKeeper
from jupyter_mlops.notebooks.strip import StripSettings, strip
from jupyter_mlops.objects.store import open_store
from tests.notebooks.conftest import NOTEBOOKS

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
