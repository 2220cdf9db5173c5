"""The environment that a state was made in: Python, platform, installed packages."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files import durable

if TYPE_CHECKING:
    from importlib.metadata import Distribution


def read_environment(cache: Path) -> dict[str, str]:
    """Return what this interpreter runs with.

    The keys are ``python``, ``platform``, and ``package:NAME`` for each installed
    package. Listing these takes long, so the list is kept in the file ``cache`` for as long as no
    folder of the import path changes.
    """
    key = _import_path_state()
    try:
        kept = msgspec.json.decode(cache.read_bytes(), type=tuple[str, dict[str, str]])
    except (OSError, ValueError, RecursionError):
        kept = ("", {})
    packages = kept[1]
    if kept[0] != key:
        packages = _list_packages()
        with suppress(UnavailableError):
            encoded = msgspec.json.encode((key, packages))
            durable.write_atomic(cache, encoded, overwrite=True, durable=False)
    return {
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        **packages,
    }


def _import_path_state() -> str:
    parts = [sys.version]
    for folder in sys.path:
        try:
            parts.append(f"{folder}:{os.stat(folder or '.').st_mtime_ns}" if folder else "")
        except OSError:
            continue
    return "\n".join(parts)


def _list_packages() -> dict[str, str]:
    from importlib import metadata  # it brings parsers of mail and archives along

    packages: dict[str, str] = {}
    for distribution in metadata.distributions():
        headers = _read_headers(distribution)
        name = headers.get("name")
        if name:
            packages.setdefault(f"package:{name.lower()}", headers.get("version", ""))
    return dict(sorted(packages.items()))


def _read_headers(distribution: Distribution) -> dict[str, str]:
    """Return the one-line headers of a package's metadata, whose parser in the library is slow."""
    texts = (distribution.read_text(name) for name in ("METADATA", "PKG-INFO", ""))
    text = next(filter(None, texts), "")
    lines = text.partition("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {key.lower(): value.strip() for key, _, value in pairs}
