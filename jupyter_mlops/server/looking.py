"""What can be seen of a project by looking at the times of a few files. Belongs in a thread."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import nlargest
from itertools import islice
from pathlib import Path

from jupyter_mlops.commands.workspace import read_config
from jupyter_mlops.config import CONFIG_NAME, Config
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.metrics.patterns import compile_patterns, literal_folders
from jupyter_mlops.server.living import Living
from jupyter_mlops.server.places import find_project, relative_to_root

KINDS = ("git", "store", "run", "config", "project")
"""What can move."""

FOLDER_LIMIT = 1000
"""How many folders of references are looked at."""
FILE_LIMIT = 500
"""How many files of metrics and parameters are looked at."""
ENTRY_LIMIT = 20_000
"""How many files and folders are looked through for those, and how many runs for the newest."""
RUN_LIMIT = 50
"""How many runs' series are looked at, the newest ones."""
TURN_LIMIT = 100
"""How many of the other runs are looked at in one look: each has its turn."""

_SERIES_LIMIT = 16
_SERIES_SUFFIX = ".jsonl"
_RACY_NS = 50_000_000

_WORKTREE_FILES = (
    *("HEAD", "logs/HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"),
    *("rebase-merge", "rebase-apply"),
)
_COMMON_FILES = ("packed-refs", "reftable/tables.list", "shallow")
_STORE_FOLDERS = ("packs", "index", "verifications")
_REMOTES_FOLDER = "remotes"
_STATE_FOLDERS = ("origins", "operations", "journals")

Stamp = tuple[int, ...] | None


class Sight:
    """One project, or a folder that may become one, looked at again and again.

    A look costs a bounded number of ``stat`` calls, and reads a folder only when its time moved.
    What is past the limits of this module is not seen.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder
        self._gates: tuple[Stamp, ...] | None = None
        self._repository: Repository | None = None
        self._place = relative_to_root(root, folder)
        self._seen: dict[str, object] = {}
        self._views: dict[str, Callable[[int], object]] = {}
        self._find()
        self.look()

    @property
    def place(self) -> str:
        """Where the project is or was, or the folder, relative to the server's root."""
        return self._place

    def look(self) -> tuple[str, ...]:
        """Return which of :data:`KINDS` moved since the last look."""
        had = self._repository is not None
        self._find()
        has = self._repository is not None
        if has:
            now_ns = time.time_ns()
            before = self._seen
            self._seen = {kind: view(now_ns) for kind, view in self._views.items()}
            self._seen["project"] = self._seen["config"] is not None
        if has and had:
            return tuple(kind for kind in KINDS if self._seen[kind] != before.get(kind))
        return () if has == had else ("project",)

    def _find(self) -> None:
        """Find the repository where one came, forget it where it went."""
        if self._repository is not None:
            if os.path.lexists(self._repository.git_dir / "HEAD"):
                return
            self._repository, self._gates = None, None
        gates = tuple(_stamp(folder / ".git", 0) for folder in self._folders_above())
        if gates == self._gates:
            return
        self._gates = gates
        try:
            self._repository = find_project(self._root, self._folder) if any(gates) else None
        except MlopsError:
            self._repository = None
        if self._repository is not None:
            self._place = relative_to_root(self._root, self._repository.root)
            self._views = _make_views(self._repository)

    def _folders_above(self) -> Iterator[Path]:
        for folder in (self._folder, *self._folder.parents):
            yield folder
            if folder == self._root:
                return


def _make_views(repository: Repository) -> dict[str, Callable[[int], object]]:
    config = _ConfigView(repository.root)
    references = [
        FolderTree(folder / "refs") for folder in {repository.common_dir, repository.git_dir}
    ]
    git = [repository.git_dir / name for name in _WORKTREE_FILES]
    git += [repository.common_dir / name for name in _COMMON_FILES]
    store = [repository.store_dir / name for name in _STORE_FOLDERS]
    store += [repository.state_dir / name for name in _STATE_FOLDERS]
    remotes = FolderTree(repository.store_dir / _REMOTES_FOLDER)
    logged = LoggedFiles(repository.root, lambda: _patterns(config.config))
    series = Series(repository.store_dir / "runs")
    living = Living()

    def look_at_git(now_ns: int) -> object:
        return _stamps(git, now_ns), [tree.look(now_ns) for tree in references]

    def look_at_runs(now_ns: int) -> object:
        written = series.look(now_ns)
        return logged.look(now_ns), written, living.look(path for path, _ in written)

    return {
        "git": look_at_git,
        "store": lambda now_ns: (_stamps(store, now_ns), remotes.look(now_ns)),
        "config": config.look,
        "run": look_at_runs,
    }


class Disk:
    """What a look asks the disk."""

    def stamp(self, path: str, now_ns: int) -> Stamp:
        """Return what changes when the file or folder does; None where there is none."""
        return _stamp(path, now_ns)

    def list_entries(self, folder: str, limit: int) -> list[os.DirEntry[str]]:
        """Return ``limit`` entries at most, by their names; none where there is no such folder."""
        return _scan(folder, limit)


class FolderTree:
    """The times of a folder and of all below it, the first ``limit`` of them.

    Whoever writes a file by renaming, as Git does with references, moves its folder's time.
    """

    def __init__(self, start: Path, limit: int = FOLDER_LIMIT) -> None:
        self._start = str(start)
        self._limit = limit
        self._below: dict[str, tuple[Stamp, list[str]]] = {}

    def look(self, now_ns: int) -> list[tuple[str, Stamp]]:
        """Return every folder with its stamp."""
        found: list[tuple[str, Stamp]] = []
        below: dict[str, tuple[Stamp, list[str]]] = {}
        waiting = [self._start]
        while waiting and len(found) < self._limit:
            folder = waiting.pop()
            stamp = _stamp(folder, now_ns)
            found.append((folder, stamp))
            known = self._below.get(folder)
            if known is None or known[0] != stamp:
                known = (stamp, [] if stamp is None else _list_folders(folder))
            below[folder] = known
            waiting += known[1]
        self._below = below
        return found


class _ConfigView:
    """``mlops.toml``, read again when it moved; what is not valid counts as empty."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stamp: Stamp = ()
        self.config = Config()

    def look(self, now_ns: int) -> Stamp:
        stamp = _stamp(self._root / CONFIG_NAME, now_ns)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self.config = read_config(self._root)
            except MlopsError:
                self.config = Config()
        return stamp


@dataclass(frozen=True, slots=True)
class _Listed:
    """What a folder of metrics held when its stamp was this; ``count`` is that of its entries."""

    stamp: Stamp
    count: int
    folders: tuple[str, ...]
    files: tuple[str, ...]


class LoggedFiles:
    """The files below ``root`` that match the patterns which ``read_patterns`` returns.

    The first :data:`FILE_LIMIT` of them are looked at, in folders with ``entry_limit`` files and
    folders together; files that do not match count among these alone.
    """

    def __init__(
        self,
        root: Path,
        read_patterns: Callable[[], tuple[str, ...]],
        disk: Disk | None = None,
        entry_limit: int = ENTRY_LIMIT,
    ) -> None:
        self._root = root
        self._read_patterns = read_patterns
        self._disk = disk or Disk()
        self._entry_limit = entry_limit
        self._patterns: tuple[str, ...] = ()
        self._listed: dict[str, _Listed] = {}

    def look(self, now_ns: int) -> list[tuple[str, Stamp]]:
        """Return every file with its stamp."""
        patterns = self._read_patterns()
        if patterns != self._patterns:
            self._patterns, self._listed = patterns, {}
        found: list[tuple[str, Stamp]] = []
        listed: dict[str, _Listed] = {}
        left = self._entry_limit
        waiting = deque(literal_folders(patterns))
        while waiting and left > 0 and len(listed) < FOLDER_LIMIT and len(found) < FILE_LIMIT:
            folder = waiting.popleft()
            stamp = self._disk.stamp(str(self._root / folder), now_ns)
            known = self._listed.get(folder)
            if known is None or known.stamp != stamp or known.count > left:
                known = self._list(folder, stamp, left)
            listed[folder] = known
            left -= known.count
            waiting += known.folders
            for path in known.files[: FILE_LIMIT - len(found)]:
                found.append((path, self._disk.stamp(str(self._root / path), now_ns)))
        self._listed = listed
        return found

    def _list(self, folder: str, stamp: Stamp, limit: int) -> _Listed:
        matches = compile_patterns(self._patterns)
        folders: list[str] = []
        files: list[str] = []
        entries = [] if stamp is None else self._disk.list_entries(str(self._root / folder), limit)
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith("."):
                    folders.append(path)
            elif matches(path):
                files.append(path)
        return _Listed(stamp, len(entries), tuple(folders), tuple(files))


class Series:
    """The newest files of the newest runs, among ``entry_limit`` runs at most.

    A run that is none of the newest is seen to go on when its turn comes: :data:`TURN_LIMIT` of
    them are looked at each time.
    """

    def __init__(
        self, folder: Path, disk: Disk | None = None, entry_limit: int = ENTRY_LIMIT
    ) -> None:
        self._folder = str(folder)
        self._disk = disk or Disk()
        self._entry_limit = entry_limit
        self._listed_at: Stamp = None
        self._runs: dict[str, Stamp] = {}
        self._newest: list[str] = []
        self._others: list[str] = []
        self._turn = 0
        self._names: dict[str, tuple[Stamp, list[str]]] = {}

    def look(self, now_ns: int) -> list[tuple[str, Stamp]]:
        """Return every file with its stamp."""
        moved = self._list(now_ns)
        for run in (*self._newest, *self._take_turns()):
            if run in self._runs:
                stamp = self._disk.stamp(run, now_ns)
                moved |= stamp != self._runs[run]
                self._runs[run] = stamp
        if moved:
            self._choose()
        names: dict[str, tuple[Stamp, list[str]]] = {}
        for run in self._newest:
            known = self._names.get(run)
            if known is None or known[0] != self._runs[run]:
                entries = self._disk.list_entries(run, self._entry_limit)
                files = [one.path for one in entries if one.name.endswith(_SERIES_SUFFIX)]
                known = (self._runs[run], files[-_SERIES_LIMIT:])
            names[run] = known
        self._names = names
        return [
            (path, self._disk.stamp(path, now_ns)) for _, files in names.values() for path in files
        ]

    def _list(self, now_ns: int) -> bool:
        """Learn which runs there are, where that changed; return whether it did."""
        stamp = self._disk.stamp(self._folder, now_ns)
        if stamp == self._listed_at:
            return False
        self._listed_at = stamp
        paths = [entry.path for entry in self._disk.list_entries(self._folder, self._entry_limit)]
        known = self._runs
        self._runs = {
            path: known[path] if path in known else self._disk.stamp(path, now_ns) for path in paths
        }
        return True

    def _choose(self) -> None:
        self._newest = nlargest(RUN_LIMIT, self._runs, key=lambda run: self._runs[run] or (0,))
        chosen = set(self._newest)
        self._others = [run for run in self._runs if run not in chosen]

    def _take_turns(self) -> list[str]:
        """Return those of the other runs whose turn it is."""
        if self._turn >= len(self._others):
            self._turn = 0
        taken = self._others[self._turn : self._turn + TURN_LIMIT]
        self._turn += TURN_LIMIT
        return taken


def _patterns(config: Config) -> tuple[str, ...]:
    return (*config.metrics.files, *config.params.files)


def _stamps(paths: Iterable[str | Path], now_ns: int) -> tuple[Stamp, ...]:
    return tuple(_stamp(path, now_ns) for path in paths)


def _stamp(path: str | Path, now_ns: int) -> Stamp:
    """Return what changes when the file or folder does; None where there is none.

    What was changed a moment before ``now_ns`` may change again without a newer time: its stamp is
    equal to none that comes after it.
    """
    try:
        found = os.stat(path)
    except OSError:
        return None
    stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
    if stat.S_ISDIR(found.st_mode):
        stamp = (found.st_mtime_ns, 0, found.st_ino)
    return (*stamp, now_ns) if 0 <= now_ns - found.st_mtime_ns < _RACY_NS else stamp


def _scan(folder: str, limit: int) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(islice(entries, limit), key=lambda entry: entry.name)
    except OSError:
        return []


def _list_folders(folder: str) -> list[str]:
    return [
        entry.path for entry in _scan(folder, ENTRY_LIMIT) if entry.is_dir(follow_symlinks=False)
    ]
