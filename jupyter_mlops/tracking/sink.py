"""The seam between what a run logs and the files that it goes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from jupyter_mlops.formats.run import Param, Uses
from jupyter_mlops.tracking.value_files import ValueKind


class Sink(Protocol):
    """Where what a run logs goes, as :class:`~jupyter_mlops.tracking.run_files.RunFiles` does."""

    def append(self, lines: bytes) -> None:
        """Append whole lines to the series."""
        ...

    def write_values(self, kind: ValueKind, values: Mapping[str, Param]) -> bool:
        """Add to the run's last values; False where they belong to a later execution."""
        ...

    def keep(self, name: str, write: Callable[[Path], None]) -> tuple[str, int]:
        """Keep a file or folder that ``write`` makes; return its name and bytes."""
        ...

    def use(self, path: Path, at: float) -> Uses:
        """Return what is known of tracked data."""
        ...

    def close(self, *, settled: bool) -> None:
        """Close the series; the next line opens it again."""
        ...
