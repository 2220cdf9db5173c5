"""Remotes by their names: where they are, and whether this user has used them before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from jupyter_mlops.config import Config
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.files.durable import clear_staging, make_folder, write_atomic
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.git.config import read_remote_settings
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.storage.backend import Backend
from jupyter_mlops.storage.open import open_backend
from jupyter_mlops.storage.settings import parse_settings
from jupyter_mlops.storage.url import parse_url
from jupyter_mlops.sync.last_seen import cache_folder
from jupyter_mlops.sync.remote import Remote

URL_SETTING = "url"
"""The setting of a remote that says where this clone has it."""

_KNOWN_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Named:
    """A remote of the project: its name and its URL.

    ``is_own`` says that the URL is not that of ``mlops.toml`` but this clone's, from the setting
    ``mlops.remote.NAME.url`` of Git. ``settings`` are this clone's others for it; they may be
    credentials.
    """

    name: str
    url: str
    is_own: bool = False
    settings: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


def choose_remote(handles: Handles, name: str | None) -> Named:
    """Return the remote called ``name``; without one the default, or the only one.

    Raises:
        NotFoundError: there is none.
        UsageError: there are several and none is the default.
    """
    named = choose_configured(handles.config, name)
    settings = read_remote_settings(handles.git, named.name)
    own = settings.pop(URL_SETTING, "")
    return Named(named.name, own or named.url, is_own=bool(own), settings=settings)


def choose_configured(config: Config, name: str | None) -> Named:
    """Return the remote that ``config`` has, as :func:`choose_remote` does.

    Raises:
        as that.
    """
    chosen = name if name is not None else config.default_remote
    if chosen is None and len(config.remotes) > 1:
        raise UsageError(
            f"The project has several remotes and no default: {', '.join(config.remotes)}.",
            code="remote-not-named",
            hints=('Write default = "NAME" below [remotes] in mlops.toml, or say --remote NAME.',),
        )
    if chosen is None:
        chosen = next(iter(config.remotes), None)
    if chosen is None:
        raise NotFoundError(
            "The project has no remote yet.",
            code="remote-not-found",
            hints=("jupyter mlops remote add NAME URL",),
        )
    if chosen not in config.remotes:
        raise NotFoundError(
            f"There is no remote {chosen} in mlops.toml.",
            code="remote-not-found",
            hints=("jupyter mlops remote list",),
        )
    return Named(chosen, config.remotes[chosen].url)


@contextmanager
def open_place(named: Named, *, give_up_seconds: float | None = None) -> Iterator[Backend]:
    """Yield what reaches a remote, by this clone's settings of Git for it.

    Args:
        named: the remote.
        give_up_seconds: how long what fails is tried again, instead of what the settings say.

    Raises:
        UsageError: the URL or a setting is not valid.
    """
    settings = parse_settings(named.settings, remote=named.name)
    if give_up_seconds is not None:
        settings = replace(settings, give_up_seconds=give_up_seconds)
    with open_backend(named.url, settings) as backend:
        yield backend


@contextmanager
def open_remote(handles: Handles, named: Named, *, to_write: bool = False) -> Iterator[Remote]:
    """Yield a remote as it is now; ``to_write`` as for :class:`~jupyter_mlops.sync.remote.Remote`.

    Raises:
        IntegrityError: its object ``format`` is damaged.
        UsageError: the URL or a setting is not valid.
        UnavailableError: it cannot be reached or refuses.
        UnsupportedError: it has a newer format.
    """
    with open_place(named) as backend:
        cache = cache_folder(handles.store, named.name)
        yield Remote(backend, cache, to_write=to_write)


class KnownPlaces:
    """Hosts, buckets and folders that this user has let a project use, in a file of the user's."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def require(self, named: Named) -> None:
        """Let pass if the place of a remote was used before.

        Raises:
            ConflictError: it was not, and the user has to say so once: whoever wrote
                ``mlops.toml`` chose it.
        """
        if not named.is_own:
            hint = f"jupyter mlops remote test {named.name} --yes"
            self.require_place(place_of(named.url), f"The remote {named.name}", hint)

    def require_place(self, place: str, what: str, hint: str) -> None:
        """Let pass if ``place``, where ``what`` is, was used before.

        Raises:
            ConflictError: it was not; ``hint`` is the command by which the user says so.
        """
        if place not in self._read():
            raise ConflictError(
                f"{what} is at {place}, which you have not used before; the project chose it.",
                code="remote-unknown",
                hints=(hint,),
            )

    def add(self, url: str) -> None:
        """Let the place of ``url`` be used from now on."""
        self.add_place(place_of(url))

    def add_place(self, place: str) -> None:
        """Let ``place`` be used from now on."""
        if place in self._read():
            return
        make_folder(self._file.parent)
        clear_staging(self._file.parent)
        with hold_lock(self._file.with_name(f"{self._file.name}.lock")):
            known = self._read()
            if place not in known:
                lines = "".join(f"{one}\n" for one in (*known, place))
                write_atomic(self._file, lines.encode("utf-8", "surrogateescape"))

    def _read(self) -> Mapping[str, None]:
        try:
            with open(self._file, "rb") as file:
                text = file.read(_KNOWN_LIMIT_BYTES).decode("utf-8", "surrogateescape")
        except OSError:
            return {}
        return dict.fromkeys(text.splitlines())


def place_of(url: str) -> str:
    """Return the part of a URL that is confirmed: kind and host or bucket, or a folder.

    Raises:
        UsageError: it is no URL of a remote.
    """
    where = parse_url(url)
    if where.kind == "file":
        return where.path
    port = f":{where.port}" if where.port is not None else ""
    scheme = url.partition("://")[0].lower()
    return f"{scheme}://{where.host}{port}"


def place_of_source(url: str) -> str:
    """Return the part of a Git repository's URL that is confirmed: kind and host, or a folder."""
    if "://" not in url:
        if os.path.isabs(url):
            return url
        return f"ssh://{url.partition(':')[0].rpartition('@')[2]}"
    parts = urlsplit(url)
    if parts.scheme == "file":
        return parts.path
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
