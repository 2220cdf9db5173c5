"""Python looks for cycles as often as before once no command is under way."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from jupyter_mlops.commands.cycles import rare_cycle_search


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)


def test_it_looks_rarely_until_the_last_command_has_ended() -> None:
    gc.set_threshold(700, 10, 5)
    first, second = rare_cycle_search(), rare_cycle_search()
    first.__enter__()
    second.__enter__()
    assert gc.get_threshold()[0] >= 100_000
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] >= 100_000
    second.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 10, 5)


def test_a_command_that_fails_leaves_it_as_it_was() -> None:
    gc.set_threshold(700, 10, 5)
    with pytest.raises(ZeroDivisionError), rare_cycle_search():
        _ = 1 / 0
    assert gc.get_threshold() == (700, 10, 5)


def test_who_wants_no_search_at_all_has_none() -> None:
    gc.set_threshold(0, 10, 10)
    with rare_cycle_search():
        assert gc.get_threshold()[0] == 0
    assert gc.get_threshold() == (0, 10, 10)
