"""What Git reads from the programs that it starts for a diff."""

from __future__ import annotations

import os
import sys

LEFT_TO_GIT = 1
"""The exit status where a file is no notebook, and Git shall show it as it is."""


def write_whole(text: str) -> None:
    """Write ``text`` to standard output, all of it also where Python's own is not buffered.

    Raises:
        OSError: it cannot be written; BrokenPipeError where the reader has gone away.
    """
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        output.write(text.encode("utf-8"))
