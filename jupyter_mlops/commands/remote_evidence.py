"""Which content of pointer files the default remote has; nothing is transferred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import ConflictError, MlopsError, UsageError
from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.formats.pointer import Pointer
from jupyter_mlops.snapshots.content import pointer_entries
from jupyter_mlops.sync.places import choose_remote, open_remote
from jupyter_mlops.sync.walk import ContentWalk


@dataclass(frozen=True, slots=True)
class RemoteContent:
    """What a remote lacks, by tracked path; ``name`` is None where none was asked, as notes say."""

    name: str | None = None
    lacking: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


NOT_ASKED = RemoteContent()


def ask_remote(ws: Workspace, pointers: Mapping[str, Pointer], *, yes: bool) -> RemoteContent:
    """Ask the default remote for all content of ``pointers``, by their tracked paths.

    Nothing is raised: where there is no remote, where this user has not let a project use its place
    before, and where it does not answer, a note says so. ``yes`` lets the place be used.
    """
    if not ws.config.remotes:
        return NOT_ASKED
    try:
        named = choose_remote(ws, None)
        if yes:
            known_places().add(named.url)
        else:
            known_places().require(named)
        with open_remote(ws, named) as there:
            walk = ContentWalk(ws.store, there)
            for pointer in pointers.values():
                walk.add(pointer_entries(pointer).values())
            walk.follow()
            lacks = {
                entry
                for entry in walk.entries()
                if any(there.find(*key) is None for key in walk.records_of(entry))
            }
            return RemoteContent(
                named.name,
                {
                    path: tuple(
                        dict.fromkeys(e for _, e in walk.iter_entries(pointer) if e in lacks)
                    )
                    for path, pointer in pointers.items()
                },
            )
    except (ConflictError, UsageError) as error:
        hint = f" ({error.hints[0]})" if error.hints else ""
        return RemoteContent(notes=(f"No remote was asked for data: {error.message}{hint}",))
    except MlopsError as error:
        return RemoteContent(notes=(f"The remote could not be asked for data: {error.message}",))
