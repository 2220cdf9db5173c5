"""The command ``pull``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

from jupyter_mlops.commands.clone import ensure_clone
from jupyter_mlops.commands.fetch import FetchResult, describe_fetched, run_fetch
from jupyter_mlops.commands.notebook_state import settle_notebooks
from jupyter_mlops.commands.paths import choose_tracked
from jupyter_mlops.commands.restore import describe_erased
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.git.revisions import head
from jupyter_mlops.snapshots.outputs import restore_outputs
from jupyter_mlops.snapshots.restore import restore_data
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import read_status
from jupyter_mlops.snapshots.unfinished import read_unfinished
from jupyter_mlops.sync.scope import Scope
from jupyter_mlops.units import plural


@dataclass(frozen=True, slots=True)
class PullResult:
    """What came from a remote, as for ``fetch``, and what it became in the working tree.

    ``written`` counts files; ``left`` are tracked paths that you have changed, which stay as they
    are; ``outputs`` are notebooks that have their outputs again. ``set_up`` tells what this clone
    lacked and got, a sentence each. ``erased`` tells what was erased on the remote, and is
    destroyed here by now; ``left_out`` are files that could not be brought back because of that.
    """

    remote: str
    packs: int
    chunks: int
    bytes: int
    snapshots: int
    up_to_date: bool
    written: int = 0
    left: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    set_up: tuple[str, ...] = ()
    waiting: int = 0
    refused: tuple[str, ...] = ()
    absent: int = 0
    erased: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return what came, what was written, and what stays."""
        blocks: list[Block] = [Note(sentence) for sentence in self.set_up]
        names = [field.name for field in fields(FetchResult)]
        blocks += describe_fetched(FetchResult(**{name: getattr(self, name) for name in names}))
        blocks += describe_erased(self.left_out)
        if self.written:
            blocks.append(Note(f"Wrote {plural(self.written, 'file')}.", "good"))
        if self.outputs:
            blocks.append(Note(f"{plural(len(self.outputs), 'notebook')} got outputs back."))
        if self.left:
            rows = tuple((Code(path),) for path in self.left)
            blocks.append(Table(("changed here, left as it is",), rows))
            blocks.append(Hint("Keep it as the newer one", "jupyter mlops snapshot --keep-mine"))
            blocks.append(Hint("Take the pointer's (yours is kept)", "jupyter mlops restore"))
        return Document(tuple(blocks))


def pull(
    ws: Workspace,
    paths: Annotated[
        tuple[str, ...], Arg("Only these tracked paths.", metavar="PATH", complete="tracked")
    ] = (),
    *,
    glob: Annotated[
        str | None, Arg("Only tracked paths that match, as data/2024-* does.", metavar="PATTERN")
    ] = None,
    remote: Annotated[str | None, Arg("The remote; the default by default.")] = None,
    all_branches: Annotated[bool, Arg("Fetch what every branch ever named.")] = False,
    tags: Annotated[bool, Arg("Fetch what every tag ever named.")] = False,
    snapshots: Annotated[
        tuple[str, ...] | None,
        Arg("Snapshots of others as well: these, or all.", metavar="[ID…]", complete="snapshot"),
    ] = None,
    yes: Annotated[bool, Arg("Let this project use the place from now on.")] = False,
) -> PullResult:
    """Bring the data, models and outputs of this branch here from a remote.

    What HEAD names comes into the store and, where you have changed nothing, into the working
    tree. A pull that was cut short is finished by the next one. In a new clone, Git's filter and
    hooks are set up as ``init`` does it. Git itself is not pulled.
    """
    selected = tuple(choose_tracked(ws, paths, glob))
    scope = Scope(all_branches=all_branches, tags=tags, paths=selected)
    fetched, problem = run_fetch(ws, scope, remote, snapshots, yes=yes)
    statuses = read_status(ws, selected, counted=False)
    cut_short = read_unfinished(ws.git.state_dir)
    lagging = [
        status.path
        for status in statuses
        if status.state in (State.MISSING, State.BEHIND)
        or status.present is None
        or (status.state is State.DIVERGED and status.path in cut_short)
    ]
    changed = (s.path for s in statuses if s.state in (State.CHANGED, State.DIVERGED))
    left = [path for path in changed if path not in lagging]
    written = 0
    left_out: tuple[str, ...] = ()
    if lagging:
        restored = restore_data(ws, None, lagging, command=ws.execution.command or ("pull",))
        written = sum(plan.written_count for plan in restored.plans)
        left_out = restored.erased
    set_up = ensure_clone(ws.git)
    at = head(ws.git).commit
    outputs: tuple[str, ...] = ()
    if at and ws.config.notebooks.keep_outputs:
        outputs = restore_outputs(ws, at, only_bare=True).written
    settle_notebooks(ws.git)
    if problem is not None:
        raise problem
    return PullResult(
        **{field.name: getattr(fetched, field.name) for field in fields(fetched)},
        written=written,
        left=tuple(left),
        outputs=outputs,
        set_up=set_up,
        left_out=left_out,
    )
