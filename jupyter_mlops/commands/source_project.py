"""Another project that content is taken out of: its revision, and where its content is."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.config import CONFIG_NAME, Config
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.formats.names import check_path
from jupyter_mlops.formats.pointer import StoredPointer
from jupyter_mlops.formats.pointer_source import (
    MAX_REV_BYTES,
    ImportSource,
    check_source_url,
    check_text,
)
from jupyter_mlops.formats.project import parse_config
from jupyter_mlops.git.config import read_remote_settings
from jupyter_mlops.git.process import NO_HOOKS, run_git_in
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.revisions import find_commit
from jupyter_mlops.git.trees import GitTree, open_tree
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.progress import Progress
from jupyter_mlops.snapshots.handles import open_project_store
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.tracked import read_tree_pointers
from jupyter_mlops.storage.open import open_backend
from jupyter_mlops.storage.read_only import ReadOnly
from jupyter_mlops.storage.settings import NO_SETTINGS, RemoteSettings, parse_settings
from jupyter_mlops.sync.imports import Wanted, bring_content, find_wanted
from jupyter_mlops.sync.places import URL_SETTING, Named, choose_configured
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.sync.source import Source
from jupyter_mlops.sync.view import View

FindSettings = Callable[[str], RemoteSettings]
"""Returns the settings by which the place of a URL is reached."""


@dataclass(frozen=True, slots=True)
class SourceProject:
    """A project opened to be read.

    ``store`` is where content may be on this machine; ``folder`` a temporary one of its own;
    ``is_copy`` says that the repository is a copy whose branches are those of ``origin``. How its
    remote is reached is set in its own clone on this machine, or else by ``find_settings``.
    """

    url: str
    repository: Repository
    store: Store
    folder: Path
    is_copy: bool
    find_settings: FindSettings

    def read_config(self, tree: GitTree) -> Config:
        """Return ``mlops.toml`` of a revision.

        Raises:
            NotFoundError: it has none.
        """
        try:
            return parse_config(tree.read(CONFIG_NAME))
        except NotFoundError as error:
            raise NotFoundError(
                f"{self.url} has no {CONFIG_NAME} in that revision, so it keeps no data by this"
                " tool.",
                code="no-mlops-toml",
            ) from error

    def open_tree(self, commit: str) -> GitTree:
        """Return the files of a commit."""
        return open_tree(self.repository, commit)

    @contextmanager
    def open_source(self, config: Config, *, yes: bool) -> Iterator[Source]:
        """Yield what its content is read from: its store, or else its remote.

        Reading raises:
            ConflictError: the user has not used the remote's place before, without ``yes``.
        """
        with ExitStack() as stack:

            def open_remote() -> Remote | None:
                return stack.enter_context(self.open_remote(config, yes=yes))

            yield Source(self.store, open_remote)

    @contextmanager
    def open_remote(self, config: Config, *, yes: bool) -> Iterator[Remote | None]:
        """Yield the project's remote, None where it has none; raises as :meth:`open_source`."""
        if not config.remotes:
            yield None
            return
        named = choose_configured(config, None)
        settings = self.find_settings(named.url)
        if not self.is_copy:
            values = read_remote_settings(self.repository, named.name)
            own = values.pop(URL_SETTING, None)
            named = Named(named.name, own or named.url, is_own=own is not None)
            settings = parse_settings(values, remote=named.name) if values else settings
        if yes:
            known_places().add(named.url)
        else:
            known_places().require(named)
        with open_backend(named.url, settings) as backend:
            yield Remote(backend, self.folder / "remote")

    def iter_stores(self) -> Generator[Remote, None, None]:
        """Yield the stores of this machine that its content may be in, to be read only."""
        for number, folder in enumerate(self.store.pack_folders):
            if folder.is_dir():
                with open_backend(str(folder)) as backend:
                    yield Remote(ReadOnly(backend), self.folder / f"store-{number}")

    def resolve(self, rev: str | None) -> str:
        """Return the full id of the commit that ``rev`` is there, of its HEAD without one.

        Raises:
            NotFoundError: there is no such revision.
        """
        branch = find_commit(self.repository, f"origin/{rev}") if rev and self.is_copy else None
        return branch or resolve_revision(self.repository, rev or "HEAD")

    def find(self, path: str, rev: str | None, *, yes: bool) -> Found:
        """Return what is at ``path`` in a revision.

        Raises:
            NotFoundError: there is no such revision, or nothing is tracked there.
            UsageError: it is no path in a project, or the revision has characters that none has.
            ConflictError: the user has not used the place of its content before.
        """
        try:
            check_path(path)
            if rev is not None:
                check_text(rev, MAX_REV_BYTES)
        except ValueError as error:
            raise UsageError(
                f"{path!r} at {rev or 'HEAD'!r} is nothing in a project: {error}.",
                code="bad-value",
            ) from error
        commit = self.resolve(rev)
        tree = self.open_tree(commit)
        config = self.read_config(tree)
        pointers = read_tree_pointers(tree, [path])
        with self.open_source(config, yes=yes) as source:
            wanted = find_wanted(View(source, pointers), pointers, path)
        return Found(ImportSource(self.url, path, rev, commit, wanted.hash), wanted, config)

    def bring(self, store: Store, found: Found, progress: Progress, *, yes: bool) -> StoredPointer:
        """Bring to ``store`` what it lacks of it; return the pointer, which says the source.

        Raises:
            NotFoundError: its content is nowhere.
            UnavailableError: a place failed, or the disk did not take it.
        """
        with ExitStack() as stack:
            stores = self.iter_stores()
            stack.callback(stores.close)

            def iter_places() -> Iterator[Remote | None]:
                yield from stores
                yield stack.enter_context(self.open_remote(found.config, yes=yes))

            pointer = bring_content(store, iter_places(), found.wanted, progress)
        return replace(pointer, source=found.source)


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a path of another project, and where that path is; ``config`` is the project's."""

    source: ImportSource
    wanted: Wanted
    config: Config


@contextmanager
def open_source_project(
    cwd: Path, url: str, folder: Path, find_settings: FindSettings = lambda url: NO_SETTINGS
) -> Iterator[SourceProject]:
    """Yield the project whose Git repository is at ``url``, a folder relative to ``cwd`` as well.

    Of one that is elsewhere a copy without files is made in ``folder``, an empty one that the
    caller removes afterwards.

    Raises:
        UsageError: the URL is none of those that Git fetches from, or holds a password.
        NotFoundError: there is no such project.
        UnavailableError: Git cannot reach it.
    """
    url = absolute_source(cwd, url)
    if Path(url).is_dir():
        repository = open_repository(Path(url))
        store = open_project_store(repository)
        yield SourceProject(url, repository, store, folder, False, find_settings)
        return
    run_git_in(
        folder,
        *(*NO_HOOKS, "clone", "--quiet", "--no-checkout", "--filter=blob:none", "--template="),
        *("--no-recurse-submodules", "--", url, "project"),
    )
    repository = open_repository(folder / "project")
    store = open_store(repository.store_dir)
    yield SourceProject(url, repository, store, folder, True, find_settings)


def absolute_source(cwd: Path, url: str) -> str:
    """Return the URL of a repository, or the absolute path of its folder.

    Raises:
        UsageError: it is none, or holds a password, which is not shown; code ``source-url``.
    """
    if "://" not in url and (local := Path(os.path.abspath(cwd / url))).is_dir():
        url = local.as_posix()
    try:
        check_source_url(url)
    except ValueError as error:
        raise UsageError(
            f"The URL of a project is refused: {error}.",
            code="source-url",
            hints=("git help credentials",),
        ) from error
    return url
