"""How often something does what Python tells its audit hooks of, such as starting a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def count_events(work: Callable[[], object], counts: Callable[[str, object], bool]) -> int:
    """Return of how many audit events of ``work`` ``counts`` is true; it runs in a fork."""
    child = os.fork()
    if child == 0:
        count = 0

        def watch(event: str, arguments: object) -> None:
            nonlocal count
            count += counts(event, arguments)

        sys.addaudithook(watch)
        try:
            work()
        finally:
            os._exit(count)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count_processes(work: Callable[[], object]) -> int:
    """Return how many processes ``work`` starts; it runs in a process of its own."""
    return count_events(work, lambda event, _: event == "subprocess.Popen")
