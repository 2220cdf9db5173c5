from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from jupyter_mlops.errors import IntegrityError, MlopsError, NotFoundError, UnavailableError
from jupyter_mlops.storage import failures
from jupyter_mlops.storage.backend import StoredObject
from jupyter_mlops.storage.content import Advance, Content
from jupyter_mlops.storage.folder import FolderBackend
from jupyter_mlops.storage.retry import Retrying, RetryPolicy

BRIEF = RetryPolicy(0.001, 0.002, give_up_seconds=0.1, never_answered_seconds=0.05)


class Failing(FolderBackend):
    """A folder that fails some times before it works, in the middle of what it does."""

    def __init__(self, root: Path, *causes: MlopsError) -> None:
        super().__init__(root, str(root))
        self.causes = list(causes)
        self.tries = 0

    def _fail(self) -> None:
        self.tries += 1
        if self.causes:
            raise self.causes.pop(0)

    def read(self, name: str, *, limit_bytes: int = 1 << 20) -> bytes:
        self._fail()
        return super().read(name, limit_bytes=limit_bytes)

    def put(self, name: str, content: Content, *, advance: Advance | None = None) -> None:
        if advance and self.causes:
            advance(len(self.causes))
        self._fail()
        super().put(name, content, advance=advance)


def _passing(count: int) -> list[MlopsError]:
    return [failures.busy("there", "it answers with status 503") for _ in range(count)]


def test_what_fails_in_passing_is_tried_again(tmp_path: Path) -> None:
    inner = Failing(tmp_path, *_passing(3))
    (tmp_path / "object").write_bytes(b"x")
    with Retrying(inner, BRIEF) as backend:
        assert backend.read("object") == b"x"
    assert inner.tries == 4


def test_what_is_final_is_not(tmp_path: Path) -> None:
    inner = Failing(tmp_path)
    with Retrying(inner, BRIEF) as backend, pytest.raises(NotFoundError):
        backend.read("object")
    assert inner.tries == 1


def test_progress_tells_no_byte_twice(tmp_path: Path) -> None:
    told: list[int] = []
    with Retrying(Failing(tmp_path, *_passing(2)), BRIEF) as backend:
        backend.put("object", b"12345", advance=told.append)
    assert told == [2, 3]


def test_a_listing_without_end_is_refused(tmp_path: Path) -> None:
    class Endless(FolderBackend):
        def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
            return repeat(StoredObject("object", 0))

    backend = Retrying(Endless(tmp_path, "there"), BRIEF)
    with pytest.raises(IntegrityError) as caught:
        next(backend.iter_objects())
    assert caught.value.code == "listing-refused"


def test_the_last_cause_is_told_with_what_mends_it(tmp_path: Path) -> None:
    inner = Failing(tmp_path, *_passing(10_000))
    with Retrying(inner, BRIEF) as backend, pytest.raises(UnavailableError) as caught:
        backend.read("object")
    assert caught.value.code == "gave-up"
    assert caught.value.message.startswith("there is busy: it answers with status 503.")
    assert f"{inner.tries} tries" in caught.value.message
    assert caught.value.hints == _passing(1)[0].hints


def test_a_place_that_never_answered_is_given_up_sooner() -> None:
    assert BRIEF.limit_seconds(answered=False) < BRIEF.limit_seconds(answered=True)
    assert RetryPolicy(give_up_seconds=3).limit_seconds(answered=False) == 3


def test_a_place_that_asks_for_a_longer_wait_than_there_is_patience_is_given_up_at_once(
    tmp_path: Path,
) -> None:
    asking = failures.busy("there", "it answers with status 429")
    asking.wait_seconds = 60
    inner = Failing(tmp_path, asking)
    with Retrying(inner, BRIEF) as backend, pytest.raises(UnavailableError):
        backend.read("object")
    assert inner.tries == 1


def test_pauses_grow_up_to_a_bound_and_are_never_the_same() -> None:
    policy = RetryPolicy(first_pause_seconds=1, longest_pause_seconds=8)
    drawn = [[policy.pause_seconds(tries) for _ in range(200)] for tries in (1, 2, 3, 4, 50)]
    for bound, pauses in zip((1, 2, 4, 8, 8), drawn, strict=True):
        assert max(pauses) <= bound
        assert max(pauses) > bound / 2
        assert len(set(pauses)) > 100
    assert policy.pause_seconds(1, 30) >= 30
