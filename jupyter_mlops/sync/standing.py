"""How the tracked data of a worktree stands to the remotes, as far as this clone knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from jupyter_mlops.errors import MlopsError, NotFoundError, UnavailableError, UsageError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.git.config import read_remote_settings
from jupyter_mlops.git.listing import list_uncommitted
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.reader import has_file, read_manifest
from jupyter_mlops.objects.store import Store
from jupyter_mlops.snapshots.content import pointer_entries, read_entries
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.scan import Present
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import PathStatus
from jupyter_mlops.snapshots.tracked import pointer_path
from jupyter_mlops.storage.url import parse_url
from jupyter_mlops.sync.last_seen import LastSeen, cache_folder

_FEW = 4
_OF_FILES = (RecordKind.CHUNK, RecordKind.FILE)
_KEPT = (State.CLEAN, State.MISSING)
_RESTORED = (State.MISSING, State.BEHIND, State.DIVERGED)


@dataclass(frozen=True, slots=True)
class Standing:
    """Tracked paths by where their content is; what was erased is nowhere, and nowhere lacking.

    ``not_pushed`` have content here that no remote is known to have, ``only_here_bytes`` is how
    much of it is on disk, equal content counted once. Of these, ``not_committed`` are as their
    pointers say, and HEAD does not have the pointers, so that a push passes them over.
    ``not_pulled`` are to be restored, and this machine lacks content for it; told only where there
    is a remote.
    """

    not_pushed: frozenset[str]
    only_here_bytes: int
    not_committed: frozenset[str]
    not_pulled: frozenset[str]


def find_standing(handles: Handles, statuses: Sequence[PathStatus]) -> Standing:
    """Say how tracked paths stand to the remotes as these were last seen; nothing is asked of them.

    A manifest that a remote has stands for all that it names, as a push puts both or neither.
    """
    view = _View(handles.store, read_last_seen(handles))
    only_here: dict[Hash, int] = {}
    not_pushed: dict[str, State] = {}
    for one in statuses:
        lacking = view.lacking(one.present) if one.present is not None else {}
        only_here.update(lacking)
        if lacking or view.is_unpushed(one):
            not_pushed[one.path] = one.state
    not_committed: frozenset[str] = frozenset()
    not_pulled: frozenset[str] = frozenset()
    if handles.config.remotes:
        kept = [path for path, state in not_pushed.items() if state in _KEPT]
        not_committed = find_uncommitted(handles, kept)
        not_pulled = frozenset(s.path for s in statuses if _lacks_content(handles.store, s))
    size_bytes = sum(only_here.values())
    return Standing(frozenset(not_pushed), size_bytes, not_committed, not_pulled)


def find_uncommitted(handles: Handles, paths: Iterable[str]) -> frozenset[str]:
    """Return those of ``paths`` whose pointers HEAD does not have as Git's index has them."""
    by_pointer = {pointer_path(path): path for path in paths}
    if not by_pointer:
        return frozenset()
    differing = list_uncommitted(handles.git, f"*{POINTER_SUFFIX}")
    return frozenset(path for pointer, path in by_pointer.items() if pointer in differing)


def read_last_seen(handles: Handles) -> list[LastSeen]:
    """Return what the remotes of the project had when this clone last looked at them.

    What was seen at another place than the remote is at now does not count.
    """
    found: list[LastSeen] = []
    for name, remote in handles.config.remotes.items():
        seen = LastSeen(cache_folder(handles.store, name))
        if seen.place is not None:
            with suppress(UsageError):
                if seen.place == parse_url(remote.url).text or seen.place == _own(handles, name):
                    found.append(seen)
    return found


def _own(handles: Handles, name: str) -> str | None:
    """Return the place that a remote has for this clone alone."""
    url = read_remote_settings(handles.git, name).get("url")
    return parse_url(url).text if url else None


@dataclass(frozen=True, slots=True)
class _View:
    store: Store
    remotes: Sequence[LastSeen]

    def lacking(self, present: Present) -> dict[Hash, int]:
        """Return the pieces of what is on disk that no remote has, and their bytes."""
        erased = self.store.erased
        if not self.remotes:
            return {id: size for id, size in present.iter_contents() if id not in erased}
        if self._has_folder(present.content):
            return {}
        known: set[str] = set()
        if present.is_folder:
            direct = present.folder.direct.items()
            known = {name for name, entry in direct if self._has_folder(entry)}
        contents: dict[Hash, int] = {}
        for prefix, part in present.parts.items():
            if prefix.partition("/")[0] not in known:
                contents.update(one for one in part.iter_contents() if one[0] not in erased)
        pieces: dict[Hash, int] = {}
        for id in self._lacking_files(contents):
            pieces.update(self._split(id, contents[id]))
        return pieces

    def is_unpushed(self, one: PathStatus) -> bool:
        """Return whether no remote has all of what is here and the path's pointer names."""
        pointer = one.tracked.pointer
        if pointer is None:
            return False
        entries = list(pointer_entries(pointer).values())
        if one.state is State.CLEAN:
            entries = [entry for entry in entries if entry.mode is Mode.FOLDER]
        elif one.state is not State.MISSING:
            return False
        return any(not self._has(entry) and has_file(self.store, entry) for entry in entries)

    def _lacking_files(self, contents: Mapping[Hash, int]) -> list[Hash]:
        left = [id for id, size_bytes in contents.items() if size_bytes]
        for remote in self.remotes:
            if remote.records_count <= _FEW * len(left):
                names = remote.read_names()
                left = [id for id in left if id not in names]
            else:
                left = [id for id in left if not any(remote.has(kind, id) for kind in _OF_FILES)]
        return left

    def _has(self, entry: Entry) -> bool:
        if entry.mode is Mode.FOLDER:
            return entry.hash == EMPTY_TREE_HASH or self._has_folder(entry)
        return not self._lacking_files({entry.hash: entry.size_bytes})

    def _has_folder(self, entry: Entry) -> bool:
        is_folder = entry.mode is Mode.FOLDER
        return is_folder and self._is_named(RecordKind.TREE, entry.hash)

    def _is_named(self, kind: RecordKind, id: Hash) -> bool:
        return any(remote.has(kind, id) for remote in self.remotes)

    def _split(self, id: Hash, size_bytes: int) -> dict[Hash, int]:
        """Return the chunks of a file that no remote has; all of it where the store lacks it."""
        try:
            refs = read_manifest(self.store, Entry(Mode.FILE, id, size_bytes)).chunks
        except MlopsError:
            return {id: size_bytes}
        lacking = (ref for ref in refs if not self._is_named(RecordKind.CHUNK, ref.hash))
        return {ref.hash: ref.size_bytes for ref in lacking}


def _lacks_content(store: Store, one: PathStatus) -> bool:
    if one.tracked.pointer is None or one.state not in _RESTORED:
        return False
    try:
        entries = read_entries(store, one.tracked.pointer).values()
    except (NotFoundError, UnavailableError):
        return True
    here = dict(one.present.iter_contents()) if one.present is not None else {}
    files = (entry for entry in entries if entry.mode is not Mode.FOLDER)
    return any(
        entry.hash not in here and entry.hash not in store.erased and not has_file(store, entry)
        for entry in files
    )
