"""Where projects are measured: on new file systems where they can be made."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.targets.record import CLONES, MAIN
from tests.support.disks import Kind, NoDisk, open_disk

_KINDS: dict[str, Kind] = {MAIN: "ext4", CLONES: "xfs"}
_PLAIN = "a folder of the machine's own file system"
_LEAST_BYTES = 1 << 30


class Places:
    """New folders for projects, each on a file system of its own where that is possible.

    Attributes:
        file_systems: what plays each role; a role that nothing can play is not in it.
    """

    def __init__(self, folder: Path, *, disks: bool = True) -> None:
        """Look at what can be had; all is made beneath ``folder``."""
        self._folder = folder
        self.file_systems: dict[str, str] = {}
        self._made: set[str] = set()
        self._opened: list[Path] = []
        for role in _KINDS if disks else ():
            try:
                with self._open_disk(role, _LEAST_BYTES):
                    self._made.add(role)
                    self.file_systems[role] = f"a new {_KINDS[role]} in a loop device"
            except NoDisk as error:
                print(f"no new file system: {error}", flush=True)
        self.file_systems.setdefault(MAIN, _PLAIN)

    @contextmanager
    def open(self, role: str, size_bytes: int) -> Iterator[Path]:
        """Yield an empty folder with room for ``size_bytes``, which is gone afterwards.

        Each is the only thing on its file system, which takes no more room than what lies in it.
        """
        made = role in self._made
        size_bytes = max(_LEAST_BYTES, size_bytes)
        with self._open_disk(role, size_bytes) if made else self._open_folder() as folder:
            self._opened.append(folder)
            try:
                yield folder
            finally:
                self._opened.remove(folder)

    def sync(self) -> None:
        """Make all that was written in these folders durable.

        Other file systems are left alone: tests that run meanwhile may want theirs to forget.
        """
        if self._opened:
            subprocess.run(["sync", "--file-system", *self._opened], check=True)

    @contextmanager
    def _open_disk(self, role: str, size_bytes: int) -> Iterator[Path]:
        with self._open_folder() as place, open_disk(_KINDS[role], place, size_bytes) as disk:
            top = disk.folder / "top"
            top.mkdir()
            yield top

    @contextmanager
    def _open_folder(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix="place-", dir=self._folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
