"""What the commands that reach remotes share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import ConflictError
from jupyter_mlops.storage.backend import Backend
from jupyter_mlops.storage.open import open_backend
from jupyter_mlops.sync.external import OpenPlace, find_settings
from jupyter_mlops.sync.places import KnownPlaces, Named, choose_remote, open_remote, place_of
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.sync.source import Source


def known_places() -> KnownPlaces:
    """Return the places that this user has used, in Jupyter's data folder."""
    return KnownPlaces(Path(jupyter_data_dir()) / "jupyter-mlops" / "places")


def choose_known(ws: Workspace, name: str | None, *, yes: bool) -> Named:
    """Return the remote to use, whose place the user has used before, or confirms now.

    That is by ``yes``, or by the answer to a question where there is somebody to ask.

    Raises:
        ConflictError: the place is new to this user.
        NotFoundError: there is no such remote.
        UsageError: none is named, and there are several.
    """
    named = choose_remote(ws, name)
    places = known_places()
    try:
        if not yes:
            places.require(named)
            return named
    except ConflictError as error:
        confirm = ws.execution.confirm
        if confirm is None or not confirm(f"{error.message} Use it from now on?"):
            raise
    places.add(named.url)
    return named


def with_remote(command: str, remote: str | None) -> str:
    """Return ``command`` as it is typed for a remote; as it is, for the store."""
    return command if remote is None else f"{command} --remote {remote}"


def place_opener(ws: Workspace, *, yes: bool) -> OpenPlace:
    """Return what reaches external data, at places that the user has used before or confirms.

    It raises:
        ConflictError: the place is new to this user.
        UsageError: the URL or a setting of the remote at the same place is not valid.
    """

    def open_place(url: str) -> Backend:
        if yes:
            known_places().add(url)
        else:
            hint = "jupyter mlops restore PATH --yes"
            known_places().require_place(place_of(url), "That external data", hint)
        return open_backend(url, find_settings(ws.git, ws.config, url))

    return open_place


@contextmanager
def source_of(ws: Workspace) -> Iterator[Source]:
    """Yield what content is read from: the store, and the default remote where there is one.

    The remote is opened when something is lacking in the store.
    """
    with ExitStack() as stack:

        def open_default() -> Remote | None:
            if not ws.config.remotes:
                return None
            return stack.enter_context(open_remote(ws, choose_known(ws, None, yes=False)))

        source = Source(ws.store, open_default, place_opener(ws, yes=False))
        stack.callback(source.close_places)
        yield source
