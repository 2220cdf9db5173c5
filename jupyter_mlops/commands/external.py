"""What the commands share that reach external data: data that stays where it is."""

from __future__ import annotations

import os

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.remote import place_opener
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import UsageError
from jupyter_mlops.formats.pointer_external import ExternalPointer, check_external_url
from jupyter_mlops.sync.external import look_at


def look_at_external(ws: Workspace, url: str, paths: tuple[str, ...]) -> dict[str, ExternalPointer]:
    """Return what is at ``url`` by the path that it is called here, its last part by default.

    Typing the URL is the confirmation that its place may be used.

    Raises:
        UsageError: the URL is none, or there are several paths.
        NotFoundError: nothing is there.
        UnavailableError: the place cannot be reached or refuses.
    """
    if "://" not in url:
        url = os.path.abspath(ws.cwd / url) + ("/" if url.endswith("/") else "")
    try:
        check_external_url(url)
    except ValueError as error:
        raise UsageError(
            f"The URL of external data is refused: {error}.",
            code="remote-url",
            hints=("jupyter mlops snapshot --external s3://BUCKET/PREFIX PATH",),
        ) from error
    name = url.rstrip("/").rpartition("/")[2]
    resolved = resolve_paths(ws, paths or ((name,) if name else ()))
    if len(resolved) != 1:
        raise UsageError(
            "What is external is called by one path here.",
            code="bad-value",
            hints=("jupyter mlops snapshot --external URL PATH",),
        )
    return {resolved[0]: look_at(url, place_opener(ws, yes=True))}
