"""The command ``fetch``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.remote import choose_known
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Note
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.sync.fetch import Fetched, fetch_content
from jupyter_mlops.sync.places import open_remote
from jupyter_mlops.sync.scope import Scope, find_scope, read_entries, read_notebook_names
from jupyter_mlops.units import format_bytes, plural


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What came from a remote: packs read from, chunks and manifests, bytes.

    ``up_to_date`` says that nothing was lacking here.
    """

    remote: str
    packs: int
    chunks: int
    bytes: int
    snapshots: int
    up_to_date: bool

    def describe(self) -> Document:
        """Return what came."""
        return Document((describe_fetched(self),))


def fetch(
    ws: Workspace,
    paths: Annotated[
        tuple[str, ...], Arg("Only these tracked paths.", metavar="PATH", complete="tracked")
    ] = (),
    *,
    remote: Annotated[str | None, Arg("The remote; the default by default.")] = None,
    all_branches: Annotated[bool, Arg("What every branch ever named.")] = False,
    tags: Annotated[bool, Arg("What every tag ever named.")] = False,
    yes: Annotated[bool, Arg("Let this project use the place from now on.")] = False,
) -> FetchResult:
    """Bring into the store what HEAD names; the working tree stays as it is.

    Only what is lacking here comes, and nothing that does not verify.
    """
    scope = Scope(all_branches=all_branches, tags=tags, paths=tuple(resolve_paths(ws, paths)))
    return run_fetch(ws, scope, remote, yes=yes)


def run_fetch(ws: Workspace, scope: Scope, remote: str | None, *, yes: bool) -> FetchResult:
    """Fetch what ``scope`` names.

    Raises:
        NotFoundError: neither end has all of it; what there was has come.
    """
    named = choose_known(ws, remote, yes=yes)
    clear_leftovers(ws)
    roots = find_scope(ws, scope)
    entries = read_entries(ws, roots)
    outputs = read_notebook_names(ws, roots) if ws.config.notebooks.keep_outputs else []
    with open_remote(ws, named) as there:
        fetched = fetch_content(ws.store, there, entries, outputs, ws.progress)
    if fetched.lacking:
        raise _lacking(named.name, fetched)
    return FetchResult(
        remote=named.name,
        packs=fetched.packs,
        chunks=fetched.records,
        bytes=fetched.size_bytes,
        snapshots=0,
        up_to_date=not fetched.records,
    )


def describe_fetched(result: FetchResult) -> Block:
    """Return what came, as a line."""
    if result.up_to_date:
        return Note(f"All that {result.remote} has of it is here already.", "good")
    chunks = plural(result.chunks, "chunk")
    return Note(f"Fetched {chunks}, {format_bytes(result.bytes)}, from {result.remote}.", "good")


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
