"""Letting data follow its pointers after a Git command, where nothing can be lost by it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.origins import Origin, read_origins
from jupyter_mlops.snapshots.restore import restore_data
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import PathStatus, read_status
from jupyter_mlops.snapshots.unfinished import read_unfinished
from jupyter_mlops.units import format_bytes, plural

_SAYS = "jupyter-mlops:"
_HINT = "jupyter mlops restore"
_PULL = "jupyter mlops pull"


def follow_pointers(handles: Handles, limit_bytes: int) -> str | None:
    """Restore data that is behind its pointer, and return the one line to print, or None.

    Data is written only where it came from the store as it is, so nothing unsaved is lost, where
    the store has all of what is wanted, and where at most ``limit_bytes`` are to be written. Data
    that the user deleted under an unmoved pointer stays away. Everything else is named with the
    command to type.

    Raises:
        IntegrityError: a pointer file is not valid.
    """
    origins = read_origins(handles.git.state_dir)
    statuses = [status for status in read_status(handles) if _lags(status, origins)]
    external = [status.path for status in statuses if status.tracked.external is not None]
    statuses = [status for status in statuses if status.tracked.external is None]
    if external and not statuses:
        words = f"{_HINT} {shlex.join(external)}"
        return f"{_SAYS} copies of external data are older than their pointers: {words}"
    if not statuses:
        return None
    unmerged = [s.path for s in statuses if s.tracked.pointer is None]
    if unmerged:
        names = ", ".join(unmerged)
        return f"{_SAYS} the pointer of {names} is in a merge conflict: jupyter mlops status"
    stuck = [s.path for s in statuses if s.state is State.DIVERGED]
    if stuck:
        names = ", ".join(stuck)
        return f"{_SAYS} the data and the pointer of {names} have both moved: jupyter mlops status"
    if read_unfinished(handles.git.state_dir):
        return f"{_SAYS} a restore was cut short; finish it: {_HINT}"
    paths = [status.path for status in statuses]
    try:
        planned = restore_data(handles, None, paths, command=(), dry_run=True)
        total = sum(plan.written_bytes for plan in planned.plans)
        if total > limit_bytes:
            return f"{_SAYS} {format_bytes(total)} of data are older than their pointers: {_HINT}"
        restore_data(handles, None, paths, command=(), log=False)
    except MlopsError as error:
        if error.code == "content-missing" and handles.config.remotes:
            names = ", ".join(paths)
            return f"{_SAYS} content of {names} is not on this machine yet: {_PULL}"
        return f"{_SAYS} {error.message} See: jupyter mlops status"
    count = sum(plan.written_count for plan in planned.plans)
    names = ", ".join(paths)
    return f"{_SAYS} restored {plural(count, 'file')} ({format_bytes(total)}) of {names}"


def _lags(status: PathStatus, origins: Mapping[str, Origin]) -> bool:
    if status.state is State.MISSING:
        origin = origins.get(status.path)
        return origin is None or not origin.names(status.tracked.content)
    return status.state in (State.BEHIND, State.DIVERGED)
