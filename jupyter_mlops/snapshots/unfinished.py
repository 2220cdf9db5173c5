"""The note that a restore leaves while it moves files, so that the next restore can finish it.

It is written once everything that will be moved is staged, and taken away when all stands. While it
is there, data that is neither the old nor the new content of its path may be a mixture of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from jupyter_mlops.files import durable

_NAME = "unfinished-restore.json"


def read_unfinished(state_dir: Path) -> dict[str, bytes | None]:
    """Return the encoded pointers, by tracked path.

    That a killed restore was to bring about; None: nothing there.
    """
    try:
        return msgspec.json.decode((state_dir / _NAME).read_bytes(), type=dict[str, bytes | None])
    except (OSError, ValueError):
        return {}


def write_unfinished(state_dir: Path, wanted: Mapping[str, bytes | None]) -> None:
    """Note durably what the restore under way brings about."""
    durable.make_folder(state_dir)
    durable.write_atomic(state_dir / _NAME, msgspec.json.encode(dict(wanted)), overwrite=True)


def clear_unfinished(state_dir: Path) -> None:
    """Take the note away."""
    durable.remove(state_dir / _NAME)
