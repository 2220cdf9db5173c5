"""Verdicts on the notebooks of a working tree, and of a revision."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from jupyter_mlops.commands.journals import (
    NOT_RECORDED,
    Journals,
    find_session,
    judge_run,
    judge_session,
    last_ran_at,
    read_journals,
    select_sessions,
)
from jupyter_mlops.commands.verifications import Verification, read_verification
from jupyter_mlops.errors import IntegrityError, MlopsError, NotFoundError, UnsupportedError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.snapshot import RECORD_PATH, decode_snapshot_record
from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.listing import list_index, list_untracked
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import Move, head, list_moves
from jupyter_mlops.git.trees import BlobReader, GitTree, open_blob_reader, open_tree
from jupyter_mlops.notebooks import CHECKPOINTS_FOLDER
from jupyter_mlops.notebooks.canonical import cell_source, iter_cells, parse_notebook
from jupyter_mlops.notebooks.journal import (
    MAX_JOURNALS_BYTES,
    SNAPSHOT_JOURNAL_PATH,
    Session,
    decode_journal,
    hash_source,
    leave_sources_out,
    name_notebooks,
)
from jupyter_mlops.notebooks.secrets import find_secrets
from jupyter_mlops.notebooks.strip import resolve_settings, strip
from jupyter_mlops.notebooks.verdict import Verdict, VerdictWord, unknown
from jupyter_mlops.snapshots.listing import Listed, list_all_snapshots

SUFFIX = ".ipynb"
_SNAPSHOTS_ASKED = 200


class Judged(NamedTuple):
    """The verdict on a run, and what came of running the notebook again, if anybody did.

    ``is_older``: the notebook's file was last written before that run began.
    """

    run: Verdict
    verification: Verification | None = None
    is_older: bool = False


class Collected(NamedTuple):
    """Sessions for a snapshot, and how many sources are left out of them for their secrets."""

    sessions: list[Session]
    secrets: int


class WorktreeVerdicts:
    """Verdicts on the notebooks of a working tree as they are on disk; for one thread."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._tree = WorkTree(repo.root)

    def list_paths(self) -> list[str]:
        """Return the notebooks that Git does not ignore, and those that kernels ran, sorted."""
        untracked = list_untracked(self._repo, [f":(top)*{SUFFIX}"])
        found = (path for path in untracked if CHECKPOINTS_FOLDER not in path.split("/"))
        return sorted({*self._list_known(), *filter(self._exists, found)})

    def _list_known(self) -> list[str]:
        """Return the notebooks that Git tracks, and those that kernels ran, sorted."""
        ran = {path for session in self._journals.sessions for path in session.notebooks}
        return sorted(filter(self._exists, {*self._tracked, *ran}))

    def collect_sessions(self) -> Collected:
        """Return the sessions that the notebooks here are judged by, newest first.

        Each says of all these notebooks that it is theirs. Those older than a journal that is
        damaged are left out: that may be the notebook's. So are sources that show a secret, unless
        the notebook, which Git tracks, has them as well.
        """
        paths: dict[str, list[str]] = {}
        for path in self._list_known():
            with suppress(MlopsError, ValueError):
                session = self._find_session(path)
                if session is not None and not self._is_gits(path, session):
                    paths.setdefault(session.id, []).append(path)
        since, room = self._journals.unreadable_since, MAX_JOURNALS_BYTES
        found: list[Session] = []
        secrets: set[str] = set()
        for session in self._journals.sessions:
            if session.id not in paths or (since is not None and session.began_at <= since):
                continue
            named = name_notebooks(session, paths[session.id])
            secret = self._find_secrets(named, paths[session.id])
            if secret:
                named = leave_sources_out(named, secret)
                secrets |= secret
            room -= len(named.encoded)
            if room < 0:
                break
            found.append(named)
        return Collected(found, len(secrets))

    def _find_secrets(self, session: Session, paths: list[str]) -> set[str]:
        """Return the hashes of sources that show a secret and that no snapshot would have else."""
        known: set[str] = set()
        for path in self._tracked.intersection(paths):
            with suppress(MlopsError, ValueError):
                cells = iter_cells(parse_notebook(self._tree.read(path)))
                known.update(hash_source(cell_source(cell)) for cell in cells)
        sources = {run.source_hash: run.source for run in session.runs}
        return {
            hash
            for hash, source in sources.items()
            if hash not in known and find_secrets({"text": source})
        }

    def _find_session(self, path: str) -> Session | None:
        candidates = select_sessions(self._journals.sessions, path, self._exists)
        if not candidates or path in candidates[0].notebooks:
            return next(iter(candidates), None)
        return find_session(candidates, path, parse_notebook(self._tree.read(path)))

    def judge(self, path: str) -> Judged:
        """Return the verdict on the notebook ``path``, relative to the working tree.

        Raises:
            NotFoundError: there is no such file.
            UnavailableError: it, or the journals, cannot be read.
        """
        content = self._tree.read(path)
        run = self._judge_run(path, content)
        is_older = run.ran_at is not None and self._written_seconds(path) < run.ran_at.timestamp()
        verification = self._find_verification(path, content)
        if verification is not None and _is_spoilt(run, verification.replayed_at):
            verification = None
        return Judged(run, verification, is_older)

    def _written_seconds(self, path: str) -> float:
        try:
            return (self._repo.root / path).lstat().st_mtime
        except OSError:
            return 0.0

    def _judge_run(self, path: str, content: bytes) -> Verdict:
        """Return what the journals say; a notebook that none can be about is not parsed."""
        candidates = select_sessions(self._journals.sessions, path, self._exists)
        if not candidates and self._journals.unreadable_since is None:
            return unknown(NOT_RECORDED)
        try:
            notebook = parse_notebook(content)
        except ValueError as error:
            return unknown(f"the file {error}")
        session = find_session(candidates, path, notebook)
        run = judge_run(session, self._journals, notebook)
        if session is not None and not _is_whole(run) and self._is_gits(path, session):
            return self._judge_head(path)
        return run

    def _judge_head(self, path: str) -> Verdict:
        """Return what is known of HEAD's version of a notebook, which Git wrote here."""
        if self._head is not None:
            run = RevisionVerdicts(self._repo, self._head.oid).judge(path).run
            if run.word is not VerdictWord.UNKNOWN:
                return run
        return unknown("another version of it ran here last, and Git wrote this one since")

    def _is_gits(self, path: str, session: Session) -> bool:
        """Return whether Git wrote the notebook after ``session``, as in a switch, and nobody then.

        That is HEAD's version, where neither HEAD had it when the session ended, nor a commit that
        was made here since, and the session is none of a whole run of it.
        """
        since_seconds = last_ran_at(session).timestamp()
        new = [move for move in self._moves if move.at_seconds > since_seconds]
        if self._head is None or not new or "\n" in path:
            return False
        had = [*self._moves[len(new) :][:1], *(move for move in new if move.is_own)]
        content = self._tree.read(path)
        with open_blob_reader(self._repo) as blobs, suppress(NotFoundError):
            now = blobs.read(f"{self._head.oid}:{path}")
            for move in had:
                with suppress(NotFoundError):
                    if blobs.read(f"{move.commit}:{path}") == now:
                        return False
            return _is_same(self._repo, now, content) and not _is_whole(
                judge_session(session, parse_notebook(content))
            )
        return False

    def _find_verification(self, path: str, content: bytes) -> Verification | None:
        """Return that of HEAD, where HEAD has this very notebook."""
        if self._head is None:
            return None
        found = read_verification(self._repo, self._head.oid, path)
        if found is None:
            return None
        with suppress(NotFoundError):
            if _is_same(self._repo, self._head.read(path), content):
                return found
        return None

    def _exists(self, path: str) -> bool:
        try:
            return self._tree.stat(path) is not None
        except (MlopsError, ValueError):
            return False

    @cached_property
    def _tracked(self) -> frozenset[str]:
        return frozenset(list_index(self._repo, f"*{SUFFIX}"))

    @cached_property
    def _journals(self) -> Journals:
        return read_journals(self._repo)

    @cached_property
    def _moves(self) -> list[Move]:
        return list_moves(self._repo)

    @cached_property
    def _head(self) -> GitTree | None:
        commit = head(self._repo).commit
        return open_tree(self._repo, commit) if commit is not None else None


class RevisionVerdicts:
    """Verdicts on the notebooks of a commit, or of a snapshot's hidden one; for one thread.

    What ran is told by the snapshot itself; of another commit, by the newest snapshot that has this
    very notebook and a journal of it.
    """

    def __init__(self, repo: Repository, commit: str) -> None:
        self._repo = repo
        self._commit = commit
        self._tree = open_tree(repo, commit)

    def list_paths(self) -> list[str]:
        """Return the notebooks of the revision, sorted."""
        return [path for path in self._tree.iter_paths() if path.endswith(SUFFIX)]

    def judge(self, path: str) -> Judged:
        """Return the verdict on the notebook ``path``.

        Raises:
            NotFoundError: the revision has no such file.
        """
        content = self._tree.read(path)
        verification = read_verification(self._repo, self._key, path)
        return Judged(self._judge_run(path, content), verification)

    def _judge_run(self, path: str, content: bytes) -> Verdict:
        try:
            notebook = parse_notebook(content)
        except ValueError as error:
            return unknown(f"the file {error}")
        try:
            session = self._find_session(path, content)
        except IntegrityError:
            return unknown("the journal in the snapshot is damaged")
        except UnsupportedError:
            return unknown("the journal in the snapshot is of a newer version")
        if session is None:
            return unknown("no snapshot of it as it is here has a journal of its run")
        return judge_session(session, notebook)

    def _find_session(self, path: str, content: bytes) -> Session | None:
        with open_blob_reader(self._repo) as blobs:
            if RECORD_PATH in self._tree.entries:
                return _read_session(blobs, self._commit, path)
            if "\n" in path:
                return None  # Git is asked line by line
            for snapshot in islice(self._snapshots, _SNAPSHOTS_ASKED):
                with suppress(NotFoundError):
                    if _is_same(self._repo, blobs.read(f"{snapshot.commit}:{path}"), content):
                        found = _read_session(blobs, snapshot.commit, path)
                        if found is not None:
                            return found
        return None

    @cached_property
    def _key(self) -> str:
        return verification_key(self._repo, self._commit, self._tree)

    @cached_property
    def _snapshots(self) -> list[Listed]:
        return list_all_snapshots(self._repo)


def _is_whole(run: Verdict) -> bool:
    """Return whether all of the notebook ran, once and in order."""
    return run.word is VerdictWord.CLEAN and not run.cells


def _is_spoilt(run: Verdict, replayed_at: datetime) -> bool:
    """Return whether what the notebook shows is of a run since, which running all may not repeat.

    A clean one comes to what the replay did.
    """
    return run.word is not VerdictWord.CLEAN and run.ran_at is not None and run.ran_at > replayed_at


def _is_same(repo: Repository, content: bytes, other: bytes) -> bool:
    """Return whether two notebooks are the same but for what stripping takes away."""
    if content == other:
        return True
    settings = resolve_settings(*read_nbstripout_settings(repo))
    return strip(content, settings).notebook == strip(other, settings).notebook


def _read_session(blobs: BlobReader, commit: str, path: str) -> Session | None:
    """Return the session of the notebook ``path`` that a snapshot keeps."""
    try:
        encoded = blobs.read(f"{commit}:{SNAPSHOT_JOURNAL_PATH}")
    except NotFoundError:
        return None
    sessions = decode_journal(encoded, origin=f"in {commit[:10]}")
    of_path = [session for session in sessions if path in session.notebooks]
    return max(of_path, key=last_ran_at, default=None)


def verification_key(repo: Repository, commit: str, tree: GitTree) -> str:
    """Return what verifications of a commit are kept under: of a snapshot's, its id.

    Giving a snapshot a name makes another hidden commit of it, and no other state.
    """
    if RECORD_PATH not in tree.entries:
        return commit
    try:
        return decode_snapshot_record(tree.read(RECORD_PATH), origin=commit[:10]).id
    except MlopsError:
        return commit
