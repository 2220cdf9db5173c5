"""Writes down which cells a kernel runs; docs/formats/journal.md."""

from __future__ import annotations

import os
import secrets
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.clock import Clock, SystemClock
from jupyter_mlops.commands.journals import (
    UNRECORDED_VARIABLE,
    journal_name,
    journals_folder,
)
from jupyter_mlops.commands.kernel import claim_notebook, find_notebook
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.append import append_bytes
from jupyter_mlops.files.durable import iter_names, make_folder, remove
from jupyter_mlops.files.own import read_own_file
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.notebooks.journal import (
    FORMAT,
    MAX_JOURNAL_BYTES,
    MAX_JOURNALS_BYTES,
    EndLine,
    JournalEncoder,
    Line,
    NotebookLine,
    Outcome,
    SessionLine,
    SourceLine,
    StopLine,
    format_moment,
    hash_source,
    run_line,
    source_line,
)

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_KEPT_JOURNALS = 64
_KEPT_NAMELESS = 16
_STOP_BYTES = 64
_WAITING_LETTERS = 2 * MAX_JOURNAL_BYTES
_LINE_LETTERS = 400
_RIGHTS = 0o600
_SEARCH_SECONDS = 5.0


class Recorder:
    """Writes the journal of one kernel's session; nothing that goes wrong here reaches a cell.

    Lines wait until the project is known, which a thread of its own finds out, and are written at
    once from then on, before the next line of the cell's code runs. A journal that cannot be
    written whole is removed: none is better than one with gaps. There is none either where
    :data:`UNRECORDED_VARIABLE` is set.
    """

    def __init__(self, shell: InteractiveShell, clock: Clock | None = None) -> None:
        claim_notebook()
        self._shell = shell
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._encoder = JournalEncoder()
        self._session_id = secrets.token_hex(16)
        self._waiting: list[Line] = []
        self._waiting_letters = 0
        self._known: set[str] = set()
        self._open: dict[int, list[tuple[int, float] | None]] = {}
        self._count = 0
        self._began_at: datetime | None = None
        self._file: Path | None = None
        self._root: Path | None = None
        self._notebook: str | None = None
        self._written_bytes = 0
        self._is_over = bool(os.environ.get(UNRECORDED_VARIABLE))
        self._search: threading.Thread | None = None

    def begin_cell(self, info: Any) -> None:
        """Note that a cell begins to run: IPython's ``pre_run_cell``."""
        with self._lock, self._harmless():
            if self._is_over:
                return
            self._begin_session(())
            stack = self._open.setdefault(threading.get_ident(), [])
            if not info.store_history or info.silent:
                stack.append(None)
                return
            at, seconds = self._clock.now(), self._clock.monotonic_seconds()
            cell_id = getattr(info, "cell_id", None)
            stack.append((self._add_run(info.raw_cell, cell_id, at), seconds))
            self._write()

    def end_cell(self, result: Any) -> None:
        """Note how a cell ended: IPython's ``post_run_cell``; what it logged is not looked at."""
        with self._lock, self._harmless():
            if self._is_over:
                return
            info = getattr(result, "info", None)
            stack = self._open.get(threading.get_ident(), [])
            if info is not None and not (info.raw_cell or "").strip():
                return  # IPython runs nothing and does not say that it begins
            if not stack:
                if info is not None and info.store_history and not info.silent:
                    self._begin_session((info.raw_cell,))
                    number = self._add_run(info.raw_cell, getattr(info, "cell_id", None), None)
                    self._add(EndLine(number, _outcome(result)))
                    self._write()
                return
            run = stack.pop()
            if run is not None:
                number, began_seconds = run
                took_seconds = max(0.0, self._clock.monotonic_seconds() - began_seconds)
                self._add(EndLine(number, _outcome(result), round(took_seconds, 6)))
                self._write()

    def look_again(self) -> None:
        """Have all lines written, and note which notebook this is by now.

        The project is looked for again where there was none.
        """
        with self._lock, self._harmless():
            if self._began_at is not None and self._file is None and not self._is_over:
                self._search_project()
        if self._search is not None:
            self._search.join(_SEARCH_SECONDS)
        with self._lock, self._harmless():
            self._note_notebook()
            self._write()

    def stop(self) -> None:
        """End the journal: what runs from now on is not in it."""
        with self._lock, self._harmless():
            if self._file is not None:
                self._add(StopLine())
                self._write()
            self._is_over = True
            self._waiting.clear()

    def _begin_session(self, under_way: tuple[str, ...]) -> None:
        """Begin with the cells that ran before, of which ``under_way`` is the last one."""
        if self._began_at is not None:
            return
        self._began_at = self._clock.now()
        line = SessionLine(FORMAT, self._session_id, format_moment(self._began_at), os.getpid())
        self._waiting.append(line)
        history = self._shell.history_manager
        earlier = list(history.input_hist_raw[1:]) if history is not None else []
        if under_way and earlier and earlier[-1] == under_way[0].rstrip("\n"):
            earlier.pop()
        for source in earlier:
            self._add_run(source, None, None)
        self._search_project()

    def _add_run(self, source: str, cell_id: object, at: datetime | None) -> int:
        hash = hash_source(source)
        if hash not in self._known:
            self._known.add(hash)
            self._add(source_line(source, hash))
        self._count += 1
        self._add(run_line(self._count, hash, cell_id, at))
        return self._count

    def _add(self, line: Line) -> None:
        if not self._is_over:
            self._waiting.append(line)
            text = line.text if isinstance(line, SourceLine) else ""
            self._waiting_letters += len(text) + _LINE_LETTERS
            if self._waiting_letters > _WAITING_LETTERS:
                self._give_up()

    def _write(self) -> None:
        """Append what waits, where the project is known."""
        if self._file is None or self._is_over or not self._waiting:
            return
        encoded = bytearray()
        for line in self._waiting:
            room_bytes = MAX_JOURNAL_BYTES - _STOP_BYTES - self._written_bytes - len(encoded)
            one = self._encoder.encode_if_small(line, room_bytes)
            if one is None:
                encoded += self._encoder.encode(StopLine())
                self._is_over = True
                break
            encoded += one
        self._waiting.clear()
        self._waiting_letters = 0
        append_bytes(self._file, encoded, create=not self._written_bytes, mode=_RIGHTS)
        self._written_bytes += len(encoded)

    def _search_project(self) -> None:
        if self._search is None or not self._search.is_alive():
            named = find_notebook(self._shell)
            start = named.parent if named is not None else Path.cwd()
            self._search = threading.Thread(
                target=self._find_project, args=(start,), name="mlops-journal", daemon=True
            )
            self._search.start()

    def _find_project(self, start: Path) -> None:
        try:
            repo = open_repository(start)
            if not (repo.root / CONFIG_NAME).is_file() or self._began_at is None:
                return
            folder = journals_folder(repo)
            if folder.is_symlink():
                return
            make_folder(folder)
            _remove_oldest(folder)
        except (MlopsError, OSError):
            return
        with self._lock, self._harmless():
            self._file = folder / journal_name(self._began_at, self._session_id)
            self._root = repo.root
            self._note_notebook()
            self._write()

    def _note_notebook(self) -> None:
        """Note the notebook's path where it is another one than before, or was not known yet."""
        if self._root is None or self._is_over:
            return
        named = find_notebook(self._shell)
        path = _beneath(self._root, named) if named is not None else None
        if path is not None and path != self._notebook:
            self._notebook = path
            # The first line stays the first one.
            self._waiting.insert(0 if self._written_bytes else 1, NotebookLine(path))

    def _harmless(self) -> _Harmless:
        return _Harmless(self)

    def _give_up(self) -> None:
        """Leave no journal that lacks something."""
        self._is_over = True
        self._waiting.clear()
        if self._file is not None:
            with suppress(Exception):
                remove(self._file)


class _Harmless:
    """Keeps what goes wrong from the user's cell; what was written until then goes."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> bool:
        if kind is None:
            return False
        self._recorder._give_up()
        return issubclass(kind, Exception)


def _outcome(result: Any) -> Outcome:
    if result is None:
        return "failed"
    if result.error_before_exec is not None:
        return "not-run"
    return "ok" if result.error_in_exec is None else "failed"


def _beneath(root: Path, notebook: Path) -> str | None:
    for full in (notebook, Path(os.path.realpath(notebook.parent), notebook.name)):
        if full.is_relative_to(root):
            return full.relative_to(root).as_posix()
    return None


def _remove_oldest(folder: Path) -> None:
    """Make room for one more journal: those that were written to last stay.

    Of those that name no notebook, as papermill's, there are a few only.
    """
    stats = []
    for name in iter_names(folder):
        with suppress(OSError):
            found = os.lstat(folder / name)
            stats.append((found.st_mtime_ns, name, found.st_size))
    kept = nameless = total_bytes = 0
    for _, name, size_bytes in sorted(stats, reverse=True):
        is_nameless = not _names_notebook(folder / name)
        is_full = kept >= _KEPT_JOURNALS - 1 or (is_nameless and nameless >= _KEPT_NAMELESS - 1)
        if is_full or total_bytes + size_bytes > MAX_JOURNALS_BYTES - MAX_JOURNAL_BYTES:
            remove(folder / name)
            continue
        kept += 1
        nameless += is_nameless
        total_bytes += size_bytes


def _names_notebook(file: Path) -> bool:
    found = read_own_file(file, MAX_JOURNAL_BYTES)
    return found is not None and b' {"what":"notebook",' in found.content
