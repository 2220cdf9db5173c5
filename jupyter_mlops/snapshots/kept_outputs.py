"""Whether the store has the outputs that notebooks of the working tree have."""

from __future__ import annotations

from collections.abc import Iterable

from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.notebooks.canonical import format_notebook, parse_notebook
from jupyter_mlops.notebooks.outputs import attach_outputs, decode_outputs
from jupyter_mlops.notebooks.strip import StripSettings, resolve_settings, strip
from jupyter_mlops.objects.recent import RecentOutputs
from jupyter_mlops.objects.records import iter_copies
from jupyter_mlops.objects.store import Store


def find_not_kept(repo: Repository, store: Store, paths: Iterable[str]) -> list[str]:
    """Return those of the notebooks that have outputs which the store has not.

    Whatever the reason is: another filter, a setting, a secret, damage. What is no regular file has
    nothing.
    """
    settings = resolve_settings(*read_nbstripout_settings(repo))
    recent = RecentOutputs(repo.state_dir, repo.root, settings)
    worktree = WorkTree(repo.root)
    store.reload()  # the filter writes in a process of its own

    def is_kept(path: str) -> bool:
        if (repo.root / path).is_symlink():
            return True
        try:
            return _is_kept(store, recent, settings, path, worktree.read(path))
        except NotFoundError:
            return True
        except MlopsError:
            return False

    return [path for path in paths if not is_kept(path)]


def _is_kept(
    store: Store, recent: RecentOutputs, settings: StripSettings, path: str, content: bytes
) -> bool:
    stripped = strip(content, settings)
    if stripped.removed is None:
        return True
    bare, canonical = stripped.notebook, format_notebook(parse_notebook(content))
    key = hash_bytes(bare)
    if key not in store.erased:
        # Also those that are not the newest: two notebooks of the same code have one key.
        for payload in iter_copies(store, RecordKind.OUTPUTS, key, trashed=False):
            if attach_outputs(bare, decode_outputs(payload)) == canonical:
                return True
    return recent.attach(store, path, bare) == canonical
