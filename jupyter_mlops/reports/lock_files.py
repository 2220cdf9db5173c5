"""Which versions of packages a project's lock file wants, and which of them are not here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from jupyter_mlops.reports.project_rules import Mismatch

LOCK_FILES = ("uv.lock", "poetry.lock", "conda-lock.yml", "requirements.txt")
"""The first of these that a project has at its root is the one that counts."""

LOCK_LIMIT_BYTES = 32 << 20
"""A larger lock file is not read."""

FIXES: Mapping[str, str] = {
    "uv.lock": "uv sync --frozen",
    "poetry.lock": "poetry sync",
    "conda-lock.yml": "conda-lock install",
    "requirements.txt": "pip install -r requirements.txt",
}

_PINNED = re.compile(
    r"^[ \t]*([A-Za-z0-9][A-Za-z0-9._-]{0,200})(?:\[[^\]\n]{0,200}\])?[ \t]*={2,3}[ \t]*"
    r"([A-Za-z0-9][A-Za-z0-9.!+_-]{0,100})[ \t]*(?:\\|;|#|--|$)([^\n]*)",
    re.MULTILINE,
)
_NAME = re.compile(r'^name = "([^"\n]{1,200})"', re.MULTILINE)
_VERSION = re.compile(r'^version = "([^"\n]{1,200})"', re.MULTILINE)
_REGISTRY = re.compile(r"^source = \{ registry = ", re.MULTILINE)
_CONDA = re.compile(
    r"^- name: ['\"]?([\w.-]{1,200})['\"]?\n  version: ['\"]?([\w.!+-]{1,200})['\"]?$",
    re.MULTILINE,
)
_RELEASE = re.compile(r"v?(?:(\d+)!)?(\d+(?:\.\d+)*)(.*)", re.IGNORECASE)


class Wanted(NamedTuple):
    """By package, the versions that a lock file has of it, and those that must be installed."""

    versions: Mapping[str, tuple[str, ...]]
    needed: frozenset[str] = frozenset()


def read_lock(name: str, content: bytes) -> Wanted:
    """Return what the lock file ``name`` wants, by normalised names of packages.

    Packages of the project itself, from folders and from repositories, have no version that could
    be compared and are left out.

    The files are read as their programs write them, line by line: a parser of TOML or YAML would
    take a second for one of a megabyte.
    """
    return _READERS[name](content.decode("utf-8", "replace"))


def compare_packages(wanted: Wanted, installed: Mapping[str, str]) -> list[Mismatch]:
    """Return the packages that are here in another version than is wanted, or not though needed.

    A package that the lock file has for another system, or for an extra, may be absent.
    """
    here = {normalise(name): version for name, version in installed.items()}
    found = []
    for package, versions in sorted(wanted.versions.items()):
        version = here.get(package)
        if version is None:
            if package in wanted.needed:
                found.append(Mismatch(package, versions, None))
        elif not any(_is_same(version, one) for one in versions):
            found.append(Mismatch(package, versions, version))
    return found


def normalise(name: str) -> str:
    """Return the one spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_same(installed: str, wanted: str) -> bool:
    """Return whether versions are equal as ``==`` means it: zeros at the end and local parts."""
    if "+" not in wanted:
        installed = installed.partition("+")[0]
    return _canonical(installed) == _canonical(wanted)


def _canonical(version: str) -> tuple[object, ...]:
    found = _RELEASE.fullmatch(version.strip())
    if found is None:
        return (version.strip().lower(),)
    numbers = [int(part) for part in found[2].split(".") if len(part) < 19]
    while numbers and not numbers[-1]:
        numbers.pop()
    rest = re.sub(r"[-_.]", "", found[3].lower())
    rest = re.sub(r"alpha", "a", rest)
    rest = re.sub(r"beta", "b", rest)
    rest = re.sub(r"(?:preview|pre|(?<!r)c)(?=\d|$)", "rc", rest)
    return (int(found[1] or 0), *numbers, rest)


def _collect(rows: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, version in rows:
        key = normalise(name)
        found[key] = (*found.get(key, ()), version)
    return found


def _read_uv(text: str) -> Wanted:
    blocks = text.split("[[package]]")[1:]
    return Wanted(_collect(_iter_rows(one for one in blocks if _REGISTRY.search(one))))


def _read_poetry(text: str) -> Wanted:
    blocks = text.split("[[package]]")[1:]
    return Wanted(_collect(_iter_rows(one for one in blocks if "[package.source]" not in one)))


def _iter_rows(blocks: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield name and version of each table of a package, as uv and Poetry write them."""
    for block in blocks:
        name, version = _NAME.search(block), _VERSION.search(block)
        if name and version:
            yield name[1], version[1]


def _read_conda(text: str) -> Wanted:
    return Wanted(_collect((found[1], found[2]) for found in _CONDA.finditer(text)))


def _read_requirements(text: str) -> Wanted:
    found = list(_PINNED.finditer(text))
    needed = {normalise(one[1]) for one in found if ";" not in one[0]}
    return Wanted(_collect((one[1], one[2]) for one in found), frozenset(needed))


_READERS: Mapping[str, Callable[[str], Wanted]] = {
    "uv.lock": _read_uv,
    "poetry.lock": _read_poetry,
    "conda-lock.yml": _read_conda,
    "requirements.txt": _read_requirements,
}
