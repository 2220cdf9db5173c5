"""Git's ``textconv``: a notebook as text, which ``git log -p`` and others compare by themselves.

Git starts it once for each version of a file, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_mlops.cli.git_output import LEFT_TO_GIT, write_whole
from jupyter_mlops.notebooks.readable import format_readable, read_notebook


def main(words: Sequence[str]) -> int:
    """Print a notebook as text, whole or not at all, and return the exit status.

    ``textconv EXTRA_KEYS FILE``; EXTRA_KEYS are those of nbstripout's section of Git's settings.
    """
    try:
        _, extra_keys, file = words
        with open(file, "rb") as opened:
            text = format_readable(read_notebook(opened.read(), extra_keys.split()))
        write_whole(text)
    except (OSError, ValueError):
        return LEFT_TO_GIT
    return 0
