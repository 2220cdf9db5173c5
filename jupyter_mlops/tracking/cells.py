"""The cells of the notebook, or the lines of IPython, that this process runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def find_shell() -> Any | None:
    """Return IPython's shell, None where a person does not type here cell by cell."""
    found = vars(sys.modules["__main__"]).get("get_ipython")
    return None if found is None else found()


def call_after_cells(shell: Any, call: Callable[[BaseException | None], bool]) -> None:
    """Have ``call`` called at the end of each cell, with what it raised, as long as it says so."""

    def after(result: Any) -> None:
        if not call(result.error_before_exec or result.error_in_exec):
            shell.events.unregister("post_run_cell", after)

    shell.events.register("post_run_cell", after)
