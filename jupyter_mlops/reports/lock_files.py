"""Which packages that a project's lock file wants are not here, or in another version."""

from __future__ import annotations

import re
from collections.abc import Mapping

from jupyter_mlops.formats.lock_file import Locked, normalise
from jupyter_mlops.reports.project_rules import Mismatch

LOCK_FILES = ("uv.lock", "poetry.lock", "conda-lock.yml", "requirements.txt")
"""The first of these that a project has at its root is the one that counts."""

FIXES: Mapping[str, str] = {
    "uv.lock": "uv sync --frozen",
    "poetry.lock": "poetry sync",
    "conda-lock.yml": "conda-lock install",
    "requirements.txt": "pip install -r requirements.txt",
}

_RELEASE = re.compile(r"v?(?:(\d+)!)?(\d+(?:\.\d+)*)(.*)", re.IGNORECASE)


def compare_packages(wanted: Locked, installed: Mapping[str, str]) -> list[Mismatch]:
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
