"""The inputs that are kept: few and small, one folder a parser."""

from __future__ import annotations

import hashlib
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
LIMIT_BYTES = 8192
"""How long an input may become."""

_COUNT = 25
_KEPT_BYTES = 700


def kept_folder(name: str) -> Path:
    """Return the folder of inputs for the parser ``name``; it may not exist."""
    return CORPUS / name


def read_kept(name: str) -> list[bytes]:
    """Return the inputs that are kept for a parser, in the order of their names."""
    folder = kept_folder(name)
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []


def keep(name: str, found: Path) -> int:
    """Add the smallest inputs in ``found`` to those that are kept; return how many there are."""
    folder = kept_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    candidates = sorted((path.read_bytes() for path in found.iterdir() if path.is_file()), key=len)
    count = len(list(folder.iterdir()))
    for content in candidates:
        if count >= _COUNT or len(content) > _KEPT_BYTES:
            break
        file = folder / hashlib.sha256(content).hexdigest()[:12]
        if not file.exists():
            file.write_bytes(content)
            count += 1
    return count
