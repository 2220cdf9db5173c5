"""How often Python looks for cycles of objects while commands run."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_OBJECTS = 1_000_000
"""A look after so many new objects; Python's own number lets it look over all again and again."""

_lock = threading.Lock()
_former: list[tuple[int, int, int]] = []


@contextmanager
def rare_cycle_search() -> Iterator[None]:
    """Let Python look for cycles rarely; as before once nothing that asked for it is under way.

    A command that lists 100,000 files holds millions of objects with no cycle among them, and
    spends a quarter of its time on looking for one.
    """
    with _lock:
        _former.append(gc.get_threshold())
        new_objects, *rest = _former[0]
        if new_objects:  # 0: whoever runs the process wants no search at all
            gc.set_threshold(max(new_objects, _NEW_OBJECTS), *rest)
    try:
        yield
    finally:
        with _lock:
            first = _former[0]
            _former.pop()
            if not _former:
                gc.set_threshold(*first)
