"""The command ``get``."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Here, open_project_store
from jupyter_mlops.config import CONFIG_NAME, Config
from jupyter_mlops.document import Document, Note
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.files.durable import make_folder, move_new, open_staging
from jupyter_mlops.formats.names import check_path
from jupyter_mlops.formats.project import parse_config
from jupyter_mlops.git.process import NO_HOOKS, run_git_in
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.trees import GitTree, open_tree
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.tracked import read_tree_pointers
from jupyter_mlops.storage.open import open_backend
from jupyter_mlops.sync.export import export_files
from jupyter_mlops.sync.places import Named, choose_configured
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.sync.view import Source, View
from jupyter_mlops.units import format_bytes, plural


@dataclass(frozen=True, slots=True)
class GetResult:
    """What was copied: the full id of the revision, where it was written, files, bytes."""

    revision: str
    output: str
    files: int
    size_bytes: int

    def describe(self) -> Document:
        """Return what was copied."""
        files = f"{plural(self.files, 'file')} ({format_bytes(self.size_bytes)})"
        return Document((Note(f"Wrote {files} of {self.revision[:10]} to {self.output}.", "good"),))


def get(
    here: Here,
    url: Annotated[str, Arg("A Git repository: its URL or folder.", metavar="URL")],
    path: Annotated[str, Arg("A tracked path in it, or a part of one.", metavar="PATH")],
    *,
    rev: Annotated[str | None, Arg("A commit, branch or tag there; HEAD by default.")] = None,
    output: Annotated[
        Path | None, Arg("Where to write it; its own name here by default.", short="-o")
    ] = None,
    yes: Annotated[bool, Arg("Use the place of its content from now on.")] = False,
) -> GetResult:
    """Copy data or a model out of any project, without its history.

    Content comes from the project's remote, or from the store of a project on this machine. What
    is there already is not written over.
    """
    try:
        check_path(path)
    except ValueError as error:
        raise UsageError(f"{path!r} is no path in a project: {error}.", code="bad-value") from error
    target = Path(os.path.abspath(here.cwd / (output or path.rpartition("/")[2])))
    if os.path.lexists(target):
        raise ConflictError(
            f"{target} exists already, so nothing was written.",
            code="name-taken",
            hints=("jupyter mlops get URL PATH --output ANOTHER",),
        )
    with tempfile.TemporaryDirectory(prefix="mlops-get-", ignore_cleanup_errors=True) as folder:
        repository, store = _open_project(Path(folder), here.cwd, url)
        commit = resolve_revision(repository, rev or "HEAD")
        tree = open_tree(repository, commit)
        config = _read_config(tree, url)
        with _Opened(store, config, yes=yes) as source:
            view = View(source, read_tree_pointers(tree, [path]))
            files, size_bytes = _write(view, path, target, here)
    return GetResult(commit, str(target), files, size_bytes)


def _open_project(folder: Path, cwd: Path, url: str) -> tuple[Repository, Store]:
    """Return a copy of the repository that has no files, and the store that content may be in."""
    local = Path(os.path.abspath(cwd / url))
    if "://" not in url and local.is_dir():
        repository = open_repository(local)
        return repository, open_project_store(repository)
    run_git_in(
        folder,
        *(*NO_HOOKS, "clone", "--quiet", "--no-checkout", "--filter=blob:none", "--template="),
        *("--no-recurse-submodules", "--", url, "project"),
    )
    repository = open_repository(folder / "project")
    return repository, open_store(repository.store_dir)


def _read_config(tree: GitTree, url: str) -> Config:
    try:
        return parse_config(tree.read(CONFIG_NAME))
    except NotFoundError as error:
        raise NotFoundError(
            f"{url} has no {CONFIG_NAME} in that revision, so it keeps no data by this tool.",
            code="no-mlops-toml",
        ) from error


class _Opened:
    """What a project's content is read from; its remote is closed at the end."""

    def __init__(self, store: Store, config: Config, *, yes: bool) -> None:
        self._store = store
        self._config = config
        self._yes = yes
        self._remote: Remote | None = None

    def __enter__(self) -> Source:
        return Source(self._store, self._open)

    def __exit__(self, *exc: object) -> None:
        if self._remote is not None:
            self._remote.backend.close()

    def _open(self) -> Remote | None:
        if not self._config.remotes:
            return None
        named: Named = choose_configured(self._config, None)
        if self._yes:
            known_places().add(named.url)
        else:
            known_places().require(named)
        cache = Path(self._store.folder) / "remotes" / named.name
        self._remote = Remote(open_backend(named.url), cache)
        return self._remote


def _write(view: View, path: str, target: Path, here: Here) -> tuple[int, int]:
    """Write all of it beside ``target``, then give it its name."""
    with open_staging(target.parent) as staging:
        beside = staging.path / "content"
        make_folder(beside)
        with open_backend(str(beside)) as backend:
            files, size_bytes = export_files(
                view, [path], backend, staging, here.progress, without=path
            )
        entry = view.find(path)
        is_file = entry is not None and not view.is_folder(entry)
        move_new(beside / path.rpartition("/")[2] if is_file else beside, target)
    return files, size_bytes
