"""The command ``push``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.remote import choose_known
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Hint, Note
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.needed import find_needed
from jupyter_mlops.sync.places import Named, open_remote
from jupyter_mlops.sync.push import plan_push, push_content
from jupyter_mlops.sync.pushed import Pushed
from jupyter_mlops.sync.scope import Scope, find_scope
from jupyter_mlops.units import format_bytes, plural


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a remote was given: packs, chunks and manifests in them, bytes.

    ``up_to_date`` says that it has now, and had before, all that was asked for. ``absent`` counts
    what those revisions need and neither end has.
    """

    remote: str
    packs: int
    chunks: int
    bytes: int
    snapshots: int
    up_to_date: bool
    absent: int = 0

    def describe(self) -> Document:
        """Return what was sent."""
        blocks: list[Block] = []
        if self.packs:
            sent = f"{plural(self.packs, 'pack')}, {format_bytes(self.bytes)}"
            blocks.append(Note(f"Pushed {sent} to {self.remote}.", "good"))
        elif self.up_to_date:
            blocks.append(Note(f"{self.remote} has all of it already.", "good"))
        if self.absent:
            what = plural(self.absent, "file or folder", "files or folders")
            blocks.append(Note(f"Neither here nor on {self.remote}: {what}.", "warning"))
            blocks.append(Hint("See which", "jupyter mlops check"))
        return Document(tuple(blocks))


def push(
    ws: Workspace,
    paths: Annotated[
        tuple[str, ...], Arg("Only these tracked paths.", metavar="PATH", complete="tracked")
    ] = (),
    *,
    remote: Annotated[str | None, Arg("The remote; the default by default.")] = None,
    all_branches: Annotated[bool, Arg("What every branch ever named.")] = False,
    tags: Annotated[bool, Arg("What every tag ever named.")] = False,
    yes: Annotated[bool, Arg("Let this project use the place from now on.")] = False,
) -> PushResult:
    """Send a remote what it lacks of this branch: data, models, outputs of notebooks.

    That is what HEAD names, and what every commit before it names that Git's remotes lack. Only
    content that is asked for leaves this machine. A push that was cut short is finished by the
    next one.
    """
    scope = Scope(
        unpublished=True,
        all_branches=all_branches,
        tags=tags,
        paths=tuple(resolve_paths(ws, paths)),
    )
    return run_push(ws, scope, choose_known(ws, remote, yes=yes))


def run_push(ws: Workspace, scope: Scope, named: Named) -> PushResult:
    """Send the remote ``named`` what it lacks of ``scope``."""
    clear_leftovers(ws)
    roots = find_scope(ws, scope)
    with open_remote(ws, named) as there:
        known = Pushed(there)
        needed = find_needed(ws, replace(roots, pointers=known.without(roots.pointers)))
        plan = plan_push(ws.store, there, needed.ranks)
        with ws.progress.task(f"Pushing to {named.name}", plan.size_bytes) as task:
            pushed = push_content(ws.store, there, plan, task)
        absent = set(plan.absent) - set(needed.notebooks)
        if not absent:
            known.add(roots.pointers)
    return PushResult(
        remote=named.name,
        packs=pushed.packs,
        chunks=pushed.records,
        bytes=pushed.size_bytes,
        snapshots=0,
        up_to_date=plan.up_to_date and not absent,
        absent=len(absent),
    )
