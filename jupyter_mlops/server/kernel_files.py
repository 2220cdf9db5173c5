"""Files beside a kernel's connection file, by which JupyterLab's side and a kernel speak.

What they hold, and who reads and removes them, is described in docs/rest.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import remove, write_atomic


class KernelFileWriter:
    """Writes and removes the files of one server's kernels. Safe to call from any thread.

    ``runs`` says whether a kernel is still there: the files of others are removed at the next
    write.
    """

    def __init__(self, runs: Callable[[str], bool]) -> None:
        self._runs = runs
        self._lock = threading.Lock()
        self._written: dict[Path, str] = {}
        self._closed = False

    def write(self, path: Path, kernel: str, content: object) -> None:
        """Write a file of ``kernel``; readers see all of it or nothing.

        Raises:
            UnavailableError: the disk did not take it, or the server is stopping.
        """
        self._remove(lambda owner: not self._runs(owner))
        with self._lock:
            if self._closed:
                raise UnavailableError("The server is stopping.", code="server-stopping")
            self._written[path] = kernel
            write_atomic(path, msgspec.json.encode(content), durable=False, private=True)

    def remove(self, path: Path) -> None:
        """Remove what was written; harmless when repeated."""
        with self._lock:
            self._written.pop(path, None)
        remove(path)

    def close(self) -> None:
        """Remove all that was written and is still there, and write no more; never raises."""
        with self._lock:
            self._closed = True
        self._remove(lambda owner: True)

    def _remove(self, is_old: Callable[[str], bool]) -> None:
        with self._lock:
            old = [path for path, owner in self._written.items() if is_old(owner)]
            for path in old:
                del self._written[path]
        for path in old:
            with suppress(UnavailableError):
                remove(path)
