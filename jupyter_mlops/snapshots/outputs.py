"""Giving notebooks of the working tree back the outputs that they had at a revision."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jupyter_mlops.config import NotebooksConfig
from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git.config import allows_secrets
from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.trees import GitTree, open_tree
from jupyter_mlops.git.worktree_files import changed_files
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.notebooks.kept import KeepRules
from jupyter_mlops.notebooks.outputs import attach_outputs, decode_outputs
from jupyter_mlops.notebooks.strip import StripSettings, resolve_settings, strip
from jupyter_mlops.objects.outputs import read_outputs
from jupyter_mlops.objects.recent import RecentOutputs
from jupyter_mlops.snapshots.apply import open_worktree
from jupyter_mlops.snapshots.code import NOTEBOOK_SUFFIX, CodeChanges, keep_state
from jupyter_mlops.snapshots.handles import Handles


def read_keep_rules(repo: Repository, config: NotebooksConfig) -> KeepRules:
    """Return which outputs the store of this clone takes."""
    return KeepRules(config.output_limit_bytes, allows_secrets(repo))


def restore_outputs(
    handles: Handles,
    commit: str,
    named: Sequence[str] = (),
    *,
    only_bare: bool = False,
    dry_run: bool = False,
) -> CodeChanges:
    """Give notebooks the outputs that the store has of them as they are at ``commit``.

    The whole state is kept as an automatic snapshot first. Cells of other code, and notebooks that
    the store has no outputs of, stay as they are.

    Args:
        handles: the project.
        commit: the full id of a commit.
        named: notebooks, also edited ones; without any, all whose code is that of the commit.
        only_bare: leave notebooks alone that have outputs of their own.
        dry_run: plan only.

    Raises:
        NotFoundError: the commit has no notebook of a name, or the store no outputs of it.
        ConflictError: outputs would be overwritten that are not kept, or something that a snapshot
            leaves out stands where a notebook is; nothing was touched. Or a notebook was saved
            meanwhile, and it and those after it are left as they are.
    """
    settings = resolve_settings(*read_nbstripout_settings(handles.git))
    search = _Search(
        handles,
        open_tree(handles.git, commit),
        open_worktree(handles),
        settings,
        RecentOutputs(handles.git.state_dir, handles.git.root, settings),
    )
    if named:
        found = {path: one for path in named if (one := search.find(path)) is not None}
    else:
        differing = set(changed_files(handles.git, commit)[0])
        found = dict(search.iter_all(differing, only_bare=only_bare))
    written = tuple(sorted(found))
    if dry_run or not written:
        return CodeChanges(written, (), None)
    saved_as = keep_state(handles, f"before the outputs of {commit[:10]}", written)
    for path in written:
        search.write(path, found[path])
        search.recent.note(path, found[path].key)
    search.recent.write()
    return CodeChanges(written, (), saved_as)


@dataclass(frozen=True, slots=True)
class _Found:
    """A notebook that gets other bytes, and the name under which its outputs are kept.

    ``present`` is what it has now, None where there is no file.
    """

    key: Hash
    present: bytes | None
    content: bytes


@dataclass(frozen=True, slots=True)
class _Search:
    handles: Handles
    there: GitTree
    worktree: WorkTree
    settings: StripSettings
    recent: RecentOutputs

    def find(self, path: str) -> _Found | None:
        """Return what becomes of a notebook that the user has named, None where nothing does."""
        if path not in self.there.entries:
            raise NotFoundError(
                f"The revision has no notebook {path}.",
                code="path-not-found",
                hints=("git log --oneline -- " + shlex.quote(path),),
            )
        ((_, stripped),) = self.there.read_many([path])
        payload = read_outputs(self.handles.store, hash_bytes(stripped))
        if payload is None:
            raise NotFoundError(
                f"The store has no outputs of {path} as it is at that revision.",
                code="outputs-missing",
                hints=("jupyter mlops fetch --all-branches",),
            )
        present = self._read(path)
        content = self._join(stripped if present is None else present, payload)
        return _Found(hash_bytes(stripped), present, content) if content is not None else None

    def iter_all(self, differing: set[str], *, only_bare: bool) -> Iterator[tuple[str, _Found]]:
        """Yield the notebooks of the same code that get other bytes by their outputs."""
        names = [n for n in self.there.entries if n.endswith(NOTEBOOK_SUFFIX)]
        for path, stripped in self.there.read_many([n for n in names if n not in differing]):
            payload = read_outputs(self.handles.store, hash_bytes(stripped))
            if payload is None:
                continue
            present = self._read(path)
            if present is None or (only_bare and not self._is_bare(path, present, stripped)):
                continue
            content = self._join(stripped, payload)
            if content is not None and content != present:
                yield path, _Found(hash_bytes(stripped), present, content)

    def write(self, path: str, found: _Found) -> None:
        """Write what was found unless somebody has saved the notebook since.

        Raises:
            ConflictError: somebody has; the file is left as it is.
        """
        if self._read(path) != found.present:
            raise ConflictError(
                f"{path} was saved by another program meanwhile, and is left as it is.",
                code="file-changing",
                hints=("jupyter mlops restore",),
            )
        stat = self.worktree.stat(path)
        self.worktree.write_file(path, found.content, stat.mode if stat is not None else Mode.FILE)

    def _read(self, path: str) -> bytes | None:
        try:
            return self.worktree.read(path)
        except NotFoundError:
            return None

    def _is_bare(self, path: str, present: bytes, stripped: bytes) -> bool:
        """Return whether a notebook has no outputs but such as other versions of it had here."""
        if present == stripped:
            return True
        return present == self.recent.attach(self.handles.store, path, stripped)

    def _join(self, base: bytes, payload: bytes) -> bytes | None:
        """Return ``base`` with outputs; None where they would change more than outputs."""
        joined = attach_outputs(base, decode_outputs(payload))
        same = strip(joined, self.settings).notebook == strip(base, self.settings).notebook
        return joined if same and joined != base else None
