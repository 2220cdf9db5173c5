"""What a front end says of an exception that nobody foresaw."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from jupyter_mlops.commands.spec import PROGRAM
from jupyter_mlops.commands.workspace import current_folder
from jupyter_mlops.errors import InternalError, MlopsError, UnavailableError
from jupyter_mlops.files.durable import make_folder, write_atomic
from jupyter_mlops.git.repository import open_repository

TRACEBACK_VARIABLE = "MLOPS_TRACEBACK"
_LAST_FAILURE = "last-failure.txt"


def wants_traceback() -> bool:
    """Return whether the user asked, through ``MLOPS_TRACEBACK=1``, to see tracebacks."""
    return os.environ.get(TRACEBACK_VARIABLE, "0") not in ("", "0")


def explain_failure(error: Exception, folder: Path | None = None) -> MlopsError:
    """Return ``error`` as one that can be shown: itself, or a sentence that owns up to a defect.

    The traceback of a defect is written to ``last-failure.txt`` in the store's folder of the
    project that ``folder`` (the current one by default) is in, over the one before it; elsewhere
    nothing is written. Never raises.
    """
    if isinstance(error, MlopsError):
        return error
    if isinstance(error, MemoryError):
        return UnavailableError(
            "There is not enough memory left to do this.",
            code="out-of-memory",
            hints=("Close what else needs memory, then run the same command again.",),
        )
    kept = _keep_traceback(error, folder)
    shown = f"{type(error).__name__}: {error}".strip().rstrip(":").splitlines()[0]
    return InternalError(
        f"This is a defect of jupyter-mlops, not of yours: {shown}",
        code="defect",
        hints=(
            f"The traceback is in {kept}."
            if kept
            else f"{TRACEBACK_VARIABLE}=1 {PROGRAM} … shows the traceback.",
        ),
    )


def _keep_traceback(error: Exception, start: Path | None) -> Path | None:
    text = "".join(traceback.format_exception(error))
    try:
        folder = open_repository(start or current_folder()).store_dir
        make_folder(folder)
        write_atomic(folder / _LAST_FAILURE, text.encode("utf-8", "backslashreplace"))
    except (MlopsError, OSError):
        return None
    return folder / _LAST_FAILURE
