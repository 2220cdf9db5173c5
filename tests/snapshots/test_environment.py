"""What a snapshot says of the environment is what Python's own library says of it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from jupyter_mlops.snapshots.environment import read_environment


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """A folder of packages that Python imports from."""
    folder = tmp_path / "site"
    folder.mkdir()
    sys.path.append(str(folder))
    yield folder
    sys.path.remove(str(folder))


def _install(site: Path, name: str, body: str) -> None:
    target = site / name
    target.parent.mkdir(exist_ok=True)
    target.write_text(body)


def test_it_names_python_the_platform_and_every_package(tmp_path: Path) -> None:
    found = read_environment(tmp_path / "cache")
    packages = {f"package:{one.name.lower()}": one.version for one in metadata.distributions()}
    assert found.pop("python") == platform.python_version()
    assert found.pop("platform").startswith(sys.platform)
    assert found == packages


def test_packages_are_found_in_all_their_forms(site: Path, tmp_path: Path) -> None:
    _install(site, "Wheel_One-1.0.dist-info/METADATA", "Name: Wheel.One\nVersion: 1.0\n\nName: no")
    _install(site, "egg_one.egg-info/PKG-INFO", "name:egg-one\nversion:2.0rc1\n")
    _install(site, "file_one.egg-info", "Name: file-one\nVersion: 3\n")
    _install(site, "nothing-4.dist-info/METADATA", "")
    found = read_environment(tmp_path / "cache")
    assert found["package:wheel.one"] == "1.0"
    assert found["package:egg-one"] == "2.0rc1"
    assert found["package:file-one"] == "3"
    assert "package:nothing" not in found


def test_what_is_installed_later_is_seen(site: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert "package:late" not in read_environment(cache)
    _install(site, "late-1.dist-info/METADATA", "Name: late\nVersion: 1\n")
    assert read_environment(cache)["package:late"] == "1"


def test_nothing_is_listed_anew_while_no_folder_changes(site: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    _install(site, "kept-1.dist-info/METADATA", "Name: kept\nVersion: 1\n")
    os.utime(site, ns=(0, 0))
    read_environment(cache)
    _install(site, "kept-1.dist-info/METADATA", "Name: kept\nVersion: 2\n")
    os.utime(site, ns=(0, 0))
    assert read_environment(cache)["package:kept"] == "1"


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    whole = read_environment(cache)
    cache.write_bytes(cache.read_bytes()[:-5])
    assert read_environment(cache) == whole
