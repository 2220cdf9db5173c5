"""A project with a remote, and clones of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from jupyter_mlops.commands.fetch import FetchResult, fetch
from jupyter_mlops.commands.pull import PullResult, pull
from jupyter_mlops.commands.push import PushResult, push
from jupyter_mlops.commands.remote_add import remote_add
from jupyter_mlops.storage.settings import NO_SETTINGS, RemoteSettings
from tests.support.data_project import DataProject, make_data_project


class Team:
    """A project whose default remote is at ``url``, and clones of it."""

    def __init__(self, folder: Path, url: str, settings: RemoteSettings = NO_SETTINGS) -> None:
        self.folder = folder
        self._settings = settings
        self.origin = make_data_project(folder / "origin")
        self.origin.mlops("init")
        remote_add(self.origin.open(), "store", url)
        self.use(self.origin)
        self.origin.commit("Set up")
        self._clones = 0

    def clone(self) -> DataProject:
        """Return a new clone, which has no content yet."""
        self._clones += 1
        target = self.folder / f"clone-{self._clones}"
        self.origin.git("clone", "--quiet", str(self.origin.root), str(target))
        project = DataProject(target)
        project.mlops("init")
        self.use(project)
        return project

    def use(self, project: DataProject, settings: RemoteSettings | None = None) -> None:
        """Let a clone's Git have the settings of the remote."""
        set_up(project, settings or self._settings)


def set_up(project: DataProject, settings: RemoteSettings) -> None:
    """Let the Git of a project have the settings of its remote ``store``."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value != field.default:
            key = f"mlops.remote.store.{field.name.replace('_', '-')}"
            project.git("config", key, str(value))


def keep(project: DataProject, *paths: str) -> None:
    """Take a snapshot and commit all."""
    project.snapshot(*paths)
    project.commit("data")


def push_data(project: DataProject, *paths: str, all_branches: bool = False) -> PushResult:
    """Push to the default remote."""
    return push(project.open(), paths, all_branches=all_branches)


def pull_data(project: DataProject, *paths: str, glob: str | None = None) -> PullResult:
    """Pull from the default remote."""
    return pull(project.open(), paths, glob=glob)


def fetch_data(
    project: DataProject, *paths: str, glob: str | None = None, all_branches: bool = False
) -> FetchResult:
    """Fetch from the default remote."""
    return fetch(project.open(), paths, glob=glob, all_branches=all_branches)


def write_files(project: DataProject, count: int = 20) -> dict[str, bytes]:
    """Write data and a model; return the files by path."""
    files = {f"data/{number % 3}/{number}.txt": b"%d\n" % number * 50 for number in range(count)}
    files["data/big.bin"] = bytes(range(256)) * 8192
    files["model.bin"] = b"weights" * 1000
    for name, content in files.items():
        project.write(name, content)
    (project.root / "data/empty").mkdir()
    (project.root / "data/link").symlink_to("big.bin")
    return files


def assert_same(project: DataProject, files: dict[str, bytes]) -> None:
    """Let pass if a clone has all of ``files``, and what :func:`write_files` made beside them."""
    assert {name: project.read(name) for name in files} == files
    assert (project.root / "data/empty").is_dir()
    assert (project.root / "data/link").readlink() == Path("big.bin")
    assert set(project.states().values()) == {"clean"}
