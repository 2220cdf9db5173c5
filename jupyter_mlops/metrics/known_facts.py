"""Facts of a repository: what was kept of an earlier look, and what Git has beside that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.git.history import CommitFiles, iter_history
from jupyter_mlops.git.refs import Ref, list_refs
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.trees import open_blob_reader, read_sizes
from jupyter_mlops.git.view import REPLACE_REFS, is_partial, read_view
from jupyter_mlops.metrics.dvc import DVC_FILES
from jupyter_mlops.metrics.facts import DVC_KIND, UNREAD, Facts, SnapshotPoint
from jupyter_mlops.metrics.facts_cache import cache_path, is_full, read_facts, write_facts
from jupyter_mlops.metrics.gather import Gatherer
from jupyter_mlops.metrics.patterns import plain_patterns
from jupyter_mlops.metrics.read import FILE_LIMIT_BYTES, TOO_LARGE

CACHE_FOLDER = "history"
"""The folder in the store that holds what was kept."""

NOT_FETCHED = "Git has not fetched it"
"""Why a file of a partial clone is left out."""

FETCH_ALL = "git fetch --refetch --no-filter"
"""What makes a partial clone a whole one."""

_NAMED_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Rules:
    """Which files may hold metrics: patterns, and with ``dvc`` what DVC's files name besides."""

    patterns: tuple[str, ...]
    dvc: bool


class KnownFacts:
    """Facts that are read when they are asked for, and kept for the next time; for one thread.

    Nothing is fetched: what a partial clone lacks, ``Facts.absent`` says.

    Args:
        repo: the repository; its store's folder keeps the facts.
        rules: which files are looked at.
        replaced: the references at ``git.view.REPLACE_REFS``.

    Attributes:
        facts: what is known.
    """

    def __init__(self, repo: Repository, rules: Rules, replaced: Sequence[Ref]) -> None:
        self._repo = repo
        self._rules = rules
        self._path = cache_path(repo.store_dir / CACHE_FOLDER, rules)
        self._view = read_view(repo, replaced)
        self._oid_bytes = len(repo.null_oid) // 2
        found = read_facts(self._path, self._view, self._oid_bytes)
        self.facts, self._named = found or (Facts(), [])
        self._is_full = is_full(self._path)
        self._is_new = False

    def add_snapshots(
        self,
        hidden: Sequence[str],
        read_hidden: Callable[[Sequence[str]], Mapping[str, SnapshotPoint]],
    ) -> None:
        """Learn of the snapshots with these hidden commits, and forget all others.

        ``read_hidden`` reads those that are not known yet, without those that are not valid.
        """
        snapshots = self.facts.snapshots
        unknown = [oid for oid in hidden if oid not in snapshots]
        if unknown:
            read = read_hidden(unknown)
            self._is_new = self._is_new or bool(read)
            snapshots = snapshots | dict(read)
        self.facts.snapshots = {oid: snapshots[oid] for oid in hidden if oid in snapshots}

    def add_commits(self, tips: Sequence[str]) -> None:
        """Learn of all commits that ``tips`` reach, full ids; one that is gone is passed over.

        Raises:
            UnavailableError: Git cannot read its history.
        """
        try:
            self._add_unknown(tips)
        except UnavailableError:
            if not self.facts.commits.oids:
                raise
            self._begin_anew()
            self._add_unknown(tips)
        while unseen := _named_files(self.facts) - set(self._named):
            self._named = sorted(unseen.union(self._named))
            self._begin_anew()
            self._add_unknown(tips)

    def keep(self) -> None:
        """Write what was read, unless nothing was, or Git came to see other commits meanwhile."""
        if not self._is_new:
            return
        if read_view(self._repo, list_refs(self._repo, REPLACE_REFS)) == self._view:
            write_facts(self._path, self.facts, self._named, self._view, self._oid_bytes)

    def _begin_anew(self) -> None:
        self.facts = Facts(snapshots=self.facts.snapshots)

    def _add_unknown(self, tips: Sequence[str]) -> None:
        facts = self.facts
        unknown = [tip for tip in dict.fromkeys(tips) if facts.position(tip) is None]
        if not unknown and facts.states.ends and UNREAD not in facts.blobs.shapes:
            return
        gatherer = Gatherer(facts, dvc=self._rules.dvc)
        found = self._read_commits(unknown) if unknown else []
        if found:
            gatherer.add_commits(found)
        read = _read_contents(self._repo, gatherer, facts)
        # what did not fit before is read each time, and would not fit again
        if found or (read and not self._is_full):
            self._is_new = True

    def _read_commits(self, tips: Sequence[str]) -> list[CommitFiles]:
        patterns = (*plain_patterns(self._rules.patterns), *_also(self._rules, self._named))
        known = self.facts.heads()
        try:
            return iter_history(self._repo, tips, patterns, known=known, lenient=True)
        except UnavailableError as error:
            if known or not is_partial(self._repo):
                raise
            raise UnavailableError(
                "The history cannot be read, as this partial clone lacks folders of commits.",
                code="history-not-fetched",
                hints=(FETCH_ALL,),
            ) from error


def _also(rules: Rules, named: Sequence[str]) -> Iterable[str]:
    """Return the patterns of DVC's files, and of those that they name; of many, by their ends."""
    if not rules.dvc:
        return ()
    if len(named) > _NAMED_LIMIT:
        ends = {one.rpartition("/")[2].rpartition(".")[2] for one in named if "." in one}
        return DVC_FILES, *(f"**/*.{end}" for end in sorted(ends))
    return DVC_FILES, *named


def _named_files(facts: Facts) -> set[str]:
    return {
        one
        for blob, kind in enumerate(facts.blobs.kinds)
        if kind.startswith(DVC_KIND)
        for one in facts.named(blob)
    }


def _read_contents(repo: Repository, gatherer: Gatherer, facts: Facts) -> bool:
    """Read the blobs that were not read yet; return whether one of them could be."""
    unread = gatherer.unread()
    if not unread:
        return False
    oids = facts.blobs.oids
    sizes = read_sizes(repo, list(dict.fromkeys(oids[blob] for blob in unread)))
    small: list[int] = []
    absent: list[int] = []
    count = 0
    for blob in unread:
        size = sizes.get(oids[blob])
        if size is None:
            absent.append(blob)
        elif size > FILE_LIMIT_BYTES:
            gatherer.refuse(blob, TOO_LARGE)
            count += 1
        else:
            small.append(blob)
    with open_blob_reader(repo, offline=True) as reader:
        contents = reader.read_each(oids[blob] for blob in small)
        for blob, content in zip(small, contents, strict=True):
            if content is None:
                facts.absent[blob] = "Git could not read it"
            else:
                gatherer.add_content(blob, content)
                count += 1
    if absent:
        why = NOT_FETCHED if is_partial(repo) else "Git has no file with its content"
        facts.absent.update(dict.fromkeys(absent, why))
    return count > 0
