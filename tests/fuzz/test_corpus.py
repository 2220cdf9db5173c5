"""What fuzzing has found so far, tried again without a fuzzer."""

from __future__ import annotations

import pytest

from tests.fuzz.corpus import CORPUS, read_kept
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_kept_is_taken_or_refused(name: str) -> None:
    samples = read_kept(name)
    assert any([TARGETS[name](data) for data in samples]), "no input that the parser takes"


@pytest.mark.parametrize("name", TARGETS)
def test_no_end_and_no_byte_may_be_anything(name: str) -> None:
    """Every input that is kept is cut short at many places, and has bytes turned over."""
    for data in read_kept(name):
        step = max(1, len(data) // 40)
        for place in range(0, len(data), step):
            TARGETS[name](data[:place])
            TARGETS[name](data[:place] + bytes([data[place] ^ 0x81]) + data[place + 1 :])


def test_the_corpus_is_small_and_all_of_it_is_used() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    assert all(len(read_kept(name)) <= 40 for name in TARGETS)
    assert sum(len(data) for name in TARGETS for data in read_kept(name)) < 300_000
