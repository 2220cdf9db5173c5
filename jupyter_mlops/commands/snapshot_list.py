"""The command ``snapshot list``."""

from __future__ import annotations

from typing import Annotated

from jupyter_mlops.commands.log import LogResult, log
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace


def snapshot_list(
    ws: Workspace,
    *,
    limit: Annotated[
        int | None, Arg("Show only the newest so many.", metavar="N", short="-n")
    ] = None,
) -> LogResult:
    """List the snapshots that are kept."""
    return log(ws, limit=limit)
