"""Builds the side panel into ``jupyter_mlops/labextension``.

``python labextension/build_panel.py`` does it, and so does the making of a wheel or a source
archive, whose hook this is. ``npm ci`` and the build run only where what they read has changed
since the last time; the old panel stays in its place until the new one is whole. A source archive
holds the built panel, and needs no Node.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "labextension"
BUILT = ROOT / "jupyter_mlops" / "labextension"
_STAMP = "sources.blake2b"
_PACKAGES = (
    *("labextension/package.json", "labextension/package-lock.json", "labextension/.npmrc"),
)
_READ = (
    *_PACKAGES,
    *("labextension/src", "labextension/style", "labextension/schema"),
    *("labextension/tsconfig.json", "labextension/webpack.config.js", "labextension/install.json"),
    *("jupyter_mlops/metrics/chart.js", "jupyter_mlops/metrics/chart_parts.js"),
    "jupyter_mlops/_version.py",
)
_NO_NODE = (
    "The side panel of jupyter-mlops is built with Node.js 20 or newer and its npm, and {} is not "
    "on the PATH: install Node.js, or install a released wheel, which holds the panel already."
)


class PanelHook(BuildHookInterface[Any]):
    """Has the panel built before hatchling collects the files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the panel unless it is there already."""
        build()


def build() -> None:
    """Build the panel where it is missing or older than its sources.

    Ends the process with one sentence where Node is missing.
    """
    if not (SOURCE / "package.json").exists() or _is_from_archive():
        return
    stamp = _hash(_READ)
    if _has_stamp(BUILT, stamp):
        return
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            sys.exit(_NO_NODE.format(program))
    output = SOURCE / "dist"
    packages, wanted = SOURCE / "node_modules", _hash(_PACKAGES)
    if not _has_stamp(packages, wanted):
        _run("npm", "ci")
        (packages / _STAMP).write_text(wanted)
    shutil.rmtree(output, ignore_errors=True)
    _run("npm", "run", "build")
    shutil.copyfile(SOURCE / "install.json", output / "install.json")
    (output / _STAMP).write_text(stamp)
    _put_in_place(output)


def _is_from_archive() -> bool:
    """Return whether this is an unpacked source archive, whose panel is as it was released."""
    return (ROOT / "PKG-INFO").exists() and (BUILT / "package.json").exists()


def _has_stamp(folder: Path, stamp: str) -> bool:
    """Return whether ``folder`` was made from what ``stamp`` stands for."""
    try:
        return (folder / _STAMP).read_text() == stamp
    except OSError:
        return False


def _hash(names: Iterable[str]) -> str:
    """Return what stands for all bytes of the files ``names``, and of those in folders."""
    digest = hashlib.blake2b(digest_size=20)
    for name in names:
        path = ROOT / name
        files = sorted(_iter_files(path)) if path.is_dir() else [path]
        for file in files:
            content = file.read_bytes()
            digest.update(f"{file.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _iter_files(folder: Path) -> Iterator[Path]:
    """Yield the files below ``folder`` without those that systems and editors hide there."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            yield path


def _run(*command: str) -> None:
    """Run a program of Node in the panel's folder; what it prints is shown only if it fails."""
    program = shutil.which(command[0])
    assert program is not None
    # The builder is a program of the environment that runs this.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [program, *command[1:]],
        cwd=SOURCE,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\n{' '.join(command)} failed, so the panel is not built.")


def _put_in_place(output: Path) -> None:
    """Put the folder ``output`` in the place of the built panel."""
    with tempfile.TemporaryDirectory(dir=BUILT.parent, prefix=".labextension-") as aside:
        before = Path(aside) / "before"
        if BUILT.exists():
            BUILT.rename(before)
        try:
            output.rename(BUILT)
        except OSError:
            if before.exists():
                before.rename(BUILT)
            raise


if __name__ == "__main__":
    build()
