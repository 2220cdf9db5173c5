"""What a snapshot does with external data: data that stays where it is."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.origins import Origin
from jupyter_mlops.snapshots.scan import Scanner
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import state_of
from jupyter_mlops.snapshots.tracked import Tracked, check_free_place, check_no_link
from jupyter_mlops.snapshots.unfinished import read_unfinished


def leave_external(
    handles: Handles,
    scanner: Scanner,
    chosen: Iterable[str],
    tracked: Mapping[str, Tracked],
    origins: Mapping[str, Origin],
    *,
    named: bool,
    keep_mine: bool,
) -> list[str]:
    """Return ``chosen`` without the external paths of which nothing is kept.

    Raises:
        ConflictError: a copy of external data was changed, and is not to be kept as one's own.
    """
    unfinished = read_unfinished(handles.git.state_dir)
    kept: list[str] = []
    changed: list[str] = []
    for path in chosen:
        one = tracked.get(path)
        if one is None or one.external is None:
            kept.append(path)
            continue
        state = state_of(one, origins.get(path), scanner.look(path), unfinished.get(path))
        if keep_mine and (named or state is not State.CLEAN):
            kept.append(path)
        elif state in (State.CHANGED, State.DIVERGED):
            changed.append(path)
    if changed:
        raise ConflictError(
            f"Not kept, because these are external, and the copy here was changed:"
            f" {', '.join(changed)}.",
            code="external-changed",
            hints=[
                f"jupyter mlops snapshot {shlex.join(changed)} --keep-mine",
                f"jupyter mlops restore {shlex.join(changed)}",
            ],
        )
    return kept


def check_external(
    handles: Handles, external: Mapping[str, ExternalPointer], tracked: Mapping[str, Tracked]
) -> None:
    """Refuse paths that nothing new can be tracked at.

    Raises:
        ConflictError: something that is not tracked is there, or it is no place for tracked data.
    """
    for path in external:
        check_no_link(handles.root, path)
        if path not in tracked:
            check_free_place(handles, path, tracked)
