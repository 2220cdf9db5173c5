"""The command ``fetch``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.paths import choose_tracked
from jupyter_mlops.commands.remote import choose_known
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Hint, Note
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.formats.erasure import Erasure
from jupyter_mlops.objects.erased import describe_erasure
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.erase import is_swept, sweep_store
from jupyter_mlops.snapshots.listing import check_texts
from jupyter_mlops.sync.erased import take_over
from jupyter_mlops.sync.fetch import Fetched, fetch_content
from jupyter_mlops.sync.places import open_remote
from jupyter_mlops.sync.scope import Scope, find_scope, read_entries, read_notebook_names
from jupyter_mlops.sync.snapshots import count_waiting
from jupyter_mlops.sync.states import States, fetch_states
from jupyter_mlops.units import format_bytes, plural


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What came from a remote: packs read from, chunks and manifests, bytes.

    ``up_to_date`` says that nothing was lacking here. ``snapshots`` counts those of others that are
    new here or have changed, ``waiting`` those that the remote has besides and that were not asked
    for. ``refused`` are snapshots that could not be taken, with the reason of each; ``absent``
    counts the files and folders of snapshots that neither end has. ``erased`` tells what was erased
    on the remote, and is destroyed here by now, a sentence each.
    """

    remote: str
    packs: int
    chunks: int
    bytes: int
    snapshots: int
    up_to_date: bool
    waiting: int = 0
    refused: tuple[str, ...] = ()
    absent: int = 0
    erased: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return what came."""
        return Document(tuple(describe_fetched(self)))


def fetch(
    ws: Workspace,
    paths: Annotated[
        tuple[str, ...], Arg("Only these tracked paths.", metavar="PATH", complete="tracked")
    ] = (),
    *,
    glob: Annotated[
        str | None, Arg("Only tracked paths that match, as data/2024-* does.", metavar="PATTERN")
    ] = None,
    remote: Annotated[str | None, Arg("The remote; the default by default.")] = None,
    all_branches: Annotated[bool, Arg("What every branch ever named.")] = False,
    tags: Annotated[bool, Arg("What every tag ever named.")] = False,
    snapshots: Annotated[
        tuple[str, ...] | None,
        Arg("Snapshots of others as well: these, or all.", metavar="[ID…]", complete="snapshot"),
    ] = None,
    yes: Annotated[bool, Arg("Let this project use the place from now on.")] = False,
) -> FetchResult:
    """Bring into the store what HEAD names; the working tree stays as it is.

    Only what is lacking here comes, and nothing that does not verify. Snapshots come on request
    only, with their content: from the Git remote that this branch follows, or origin, or the only
    one, and from the data's remote. They never touch your own.
    """
    scope = Scope(
        all_branches=all_branches, tags=tags, paths=tuple(choose_tracked(ws, paths, glob))
    )
    result, problem = run_fetch(ws, scope, remote, snapshots, yes=yes)
    if problem is not None:
        raise problem
    return result


def run_fetch(
    ws: Workspace,
    scope: Scope,
    remote: str | None,
    snapshots: Sequence[str] | None,
    *,
    yes: bool,
) -> tuple[FetchResult, MlopsError | None]:
    """Fetch what ``scope`` names, and snapshots of others: these, all where none is named, or none.

    Returns:
        What came, and the error with which the command is to end once it has done the rest.

    Raises:
        NotFoundError: neither end has all that ``scope`` names; what there was has come.
    """
    check_texts(snapshots or ())
    named = choose_known(ws, remote, yes=yes)
    clear_leftovers(ws)
    roots = find_scope(ws, scope)
    entries = read_entries(ws, roots)
    outputs = read_notebook_names(ws, roots) if ws.config.notebooks.keep_outputs else []
    states = States()
    with open_remote(ws, named) as there:
        erasures = take_over(ws.store, there)
        fetched = fetch_content(ws.store, there, entries, outputs, ws.progress)
        if snapshots is not None:
            states = fetch_states(ws, there, named.name, snapshots, scope.paths)
        waiting = count_waiting(ws.git, there) if snapshots is None else 0
    if fetched.lacking:  # packs that went meanwhile: what they held stands in others by now
        with open_remote(ws, named) as there:
            fetched = fetched.joined(
                fetch_content(ws.store, there, fetched.lacking, (), ws.progress)
            )
    erased = obey(ws, erasures)
    if fetched.lacking:
        raise _lacking(named.name, fetched)
    content = states.content
    result = FetchResult(
        remote=named.name,
        packs=fetched.packs + content.packs,
        chunks=fetched.records + content.records,
        bytes=fetched.size_bytes + content.size_bytes,
        snapshots=len(states.came),
        up_to_date=not (fetched.records or content.records or states.came),
        waiting=waiting,
        refused=tuple(error.message for error in states.refused.values()),
        absent=len(content.lacking),
        erased=erased,
    )
    problem = states.problem
    if problem is None and snapshots and content.lacking:
        problem = _lacking(named.name, content)
    return result, problem


def obey(ws: Workspace, erasures: Mapping[str, Erasure]) -> tuple[str, ...]:
    """Destroy here what was erased and is not destroyed yet.

    Return a sentence for each of ``erasures``, and one where something is in the way: then the next
    fetch goes on.
    """
    sentences = [_tell(ws, one) for one in erasures.values()]
    if not is_swept(ws.store) and not ws.store.is_shared:
        try:
            sweep_store(ws)
        except MlopsError as error:
            sentences.append(f"Not destroyed here yet; the next fetch goes on: {error.message}")
    return tuple(sentences)


def _tell(ws: Workspace, erasure: Erasure) -> str:
    ids = erasure.erased or erasure.lifted
    what = f"The content of {plural(len(ids), 'file')}"
    told = describe_erasure(erasure)
    if not erasure.erased:
        return f"{what} may be kept again ({told.replace('erased', 'lifted', 1)})."
    left = f"; the shared store {ws.store.folder} may still have it" if ws.store.is_shared else ""
    return f"{what} was {told}{left}."


def describe_fetched(result: FetchResult) -> list[Block]:
    """Return what came, a line for each kind, and what could not be taken."""
    blocks: list[Block] = []
    if result.snapshots:
        blocks.append(Note(f"Fetched {plural(result.snapshots, 'snapshot')}.", "good"))
        blocks.append(Hint("See them", "jupyter mlops log"))
    if result.chunks:
        chunks = plural(result.chunks, "chunk")
        said = f"Fetched {chunks}, {format_bytes(result.bytes)}, from {result.remote}."
        blocks.append(Note(said, "good"))
    elif not result.snapshots:
        blocks.append(Note(f"All that {result.remote} has of it is here already.", "good"))
    blocks += [Note(reason, "warning") for reason in (*result.refused, *result.erased)]
    if result.absent:
        what = plural(result.absent, "file or folder", "files or folders")
        said = f"Neither here nor whole on {result.remote}: {what} of these snapshots."
        blocks.append(Note(said, "warning"))
    if result.waiting:
        blocks.append(Note(f"{result.remote} has {plural(result.waiting, 'snapshot')} more."))
        blocks.append(Hint("Get them", "jupyter mlops fetch --snapshots"))
    return blocks


def _lacking(remote: str, fetched: Fetched) -> NotFoundError:
    count = plural(len(fetched.lacking), "file or folder", "files or folders")
    return NotFoundError(
        f"Neither here nor whole on {remote} is {count} that the pointers name; all else has come.",
        code="content-missing",
        hints=(
            "jupyter mlops push   (in a clone that has the content)",
            "jupyter mlops check",
        ),
    )
