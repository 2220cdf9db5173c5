"""Whether every version comes back as it was: ``python -m tests.benchmarks.verify --scale 1``.

A project with all workloads of the benchmarks ages, version by version. Then each version is
restored, from the newest to the oldest, and the newest and the oldest once more where nothing is:
before and after ``gc`` and ``upgrade``. With ``--remotes`` each version is pushed to a remote of
each kind instead, and pulled into a new clone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from tests.benchmarks.workloads import (
    Sizes,
    change_one_file,
    change_small_files,
    edit_csv,
    edit_in_place,
    hash_files,
    make_csv,
    make_noise,
    make_small_files,
)
from tests.support.disks import Kind, open_disk
from tests.support.project import IDENTITY, Project, hermetic_environment, make_project
from tests.support.sites import WRITABLE, Site, Sites
from tests.sync.team import Team

DATA = ("noise.bin", "table.csv", "data")

Version = tuple[str, ...]
"""The hashes of all :data:`DATA`."""


def verify(place: Path, sizes: Sizes, versions_count: int) -> Path:
    """Let a project age in the folder ``place`` and bring all back; return its store.

    Raises:
        AssertionError: A command fails, or what a version brings back is not what it was made of.
    """
    project = make_project(place / "project")
    _run(project, "init")
    versions = [_keep(project, number, sizes, place) for number in range(1, versions_count + 1)]
    _bring_back(project, versions)
    for command in ("gc", "upgrade"):
        _run(project, command)
        _bring_back(project, versions)
    _run(project, "check", "--read-data")
    return project.root / ".git" / "mlops"


def verify_remote(place: Path, sizes: Sizes, versions_count: int, site: Site) -> None:
    """Push version after version to ``site``, and pull each into a clone of its own.

    Raises:
        AssertionError: as for :func:`verify`.
    """
    team = Team(place, site.url, site.settings)
    versions = []
    for number in range(1, versions_count + 1):
        versions.append(_keep(team.origin, number, sizes, place))
        team.origin.commit(f"version {number}")
        team.origin.git("tag", f"pushed-{number}")
        _run(team.origin, "push")
    for number, wanted in enumerate(versions, 1):
        clone = team.clone()
        clone.git("checkout", "--quiet", f"pushed-{number}")
        _run(clone, "pull")
        _check(number, _hash(clone), wanted)
        _run(clone, "check", "--read-data")
        shutil.rmtree(clone.root)


def _keep(project: Project, number: int, sizes: Sizes, place: Path) -> Version:
    """Make a version, keep it under the name ``v<number>``, and return what it is."""
    noise, table, data = (project.root / path for path in DATA)
    if number == 1:
        make_noise(noise, sizes.big_file_bytes)
        make_csv(table, sizes.big_file_bytes)
        make_small_files(data, sizes.small_files_count)
    elif number == 2:
        edit_csv(table, place / "second.csv")
        (place / "second.csv").replace(table)
        change_small_files(data, sizes.small_files_count, number)
    elif number == 3:
        change_one_file(data, sizes.small_files_count, number)
    else:
        edit_in_place(noise, number)
        edit_in_place(table, number)
        change_small_files(data, sizes.small_files_count, number)
    _run(project, "snapshot", *DATA, "--name", f"v{number}")
    print(f"version {number} kept", flush=True)
    return _hash(project)


def _bring_back(project: Project, versions: Sequence[Version]) -> None:
    for number in range(len(versions), 0, -1):
        _compare(project, versions, number)
    for number in (len(versions), 1):
        shutil.rmtree(project.root / "data")
        for path in DATA[:2]:
            (project.root / path).unlink()
        _compare(project, versions, number)


def _compare(project: Project, versions: Sequence[Version], number: int) -> None:
    _run(project, "restore", f"v{number}")
    _check(number, _hash(project), versions[number - 1])


def _check(number: int, found: Version, wanted: Version) -> None:
    wrong = [path for path, one, other in zip(DATA, found, wanted, strict=True) if one != other]
    assert not wrong, f"version {number} came back with other bytes in {', '.join(wrong)}"
    print(f"version {number} came back", flush=True)


def _hash(project: Project) -> Version:
    return tuple(hash_files(project.root / path) for path in DATA)


def _run(project: Project, *words: str) -> None:
    done = project.mlops(*words)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"


def main(words: Sequence[str]) -> None:
    """Verify at the size and on the file systems that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.verify")
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--versions", type=int, default=100)
    parser.add_argument("--fs", nargs="+", choices=get_args(Kind), default=get_args(Kind))
    parser.add_argument("--remotes", nargs="*", choices=WRITABLE, help="of these kinds; all")
    parser.add_argument("--folder", type=Path, help="where the file systems are made")
    asked = parser.parse_args(words)
    sizes = Sizes.at(asked.scale)
    room = (1 << 30) + 12 * sizes.big_file_bytes + (sizes.small_files_count << 17)
    with tempfile.TemporaryDirectory(prefix="mlops-verify-", dir=asked.folder) as folder:
        os.environ.update(hermetic_environment(Path(folder), os.environ) | IDENTITY)
        os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        if asked.remotes is not None:
            with Sites() as sites:
                for remote in asked.remotes or WRITABLE:
                    print(f"# {remote}", flush=True)
                    here = Path(folder) / remote
                    here.mkdir()
                    verify_remote(here, sizes, asked.versions, sites.make(remote))
                    shutil.rmtree(here)
            return
        for kind in asked.fs:
            print(f"# {kind}", flush=True)
            with open_disk(kind, Path(folder), room) as disk:
                verify(disk.folder, sizes, asked.versions)
            (Path(folder) / kind).rmdir()


if __name__ == "__main__":
    main(sys.argv[1:])
