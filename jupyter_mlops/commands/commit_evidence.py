"""What a commit and the snapshots around it say of its metrics: by which code they were made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property

from jupyter_mlops.commands.number_files import list_metric_paths
from jupyter_mlops.commands.run_sources import find_sources, is_code
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError, NotFoundError, UnavailableError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.git.history import last_changes
from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.git.revisions import find_commit, shorten
from jupyter_mlops.git.trees import GitTree, TreeEntry, open_tree
from jupyter_mlops.git.worktree_files import changed_files
from jupyter_mlops.notebooks.strip import resolve_settings, strip
from jupyter_mlops.reports.project_rules import OtherCode, Outdated
from jupyter_mlops.snapshots.listing import Listed, list_all_snapshots

_ASKED_SNAPSHOTS = 200


class CommitEvidence:
    """The files of one commit, those that decide its metrics, and the snapshots tied to it."""

    def __init__(self, ws: Workspace, commit: str) -> None:
        self._ws = ws
        self.commit = commit
        self.tree: GitTree = open_tree(ws.git, commit)
        self._sources: dict[str, frozenset[str]] = {}

    @cached_property
    def short(self) -> str:
        """The commit's short id."""
        return shorten(self._ws.git, self.commit)

    @cached_property
    def metrics(self) -> list[str]:
        """The paths of its metrics files."""
        return list_metric_paths(self._ws.config, self.tree)

    def sources(self, metrics: str) -> frozenset[str]:
        """Return the files that decide what stands in a metrics file; none where nobody knows."""
        if metrics not in self._sources:
            entries = self.tree.entries
            self._sources[metrics] = find_sources(entries.keys(), self.tree.read, metrics)
        return self._sources[metrics]

    def relevant(self, metrics: str) -> Callable[[str], bool]:
        """Return what tells the files that decide a metrics file; all code where nobody knows."""
        sources = self.sources(metrics)
        if sources:
            return sources.__contains__
        return lambda path: is_code(path) or path.endswith(POINTER_SUFFIX)

    def find_dirty(self, metrics: str) -> list[str]:
        """Return the files that decide a metrics file and are on disk not as this commit has them.

        None where the repository cannot be written: Git would not say which only look changed.
        """
        return [path for path in self._changed_on_disk if self.relevant(metrics)(path)]

    @cached_property
    def _changed_on_disk(self) -> list[str]:
        try:
            differing, new = changed_files(self._ws.git, self.commit)
        except UnavailableError:
            return []
        return [*(path for path in differing if not self._is_unstripped(path)), *new]

    def _is_unstripped(self, path: str) -> bool:
        """Return whether a notebook differs only because this commit has it with its outputs."""
        if not path.endswith(".ipynb"):
            return False
        settings = resolve_settings(*read_nbstripout_settings(self._ws.git))
        with suppress(NotFoundError):
            versions = self.tree.read(path), WorkTree(self._ws.root).read(path)
            old, new = (strip(content, settings).notebook for content in versions)
            return old == new
        return False

    def find_outdated(self, metrics: str) -> Outdated | None:
        """Return how a metrics file of this commit is of an older one, None where it is not.

        It counts for the commit that last changed it; where its code has changed since, it is old,
        unless a snapshot was taken when they were new, with this very code.
        """
        recorded = last_changes(self._ws.git, [metrics]).get(metrics)
        if recorded is None:
            return None
        full = find_commit(self._ws.git, recorded)
        if full is None or full == self.commit:
            return None
        relevant = self.relevant(metrics)
        changed = tuple(path for path in self._list_changes(full) if relevant(path))
        if not changed or self._has_witness(metrics):
            return None
        return Outdated(metrics, recorded, changed)

    def _list_changes(self, since: str) -> list[str]:
        words = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", since, self.commit, "--")
        return split_nul(run_git(self._ws.git, *words))

    def _has_witness(self, metrics: str) -> bool:
        """Return whether a snapshot has these numbers, new then, and this commit's code."""
        entry = self.tree.entries[metrics]
        for snapshot in self._all_snapshots:
            tree = open_tree(self._ws.git, snapshot.commit)
            if tree.entries.get(metrics) != entry:
                continue
            before = open_tree(self._ws.git, snapshot.base).entries if snapshot.base else {}
            is_new = before.get(metrics) != entry
            if is_new and not _list_differences(self.tree, tree, self.relevant(metrics)):
                return True
        return False

    def iter_equal_snapshots(self, metrics: str) -> Iterator[GitTree]:
        """Yield the trees of snapshots around this commit that have its code for ``metrics``."""
        relevant = self.relevant(metrics)
        for snapshot in self.snapshots:
            tree = open_tree(self._ws.git, snapshot.commit)
            if not _list_differences(self.tree, tree, relevant):
                yield tree

    @cached_property
    def parents(self) -> tuple[str, ...]:
        """The full ids of the commit's parents."""
        words = ("rev-list", "--parents", "--max-count=1", self.commit, "--")
        return tuple(run_git(self._ws.git, *words).decode("ascii").split()[1:])

    @cached_property
    def snapshots(self) -> list[Listed]:
        """The snapshots that are tied to this commit, or to one before it, newest first."""
        bases = {self.commit, *self.parents, *([] if self.parents else [None])}
        return [one for one in self._all_snapshots if one.base in bases]

    @cached_property
    def _all_snapshots(self) -> list[Listed]:
        try:
            return list_all_snapshots(self._ws.git)[:_ASKED_SNAPSHOTS]
        except MlopsError:
            return []

    def find_other_code(self) -> list[OtherCode]:
        """Return the snapshots whose metrics this commit records, and whose code it lacks.

        Only snapshots count that were taken before it, and of code only what decides the metrics.
        A metrics file that a snapshot has with the commit's code is well; one that no snapshot has
        cannot be judged.
        """
        parents = [open_tree(self._ws.git, parent).entries for parent in self.parents]
        found: list[OtherCode] = []
        for path in self.metrics:
            entry = self.tree.entries[path]
            if any(tree.get(path) == entry for tree in parents):
                continue
            other = self._find_other_code(path, entry) if self.sources(path) else None
            if other is not None and other not in found:
                found.append(other)
        return found

    def _find_other_code(self, metrics: str, entry: TreeEntry) -> OtherCode | None:
        first: OtherCode | None = None
        for snapshot in self.snapshots:
            tree = open_tree(self._ws.git, snapshot.commit)
            if snapshot.base == self.commit or tree.entries.get(metrics) != entry:
                continue
            paths = _list_differences(self.tree, tree, self.relevant(metrics))
            if not paths:
                return None
            name = snapshot.name or snapshot.id
            first = first or OtherCode(name, snapshot.commit[:10], self.short, tuple(paths))
        return first


def _list_differences(
    commit: GitTree, snapshot: GitTree, relevant: Callable[[str], bool]
) -> list[str]:
    """Return the files that a snapshot has otherwise than a commit, sorted."""
    here, there = commit.entries, snapshot.entries
    paths = {path for path in {*here, *there} if relevant(path)}
    return sorted(path for path in paths if here.get(path) != there.get(path))
