"""What Git made of files that differ from the index, kept so that it is not made again.

An executed notebook stays different from the index until it is committed, and running its filter
costs more than all the rest of a snapshot.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import remove, write_atomic
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.ids import hash_bytes

_ALL_FILES = "dirty-files"
_SETTLED_NS = 2_000_000_000
"""A file changed again this soon may keep the times it has."""


class FileState(NamedTuple):
    """What tells one state of a file from another, without its content."""

    inode: int
    mode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int


class _Kept(NamedTuple):
    state: FileState
    checked_at_ns: int
    mode: str
    oid: str


class _CacheFile(msgspec.Struct, array_like=True):
    rules: str
    kept: dict[str, _Kept]


class DirtyCache:
    """Blobs by path and state of the file; made by :func:`read_dirty_cache`."""

    def __init__(self, name: str, rules: str, kept: Mapping[str, _Kept]) -> None:
        self._name = name
        self._rules = rules
        self._kept = kept
        self._next: dict[str, _Kept] = {}

    def find(self, path: str, state: FileState, now_ns: int) -> tuple[str, str] | None:
        """Return mode and blob of ``path`` when it certainly is as it was; it is then kept on."""
        kept = self._kept.get(path)
        if kept is None or kept.state != state:
            return None
        if not max(state.mtime_ns, state.ctime_ns) + _SETTLED_NS < kept.checked_at_ns <= now_ns:
            return None
        self._next[path] = kept
        return kept.mode, kept.oid

    def record(self, path: str, state: FileState, now_ns: int, mode: str, oid: str) -> None:
        """Remember what Git made of ``path``, whose state was read at ``now_ns``, before that."""
        self._next[path] = _Kept(state, now_ns, mode, oid)

    def write(self, repo: Repository) -> None:
        """Write what was found and recorded, atomically; a cache that cannot be written is none."""
        encodable = {path: kept for path, kept in self._next.items() if _is_text(path)}
        if encodable == self._kept:
            return
        content = msgspec.msgpack.encode(_CacheFile(self._rules, encodable))
        with suppress(UnavailableError):
            write_atomic(repo.state_dir / self._name, content, durable=False)


def read_dirty_cache(repo: Repository, paths: Iterable[str], name: str = _ALL_FILES) -> DirtyCache:
    """Return the cache for ``paths``; empty when damaged, or when filters' rules have changed.

    Those who look at other files than all that differ have a cache of their own, by its ``name``.
    """
    rules = _read_rules(repo, paths)
    try:
        cache = msgspec.msgpack.decode((repo.state_dir / name).read_bytes(), type=_CacheFile)
    except (OSError, ValueError, RecursionError):
        return DirtyCache(name, rules, {})
    return DirtyCache(name, rules, cache.kept if cache.rules == rules else {})


def clear_dirty_cache(repo: Repository) -> None:
    """Forget everything that was kept."""
    with suppress(UnavailableError):
        remove(repo.state_dir / _ALL_FILES)


def file_state(found: os.stat_result) -> FileState:
    """Return the state of the file that ``found`` describes."""
    return FileState(
        inode=found.st_ino,
        mode=stat.S_IFMT(found.st_mode) | (found.st_mode & stat.S_IXUSR),
        size_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
        ctime_ns=found.st_ctime_ns,
    )


def _read_rules(repo: Repository, paths: Iterable[str]) -> str:
    """Return a digest of the states of all files that say which filter ``paths`` go through."""
    home = Path.home()
    global_config = os.environ.get("GIT_CONFIG_GLOBAL")
    files = [
        Path(global_config) if global_config else home / ".gitconfig",
        home / ".config" / "git" / "config",
        home / ".config" / "git" / "attributes",
        repo.common_dir / "config",
        repo.git_dir / "config.worktree",
        repo.common_dir / "info" / "attributes",
    ]
    folders = {""}
    for path in paths:
        while (path := path.rpartition("/")[0]) not in folders:
            folders.add(path)
    files += [repo.root / folder / ".gitattributes" for folder in sorted(folders)]
    states: list[tuple[bytes, FileState | None]] = []
    for file in files:
        try:
            states.append((os.fsencode(file), file_state(file.stat())))
        except OSError:
            states.append((os.fsencode(file), None))
    return hash_bytes(repr(states).encode("ascii")).hex()


def _is_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
