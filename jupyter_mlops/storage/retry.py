"""Trying again, for what a moment later may well succeed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Self, TypeVar

from jupyter_mlops.storage.backend import READ_LIMIT_BYTES, Backend, ByteRange, StoredObject
from jupyter_mlops.storage.content import Advance, Content
from jupyter_mlops.storage.failures import (
    TransientError,
    UnreachableError,
    gave_up,
    listing_refused,
)

MAX_LISTED = 4_000_000
"""The most objects that a place may list: packs of 100 TiB."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long and how often one request is tried.

    The pauses are random between none and a bound that doubles each time ("full jitter": Brooker,
    "Exponential Backoff and Jitter", 2015), so that many clients do not come back together. A place
    that says how long to wait is waited for, within ``give_up_seconds``. A place that has never
    answered is given up sooner: its URL is wrong, or there is no network.
    """

    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 15.0
    give_up_seconds: float = 120.0
    never_answered_seconds: float = 10.0

    def pause_seconds(self, tries: int, asked_seconds: float = 0.0) -> float:
        """Return how long to wait after ``tries`` tries, when the place asks for so much."""
        bound = min(
            self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** min(tries - 1, 30)
        )
        return asked_seconds + random.uniform(0, bound)

    def limit_seconds(self, answered: bool) -> float:
        """Return for how long a place is tried that has ``answered`` before, or has not."""
        if answered:
            return self.give_up_seconds
        return min(self.give_up_seconds, self.never_answered_seconds)


class Retrying:
    """A backend that tries again what failed in passing, and says when it gives up.

    It is itself a :class:`Backend`. What a caller waits for ends early when it is closed.
    """

    def __init__(self, inner: Backend, policy: RetryPolicy) -> None:
        self._inner = inner
        self._policy = policy
        self._closed = threading.Event()
        self._answered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Where it is."""
        return self._inner.place

    def read(self, name: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
        """Return the whole object."""
        return self._try(lambda: self._inner.read(name, limit_bytes=limit_bytes))

    def read_ranges(
        self, name: str, ranges: Sequence[ByteRange], *, expected: StoredObject | None = None
    ) -> list[bytes]:
        """Return the bytes of each range."""
        return self._try(lambda: self._inner.read_ranges(name, ranges, expected=expected))

    def put(self, name: str, content: Content, *, advance: Advance | None = None) -> None:
        """Store the object."""
        count = _Count(advance)
        self._try(lambda: self._inner.put(name, content, advance=count.restart()))

    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        """Store the object unless it is there."""
        count = _Count(advance)
        return self._try(lambda: self._inner.put_new(name, content, advance=count.restart()))

    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object below ``prefix``; the listing is whole before the first one."""
        found = self._try(lambda: list(islice(self._inner.iter_objects(prefix), MAX_LISTED + 1)))
        if len(found) > MAX_LISTED:
            raise listing_refused(self.place, f"it has more than {MAX_LISTED:,} objects")
        yield from found

    def stat(self, name: str) -> StoredObject:
        """Return what the place tells of one object."""
        return self._try(lambda: self._inner.stat(name))

    def delete(self, name: str) -> None:
        """Remove the object."""
        self._try(lambda: self._inner.delete(name))

    def close(self) -> None:
        """Let the inner backend go."""
        self._closed.set()
        self._inner.close()

    def _try(self, action: Callable[[], _T]) -> _T:
        began = time.monotonic()
        tries = 0
        while True:
            tries += 1
            try:
                done = action()
            except TransientError as error:
                failure = error
            else:
                self._answered = True
                return done
            self._answered |= not isinstance(failure, UnreachableError)
            spent = time.monotonic() - began
            pause = self._policy.pause_seconds(tries, failure.wait_seconds)
            if spent + pause > self._policy.limit_seconds(self._answered) or self._closed.wait(
                pause
            ):
                raise gave_up(failure, spent_seconds=spent, tries=tries)


class _Count:
    """Hands on what a put tells, without counting what an earlier try has told."""

    def __init__(self, advance: Advance | None) -> None:
        self._advance = advance
        self._lock = threading.Lock()
        self._told = 0
        self._now = 0

    def restart(self) -> Advance | None:
        if self._advance is None:
            return None
        self._now = 0
        return self._tell

    def _tell(self, amount: int) -> None:
        with self._lock:
            self._now += amount
            new = self._now - self._told
            self._told = max(self._told, self._now)
        if new > 0 and self._advance is not None:
            self._advance(new)
