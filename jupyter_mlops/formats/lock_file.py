"""Which versions of packages a lock file, or a list of requirements, names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from jupyter_mlops.formats.toml import parse_toml

LOCK_LIMIT_BYTES = 32 * 1024**2
"""A larger lock file is not read."""

_PACKAGES_LIMIT = 100_000
_REQUIREMENTS = re.compile(r"requirements[\w.-]*\.txt|constraints[\w.-]*\.txt")
_PINNED = re.compile(
    r"^[ \t]*([A-Za-z0-9][A-Za-z0-9._-]{0,200})(?:\[[^\]\n]{0,200}\])?[ \t]*={2,3}[ \t]*"
    r"([A-Za-z0-9][A-Za-z0-9.!+_-]{0,100})[ \t]*(?:\\|;|#|--|$)([^\n]*)",
    re.MULTILINE,
)
_NAME = re.compile(r'^name = "([^"\n]{1,200})"', re.MULTILINE)
_VERSION = re.compile(r'^version = "([^"\n]{1,200})"', re.MULTILINE)
_REGISTRY = re.compile(r"^source = \{ registry = ", re.MULTILINE)
_CONDA = re.compile(r"\s*-\s*['\"]?([A-Za-z0-9_][\w.-]*)\s*={1,2}\s*([\w.!+*-]+)")
_CONDA_LOCKED = re.compile(
    r"^- name: ['\"]?([\w.-]{1,200})['\"]?\n  version: ['\"]?([\w.!+-]{1,200})['\"]?$",
    re.MULTILINE,
)
_CONDA_URL = re.compile(r"/([^/\s]+)-([^-/\s]+)-[^-/\s]+\.(?:conda|tar\.bz2)")
_PIXI = re.compile(r"\n {2}name: (\S+)\n {2}version: ['\"]?([^'\"\n]+)")

_Rows = Iterable[tuple[str, str]]


class Locked(NamedTuple):
    """By package, the versions that a lock file has of it, and those that must be installed."""

    versions: Mapping[str, tuple[str, ...]]
    needed: frozenset[str] = frozenset()


def is_lock_file(path: str) -> bool:
    """Return whether a file's name says that it names versions of packages."""
    name = path.rpartition("/")[2]
    return name in _READERS or _REQUIREMENTS.fullmatch(name) is not None


def read_lock_file(path: str, content: bytes) -> Locked:
    """Return what a lock file names, by normalised names of packages.

    uv, Poetry, PDM, pylock.toml, Pipenv, conda, conda-lock, pixi, and pinned requirements. Packages
    that uv and Poetry have from folders and repositories have no version that could be compared and
    are left out. What uv, Poetry and conda-lock write is read line by line: a parser of TOML or
    YAML would take a second for a file of a megabyte.

    Raises:
        ValueError: it cannot be read; the message goes on after its name.
    """
    if len(content) > LOCK_LIMIT_BYTES:
        raise ValueError(f"is larger than {LOCK_LIMIT_BYTES // 1024**2} MiB")
    text = content.decode("utf-8-sig", "replace")
    read = _READERS.get(path.rpartition("/")[2])
    if read is not None:
        return Locked(_collect(read(text)))
    found = list(_PINNED.finditer(text))
    needed = frozenset(normalise(one[1]) for one in found if ";" not in one[0])
    return Locked(_collect((one[1], one[2]) for one in found), needed)


def normalise(name: str) -> str:
    """Return the one spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _collect(rows: _Rows) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, version in rows:
        key = normalise(name)
        found[key] = (*found.get(key, ()), version)
        if len(found) > _PACKAGES_LIMIT:
            raise ValueError(f"names more than {_PACKAGES_LIMIT:,} packages")
    return found


def _read_uv(text: str) -> Iterator[tuple[str, str]]:
    return _iter_blocks(one for one in _blocks(text) if _REGISTRY.search(one))


def _read_poetry(text: str) -> Iterator[tuple[str, str]]:
    return _iter_blocks(one for one in _blocks(text) if "[package.source]" not in one)


def _blocks(text: str) -> list[str]:
    return text.split("[[package]]")[1:]


def _iter_blocks(blocks: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield name and version of each table of a package, as uv and Poetry write them."""
    for block in blocks:
        name, version = _NAME.search(block), _VERSION.search(block)
        if name and version:
            yield name[1], version[1]


def _read_toml(text: str) -> Iterator[tuple[str, str]]:
    try:
        top = parse_toml(text)
    except ValueError as error:
        raise ValueError(f"is {error}") from error
    for key in ("package", "packages"):
        listed = top.get(key)
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict):
                yield from _pair(one.get("name"), one.get("version"))


def _read_pipfile_lock(text: str) -> Iterator[tuple[str, str]]:
    try:
        top = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    for section in ("default", "develop"):
        listed = top.get(section) if isinstance(top, dict) else None
        for name, one in listed.items() if isinstance(listed, dict) else ():
            version = one.get("version") if isinstance(one, dict) else None
            if isinstance(version, str):
                yield name, version.removeprefix("==")


def _read_conda(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        matched = _PINNED.match(line.strip().removeprefix("-")) or _CONDA.match(line)
        if matched:
            yield matched[1], matched[2]


def _read_conda_lock(text: str) -> Iterator[tuple[str, str]]:
    return ((one[1], one[2]) for one in _CONDA_LOCKED.finditer(text))


def _read_pixi(text: str) -> Iterator[tuple[str, str]]:
    for pattern in (_CONDA_URL, _PIXI):
        yield from ((one[1], one[2]) for one in pattern.finditer(text))


def _pair(name: Any, version: Any) -> Iterator[tuple[str, str]]:
    if isinstance(name, str) and isinstance(version, str):
        yield name, version


_READERS: Mapping[str, Callable[[str], _Rows]] = {
    "uv.lock": _read_uv,
    "poetry.lock": _read_poetry,
    "pdm.lock": _read_toml,
    "pylock.toml": _read_toml,
    "Pipfile.lock": _read_pipfile_lock,
    "conda-lock.yml": _read_conda_lock,
    "environment.yml": _read_conda,
    "environment.yaml": _read_conda,
    "pixi.lock": _read_pixi,
}
