"""Snapshots of others with all that they need: first their commits, then their content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jupyter_mlops.errors import IntegrityError, MlopsError
from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.git.remotes import choose_git_remote
from jupyter_mlops.ids import Hash
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.listing import Listed, find_among, list_all_snapshots
from jupyter_mlops.sync.fetch import Fetched, fetch_content
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.sync.scope import Scope, find_scope, read_entries, read_notebook_names
from jupyter_mlops.sync.snapshots import fetch_snapshots

_NOTHING = Fetched(0, 0, 0, frozenset())


@dataclass(frozen=True, slots=True)
class States:
    """What came of snapshots and of their content.

    ``came`` are the ids of those that are new here or have changed; ``refused`` are the errors for
    those that could not be taken; ``problem`` is why not all could be asked for.
    """

    came: tuple[str, ...] = ()
    refused: Mapping[str, MlopsError] = field(default_factory=dict)
    problem: MlopsError | None = None
    content: Fetched = _NOTHING


def fetch_states(
    handles: Handles, remote: Remote, name: str, texts: Sequence[str], paths: tuple[str, ...]
) -> States:
    """Bring snapshots of others here, and from ``remote`` their content.

    Args:
        handles: of the project that they come to.
        remote: where content and bundles come from.
        name: what the project calls that.
        texts: their ids or names; all of others where there are none.
        paths: only content at or under these.

    Raises:
        NotFoundError: a text names no snapshot of any remote.
        ConflictError: a text may mean several.
        UnavailableError: ``remote`` failed, or the disk.
    """
    fetched = fetch_snapshots(handles, remote, name, texts)
    refused: dict[str, MlopsError] = dict(fetched.refused)
    known = list_all_snapshots(handles.git)
    if texts and fetched.problem is None:
        chosen = [_find(known, text, refused) for text in texts]
    elif texts:
        chosen = [one for one in known if any(one.may_be(text) for text in texts)]
    else:
        sources = (name, choose_git_remote(handles.git))
        chosen = [one for one in known if one.remote in sources]
    entries: list[Entry] = []
    outputs: list[Hash] = []
    for one in chosen:
        try:
            roots = find_scope(handles, Scope(commits=(one.commit,), paths=paths))
            entries += read_entries(handles, roots)
        except IntegrityError as error:
            refused[one.id] = error
            continue
        if handles.config.notebooks.keep_outputs:
            outputs += read_notebook_names(handles, roots)
    content = _NOTHING
    if entries or outputs:
        content = fetch_content(handles.store, remote, entries, outputs, handles.progress)
    return States(tuple(fetched.came), refused, fetched.problem, content)


def _find(known: Sequence[Listed], text: str, refused: Mapping[str, MlopsError]) -> Listed:
    """Return the snapshot that ``text`` names; raise the reason where it could not be taken."""
    if text in refused:
        raise refused[text]
    return find_among(known, text)
