"""Which versions of packages a lock file, or a list of requirements, names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jupyter_mlops.formats.toml import parse_toml

LOCK_LIMIT_BYTES = 16 * 1024**2
_PACKAGES_LIMIT = 100_000
_REQUIREMENTS = re.compile(r"requirements[\w.-]*\.txt|constraints[\w.-]*\.txt")
_PINNED = re.compile(r"\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*={2,3}\s*([^\s;#,\\]+)")
_CONDA = re.compile(r"\s*-\s*['\"]?([A-Za-z0-9_][\w.-]*)\s*={1,2}\s*([\w.!+*-]+)")
_CONDA_LOCKED = re.compile(r"- name: (\S+)\n +version: ['\"]?([^'\"\n]+)")
_CONDA_URL = re.compile(r"/([^/\s]+)-([^-/\s]+)-[^-/\s]+\.(?:conda|tar\.bz2)")


def is_lock_file(path: str) -> bool:
    """Return whether a file's name says that it names versions of packages."""
    name = path.rpartition("/")[2]
    return name in _READERS or _REQUIREMENTS.fullmatch(name) is not None


def read_lock_file(path: str, content: bytes) -> dict[str, str]:
    """Return the versions in a lock file, by package, in lower case.

    uv, Poetry, PDM, pylock.toml, Pipenv, conda, conda-lock, pixi, and pinned requirements.

    Raises:
        ValueError: it cannot be read; the message goes on after its name.
    """
    if len(content) > LOCK_LIMIT_BYTES:
        raise ValueError(f"is larger than {LOCK_LIMIT_BYTES // 1024**2} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    read = _READERS.get(path.rpartition("/")[2], _read_requirements)
    found: dict[str, str] = {}
    for name, version in read(text):
        found.setdefault(_normal(name), version)
        if len(found) > _PACKAGES_LIMIT:
            raise ValueError(f"names more than {_PACKAGES_LIMIT:,} packages")
    return found


def compare_packages(
    old: Mapping[str, str], new: Mapping[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    """Return the packages whose versions differ, by name; None where there is none."""
    return {
        name: (old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }


def share_of_version(old: str | None, new: str | None) -> float:
    """Return how far two versions are apart: more for a part that stands further left."""
    if old is None or new is None:
        return 0.3
    before, after = re.split(r"[.+-]", old), re.split(r"[.+-]", new)
    shares = (0.9, 0.6, 0.4)
    for share, one, other in zip(shares, before, after, strict=False):
        if one != other:
            return share
    return 0.2


def _read_toml_packages(text: str) -> Iterator[tuple[str, str]]:
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


def _read_requirements(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        matched = _PINNED.match(line)
        if matched:
            yield matched[1], matched[2]


def _read_conda(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        matched = _PINNED.match(line.strip().removeprefix("-")) or _CONDA.match(line)
        if matched:
            yield matched[1], matched[2]


def _read_conda_lock(text: str) -> Iterator[tuple[str, str]]:
    yield from _CONDA_LOCKED.findall(text)


def _read_pixi(text: str) -> Iterator[tuple[str, str]]:
    yield from _CONDA_URL.findall(text)
    yield from re.findall(r"\n {2}name: (\S+)\n {2}version: ['\"]?([^'\"\n]+)", text)


def _pair(name: Any, version: Any) -> Iterator[tuple[str, str]]:
    if isinstance(name, str) and isinstance(version, str):
        yield name, version


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


_READERS: Mapping[str, Callable[[str], Iterator[tuple[str, str]]]] = {
    "uv.lock": _read_toml_packages,
    "poetry.lock": _read_toml_packages,
    "pdm.lock": _read_toml_packages,
    "pylock.toml": _read_toml_packages,
    "Pipfile.lock": _read_pipfile_lock,
    "conda-lock.yml": _read_conda_lock,
    "environment.yml": _read_conda,
    "environment.yaml": _read_conda,
    "pixi.lock": _read_pixi,
}
