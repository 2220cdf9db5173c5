"""``python -m jupyter_mlops`` is the command line."""

from __future__ import annotations

import sys
from importlib import import_module

_STARTED_BY_GIT = {
    "external-diff": "jupyter_mlops.cli.git_external_diff",
    "textconv": "jupyter_mlops.cli.git_textconv",
}
"""What Git starts once a file: it shall not wait until all commands are imported."""


def main() -> int:
    """Carry out the words of this process and return the exit status."""
    words = sys.argv[1:]
    name = _STARTED_BY_GIT.get(words[0] if words else "", "jupyter_mlops.cli.main")
    status: int = import_module(name).main(words)
    return status


if __name__ == "__main__":
    sys.exit(main())
