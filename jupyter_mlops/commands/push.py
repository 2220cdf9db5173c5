"""The command ``push``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from jupyter_mlops.commands.erase import erase_there
from jupyter_mlops.commands.fetch import obey
from jupyter_mlops.commands.notebook_outputs import describe_kinds, describe_secrets
from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.remote import choose_known
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Hint, Note
from jupyter_mlops.errors import ConflictError
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.listing import Listed, list_snapshots
from jupyter_mlops.snapshots.needed import find_needed
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.tracked import read_tracked, select_tracked
from jupyter_mlops.sync.erased import take_over, tell
from jupyter_mlops.sync.places import Named, open_remote
from jupyter_mlops.sync.projects import register_project
from jupyter_mlops.sync.push import plan_push, push_content
from jupyter_mlops.sync.pushed import Pushed
from jupyter_mlops.sync.scope import Scope, find_scope, join_roots
from jupyter_mlops.sync.secrets import (
    HeldBack,
    HeldSnapshot,
    find_held_back,
    find_held_snapshots,
)
from jupyter_mlops.sync.snapshots import SentSnapshots, choose_snapshots, send_snapshots
from jupyter_mlops.sync.standing import find_uncommitted
from jupyter_mlops.text import visible
from jupyter_mlops.units import format_bytes, plural


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a remote was given: packs, chunks and manifests in them, bytes.

    ``up_to_date`` says that it has now, and had before, all that was asked for. ``absent`` counts
    what those revisions need and neither end has, ``not_committed`` the tracked paths that were
    passed over because HEAD does not have their pointers as they are now. ``snapshots`` counts
    those that were sent, to the Git remote or, as ``bundles`` by their ids, to this one;
    ``refusal`` is why those that have a name went here. ``unnamed`` counts the snapshots where
    those with a name were asked for and none has one. ``erased`` tells what was erased on the
    remote, and is destroyed here by now, a sentence each, ``held_back`` of which notebooks outputs
    were not sent, as they look like secrets, and which snapshots, as texts of their runs do;
    ``held_snapshots`` are the ids of these.
    """

    remote: str
    packs: int
    chunks: int
    bytes: int
    snapshots: int
    up_to_date: bool
    absent: int = 0
    not_committed: int = 0
    bundles: tuple[str, ...] = ()
    git_remote: str | None = None
    refusal: str | None = None
    unnamed: int = 0
    erased: tuple[str, ...] = ()
    held_back: tuple[str, ...] = ()
    held_snapshots: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return what was sent."""
        blocks: list[Block] = []
        if self.packs:
            sent = f"{plural(self.packs, 'pack')}, {format_bytes(self.bytes)}"
            blocks.append(Note(f"Pushed {sent} to {self.remote}.", "good"))
        elif self.up_to_date and not self.snapshots:
            blocks.append(Note(f"{self.remote} has all of it already.", "good"))
        blocks += self._describe_snapshots()
        if self.absent:
            what = plural(self.absent, "file or folder", "files or folders")
            blocks.append(Note(f"Neither here nor on {self.remote}: {what}.", "warning"))
            blocks.append(Hint("See which", "jupyter mlops check"))
        if self.not_committed:
            what = plural(self.not_committed, "path")
            text = f"Not sent: {what} of which no commit names the newest content yet."
            blocks.append(Note(text, "warning"))
            blocks.append(Hint("Commit the pointers, then push again", "git commit"))
        blocks += (Note(sentence, "warning") for sentence in (*self.erased, *self.held_back))
        if self.held_back:
            words = ["jupyter mlops push"]
            if self.held_snapshots:
                words.append(f"--snapshots {' '.join(self.held_snapshots)}")
            blocks.append(Hint("Send them all the same", " ".join([*words, "--allow-secrets"])))
        return Document(tuple(blocks))

    def _describe_snapshots(self) -> list[Block]:
        blocks: list[Block] = []
        as_refs = self.snapshots - len(self.bundles)
        if as_refs:
            blocks.append(
                Note(f"Pushed {plural(as_refs, 'snapshot')} to {self.git_remote}.", "good")
            )
        if self.unnamed:
            count = plural(self.unnamed, "snapshot")
            blocks.append(Note(f"None of {count} has a name, so none was sent."))
            blocks.append(Hint("Send one all the same", "jupyter mlops push --snapshots ID"))
        if self.refusal is not None:
            where = f"Snapshots that have a name go to {self.remote} as Git bundles"
            blocks.append(Note(f"{where}: {self.refusal}."))
        if self.bundles:
            count = plural(len(self.bundles), "snapshot")
            blocks.append(Note(f"Pushed {count} to {self.remote} as Git bundles.", "good"))
        return blocks


def push(
    ws: Workspace,
    paths: Annotated[
        tuple[str, ...], Arg("Only these tracked paths.", metavar="PATH", complete="tracked")
    ] = (),
    *,
    remote: Annotated[str | None, Arg("The remote; the default by default.")] = None,
    all_branches: Annotated[bool, Arg("What every branch ever named.")] = False,
    tags: Annotated[bool, Arg("What every tag ever named.")] = False,
    snapshots: Annotated[
        tuple[str, ...] | None,
        Arg(
            "Snapshots as well: these, or all that have a name.",
            metavar="[ID…]",
            complete="snapshot",
        ),
    ] = None,
    allow_secrets: Annotated[
        bool, Arg("Also send outputs and texts of runs that look like secrets.")
    ] = False,
    yes: Annotated[bool, Arg("Let this project use the place from now on.")] = False,
) -> PushResult:
    """Send a remote what it lacks of this branch: data, models, outputs of notebooks.

    That is what HEAD names, and what every commit before it names that Git's remotes lack. Only
    content that is asked for leaves this machine. A push that was cut short is finished by the
    next one.

    Outputs that look like secrets stay here, named, unless a tag of their cell or --allow-secrets
    lets them go. So does a snapshot with parameters, or texts that its runs kept, which do.

    Snapshots leave it on request only, with all their content. Those that have a name go to the
    Git remote that this branch follows, or origin, or the only one; others, and what that remote
    does not take, go to the data's remote as Git bundles.
    """
    scope = Scope(
        unpublished=True,
        all_branches=all_branches,
        tags=tags,
        paths=tuple(resolve_paths(ws, paths)),
    )
    chosen = [] if snapshots is None else choose_snapshots(ws.git, snapshots)
    named = choose_known(ws, remote, yes=yes)
    result = run_push(ws, scope, named, chosen, allow_secrets=allow_secrets)
    tracked = select_tracked(read_tracked(ws, read_origins(ws.git.state_dir)), scope.paths)
    return replace(
        result,
        not_committed=len(find_uncommitted(ws, tracked)),
        unnamed=0 if snapshots is None or chosen else len(list_snapshots(ws.git)),
    )


def _describe_held(one: HeldBack) -> str:
    return f"{one.notebook} has outputs that stay here, as they {describe_secrets(one.where)}."


def _describe_held_snapshot(one: HeldSnapshot) -> str:
    what = describe_kinds((visible(place), kinds) for place, kinds in one.where)
    return f"Snapshot {one.name or one.id} stays here, as texts in it {what}."


def run_push(
    ws: Workspace,
    scope: Scope,
    named: Named,
    snapshots: Sequence[Listed] = (),
    *,
    allow_secrets: bool = False,
) -> PushResult:
    """Send the remote ``named`` what it lacks of ``scope`` and ``snapshots``, then these.

    Raises:
        ConflictError: somebody else has changed one of the snapshots; all else was sent.
    """
    clear_leftovers(ws)
    roots = find_scope(ws, scope)
    held_snapshots = [] if allow_secrets else find_held_snapshots(ws, snapshots)
    secret = {one.id for one in held_snapshots}
    snapshots = [one for one in snapshots if one.id not in secret]
    if snapshots:
        commits = tuple(snapshot.commit for snapshot in snapshots)
        roots = join_roots(roots, find_scope(ws, Scope(commits=commits, unpublished=True)))
    if not ws.config.notebooks.keep_outputs:
        roots = replace(roots, notebooks=())
    with open_remote(ws, named, to_write=True) as there:
        erasures = take_over(ws.store, there)
        tell(ws.store, there)
        if roots.pointers or roots.notebooks:
            register_project(ws.git, there)
        known = Pushed(there)
        needed = find_needed(ws, replace(roots, pointers=known.without(roots.pointers)))
        plan = plan_push(ws.store, there, needed.ranks)
        held = [] if allow_secrets else find_held_back(ws, roots, plan.outputs)
        if held:
            staying = {one.id for one in held}
            going = {id: rank for id, rank in needed.ranks.items() if id not in staying}
            plan = plan_push(ws.store, there, going)
        with ws.progress.task(f"Pushing to {named.name}", plan.size_bytes) as task:
            pushed = push_content(ws.store, there, plan, task)
        absent = set(plan.absent) - set(needed.notebooks)
        if not absent:
            known.add(roots.pointers)
        sent = send_snapshots(ws, there, named.name, snapshots) if snapshots else SentSnapshots()
        meanwhile = take_over(ws.store, there)
    if meanwhile:  # somebody has erased there what this push may just have put
        erase_there(ws, named)
    erased = obey(ws, {**erasures, **meanwhile})
    if sent.moved:
        raise ConflictError(
            f"{sent.git_remote} has other versions of {', '.join(sent.moved)} than were last"
            " fetched; they stay as they are there, and all else was pushed.",
            code="snapshot-moved",
            hints=("jupyter mlops fetch --snapshots", "jupyter mlops push --snapshots"),
        )
    count = len(sent.as_refs) + len(sent.as_bundles)
    return PushResult(
        remote=named.name,
        packs=pushed.packs,
        chunks=pushed.records,
        bytes=pushed.size_bytes,
        snapshots=count,
        up_to_date=plan.up_to_date and not (absent or count or held or held_snapshots),
        absent=len(absent),
        bundles=sent.as_bundles,
        git_remote=sent.git_remote,
        refusal=sent.refusal,
        erased=erased,
        held_back=(
            *map(_describe_held, held),
            *map(_describe_held_snapshot, held_snapshots),
        ),
        held_snapshots=tuple(one.id for one in held_snapshots),
    )
