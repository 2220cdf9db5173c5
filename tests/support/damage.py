"""Files that are changed in place of their owner, as a bad disk does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def change(path: Path, edit: Callable[[bytearray], object]) -> None:
    """Put an edited copy in the place of the file ``path``."""
    content = bytearray(path.read_bytes())
    edit(content)
    path.unlink()
    path.write_bytes(content)


def flip(path: Path, offset: int) -> None:
    """Flip a bit."""

    def edit(content: bytearray) -> None:
        content[offset] ^= 4

    change(path, edit)


def cut(path: Path, length: int) -> None:
    """Take the last ``length`` bytes away."""

    def edit(content: bytearray) -> None:
        del content[-length:]

    change(path, edit)
