"""From a URL to a backend."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlops.storage.backend import Backend
from jupyter_mlops.storage.folder import FolderBackend
from jupyter_mlops.storage.object_store import ObjectStoreBackend
from jupyter_mlops.storage.retry import Retrying, RetryPolicy
from jupyter_mlops.storage.settings import NO_SETTINGS, RemoteSettings
from jupyter_mlops.storage.ssh import SshBackend
from jupyter_mlops.storage.url import RemoteUrl, parse_url

if TYPE_CHECKING:
    from jupyter_mlops.storage.http import HttpBackend

_WEB = {
    "http": ("jupyter_mlops.storage.http", "HttpBackend"),
    "webdav": ("jupyter_mlops.storage.webdav", "WebDavBackend"),
}
"""What needs TLS and parsers of web pages, which take as long to import as a push has to do."""


def open_backend(
    url: str, settings: RemoteSettings = NO_SETTINGS, *, policy: RetryPolicy | None = None
) -> Backend:
    """Return the remote at ``url``, which the caller closes.

    Nothing is sent before the first call. ``settings`` say how long something is tried again where
    no ``policy`` does.

    Raises:
        UsageError: the URL is none that is known; code ``remote-url``.
        UnsupportedError: a library that it needs is not installed; code ``library-missing``.
    """
    where = parse_url(url)
    if policy is None:
        policy = RetryPolicy()
        if settings.give_up_seconds is not None:
            policy = replace(policy, give_up_seconds=settings.give_up_seconds)
    match where.kind:
        case "file":
            return FolderBackend(Path(where.path), where.text)
        case "s3" | "gs" | "az":
            return Retrying(ObjectStoreBackend(where, settings), policy)
        case "ssh":
            return Retrying(SshBackend(where), policy)
        case "http" | "webdav":
            return Retrying(_open_web(where, settings), policy)


def _open_web(where: RemoteUrl, settings: RemoteSettings) -> HttpBackend:
    module, name = _WEB[where.kind]
    opened: HttpBackend = getattr(import_module(module), name)(where, settings)
    return opened
