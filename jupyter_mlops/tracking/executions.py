"""Which execution of a run a process logs to: its own, or that of the process that started it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path

from jupyter_mlops.files.owner import format_owner, owner_of_parent
from jupyter_mlops.ids import derive_snapshot_id, is_snapshot_id, new_snapshot_id
from jupyter_mlops.tracking.names import clean_run_name

RUN_VARIABLE = "JUPYTER_MLOPS_RUN"
"""What a process starts finds here which execution it belongs to."""

_begun: Counter[str] = Counter()
"""How many executions of each run this process has begun side by side with others."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a run.

    Attributes:
        run: the run's name.
        id: what all its processes have in common.
        began_at: seconds since 1970.
        is_joined: whether another process began it.
        is_resumed: whether values are added to what there is, whatever it is.
    """

    run: str
    id: str
    began_at: float
    is_joined: bool = False
    is_resumed: bool = False


def new_execution(run: str, now: float, environ: Mapping[str, str] | None = None) -> Execution:
    """Return an execution that begins now.

    Workers that a launcher (torchrun, ``accelerate``) started side by side on one machine have the
    launcher in common, and so the first execution of each run, the second, and so on.
    """
    environ = os.environ if environ is None else environ
    size = environ.get("WORLD_SIZE", "1")
    if size in ("", "1") or environ.get("LOCAL_WORLD_SIZE") != size:
        return Execution(run, new_snapshot_id(), now)
    _begun[run] += 1
    id = derive_snapshot_id(f"{format_owner(owner_of_parent())} {_begun[run]} {run}")
    return Execution(run, id, now, is_joined=environ.get("RANK", "0") != "0")


def find_inherited(told: str | None, root: Path) -> Execution | None:
    """Return the execution that ``told``, from ``RUN_VARIABLE``, names in the project ``root``.

    None where there is none; what is not understood counts as none.
    """
    if not told:
        return None
    try:
        values = json.loads(told)
        run, id, began_at = values["run"], values["id"], float(values["began_at"])
        if values["root"] != str(root) or not is_snapshot_id(id) or run != clean_run_name(run):
            return None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return Execution(run, id, began_at, is_joined=True)


def hand_down(
    execution: Execution | None, root: Path, environ: MutableMapping[str, str] | None = None
) -> None:
    """Let what this process starts from now on log to ``execution``; None: to runs of its own."""
    environ = os.environ if environ is None else environ
    if execution is None:
        environ.pop(RUN_VARIABLE, None)
        return
    values = {
        "run": execution.run,
        "id": execution.id,
        "began_at": execution.began_at,
        "root": str(root),
    }
    environ[RUN_VARIABLE] = json.dumps(values)


def joined(execution: Execution) -> Execution:
    """Return ``execution`` as another process joins it."""
    return replace(execution, is_joined=True)
