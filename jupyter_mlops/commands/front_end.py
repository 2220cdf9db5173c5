"""JupyterLab's side of a kernel: which notebook it shows, and having it saved.

Both sides speak by files beside the kernel's connection file and by a comm, as docs/rest.md says
under "Notebooks that are saved before a snapshot". Nothing here waits for a message to the kernel:
it takes none while a cell runs.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from jupyter_mlops.clock import Clock, SystemClock
from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files import durable
from jupyter_mlops.files.own import read_own_file
from jupyter_mlops.text import visible

COMM_TARGET = "jupyter-mlops"
"""The target of the comm that asks for a save."""

CLIENT_PATTERN = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
REQUEST_PATTERN = r"[0-9a-f]{32}"

_SUFFIX = ".ipynb"
_FILE_LIMIT_BYTES = 64 * 1024
_WHY_LIMIT = 200
_CLIENTS_ASKED = 3
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.05
_ABANDONED_SECONDS = 60
_ELSEWHERE = "JupyterLab saved it where this kernel does not see it"


@dataclass(frozen=True, slots=True)
class KernelFiles:
    """The files that Jupyter's server leaves for one kernel: their folder, and the kernel's id."""

    folder: Path
    kernel: str

    def client(self, client: str) -> Path:
        """The file that says that ``client`` shows the kernel's notebook."""
        return self.folder / f"mlops-client-{self.kernel}-{client}.json"

    def save(self, request: str) -> Path:
        """The file that says how far a save that was asked for is."""
        return self.folder / f"mlops-save-{self.kernel}-{request}.json"


@dataclass(frozen=True, slots=True)
class Client:
    """One that shows the kernel's notebook; the file ``notebook`` need not be there."""

    id: str
    notebook: Path


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take to begin to save, and from then on to be done."""

    begin_seconds: float = 1.0
    save_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of a save that was asked for.

    ``notebook`` is the notebook's file, where a client named one that is there. ``why`` completes
    a sentence that says that it was not saved.
    """

    notebook: Path | None
    done: bool
    why: str | None = None


OpenComm = Callable[[dict[str, object]], AbstractContextManager[object]]
"""Opens a comm of the target :data:`COMM_TARGET` with the given data, and closes it on exit."""


class _ClientFile(msgspec.Struct):
    path: str


class _SaveFile(msgspec.Struct):
    path: str
    state: Literal["begun", "saved", "failed"]
    why: str | None = None


_File = TypeVar("_File", _ClientFile, _SaveFile)


def list_clients(files: KernelFiles) -> list[Client]:
    """Return the clients of a kernel, the one that said so last first; looks at the disk only.

    A file that is not as it should be, or is another user's, counts as not there.
    """
    found: list[tuple[int, Client]] = []
    for client, path in _iter_files(files.client, CLIENT_PATTERN):
        told = _read_own(path, _ClientFile)
        notebook = _parse_notebook_path(told[1].path) if told is not None else None
        if told is not None and notebook is not None:
            found.append((told[0], Client(client, notebook)))
    found.sort(key=lambda one: (one[0], one[1].id), reverse=True)
    return [client for _, client in found]


def save_notebook(
    files: KernelFiles,
    open_comm: OpenComm,
    patience: Patience | None = None,
    *,
    clock: Clock | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Saved | None:
    """Have the newest client save the kernel's notebook; None, at once, where there is no client.

    A client that does not begin is forgotten, and the next one is asked, three at most. Whatever
    goes wrong is told by what is returned. An interrupt ends the wait; no file of a request is left
    behind.
    """
    patience, clock = patience or Patience(), clock or SystemClock()
    _clear_abandoned(files, clock)
    clients = list_clients(files)
    for client in clients[:_CLIENTS_ASKED]:
        request = secrets.token_hex(16)
        data: dict[str, object] = {"op": "save", "client": client.id, "request": request}
        try:
            with open_comm(data):
                saved = _wait(files.save(request), patience, clock, sleep)
        except Exception as error:  # whatever the channel has, the snapshot must be taken
            return Saved(None, False, f"JupyterLab could not be asked ({type(error).__name__})")
        finally:
            _remove(files.save(request))
        if saved is not None:
            return saved
        _remove(files.client(client.id))
    return Saved(None, False, "JupyterLab did not answer") if clients else None


def _wait(
    path: Path, patience: Patience, clock: Clock, sleep: Callable[[float], None]
) -> Saved | None:
    """Return what the file of a request comes to say, None when the save does not begin."""
    begun: Path | None = None
    until_seconds = clock.monotonic_seconds() + patience.begin_seconds
    pause_seconds = _FIRST_PAUSE_SECONDS
    while True:
        told = _read_own(path, _SaveFile)
        notebook = _parse_notebook_path(told[1].path) if told is not None else None
        if told is not None and notebook is not None:
            if told[1].state == "failed":
                return Saved(_existing(notebook), False, _one_line(told[1].why))
            if told[1].state == "saved":
                here = _existing(notebook)
                return Saved(here, here is not None, None if here else _ELSEWHERE)
            if begun is None:
                until_seconds = clock.monotonic_seconds() + patience.save_seconds
            begun = notebook
        if clock.monotonic_seconds() >= until_seconds:
            break
        sleep(pause_seconds)
        pause_seconds = min(1.5 * pause_seconds, _LONGEST_PAUSE_SECONDS)
    if begun is None:
        return None
    late = f"JupyterLab had not saved it after {patience.save_seconds:g} s"
    return Saved(_existing(begun), False, late)


def _iter_files(name: Callable[[str], Path], form: str) -> Iterator[tuple[str, Path]]:
    """Yield the ids of the given form for which there is a file, with the file."""
    pattern = name("\0")
    before, after = pattern.name.split("\0")
    whole = re.compile(f"{re.escape(before)}({form}){re.escape(after)}")
    try:
        names = os.listdir(pattern.parent)
    except OSError:
        return
    for one in names:
        if match := whole.fullmatch(one):
            yield match[1], pattern.with_name(one)


def _clear_abandoned(files: KernelFiles, clock: Clock) -> None:
    """Remove what the server wrote for requests after nobody waited for them any more."""
    for _, path in _iter_files(files.save, REQUEST_PATTERN):
        with suppress(OSError):
            if clock.now().timestamp() - os.lstat(path).st_mtime > _ABANDONED_SECONDS:
                _remove(path)


def _read_own(path: Path, kind: type[_File]) -> tuple[int, _File] | None:
    """Return when a file was written and what it says; None unless it is small and this user's."""
    found = read_own_file(path, _FILE_LIMIT_BYTES)
    try:
        return (
            (found.written_at_ns, msgspec.json.decode(found.content, type=kind)) if found else None
        )
    except (ValueError, RecursionError):
        return None


def _parse_notebook_path(text: str) -> Path | None:
    """Return the absolute path of a notebook that ``text`` is, None where it is none."""
    if "\0" in text or not os.path.isabs(text) or not text.endswith(_SUFFIX):
        return None
    return Path(os.path.normpath(text))


def _existing(notebook: Path) -> Path | None:
    return notebook if notebook.is_file() else None


def _one_line(why: str | None) -> str | None:
    """Return a reason as it may stand in a sentence."""
    return visible(" ".join((why or "").split())[:_WHY_LIMIT]).rstrip(" .") or None


def _remove(path: Path) -> None:
    with suppress(UnavailableError):
        durable.remove(path)
