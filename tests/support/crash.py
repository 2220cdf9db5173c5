"""Killing our own code at each of its steps that others could see, as a power cut would."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

STEPS = frozenset(
    {
        "os.link",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.symlink",
        "os.truncate",
        "subprocess.Popen",
    }
)
"""Audit events that Python raises before a step: names given and taken, processes started."""

DONE = 0
REFUSED = 3


def run_killed(work: Callable[[], object], step: int) -> int:
    """Run ``work`` in a process of its own that is killed before its ``step``-th step.

    Returns:
        DONE when it came to its end first, REFUSED when it raised, else the negative signal.
    """
    child = os.fork()
    if child == 0:
        status = 70
        try:
            _kill_before(step)
            work()
            status = DONE
        except BaseException:
            status = REFUSED
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(ended)


def _kill_before(step: int) -> None:
    count = 0

    def watch(event: str, _: object) -> None:
        nonlocal count
        if event in STEPS:
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
