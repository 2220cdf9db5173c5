"""What is shipped: built as `pip` builds it, by hatchling in a copy of the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
LAB = "share/jupyter/labextensions/jupyter-mlops"
EXTENSION_LIMIT_BYTES = 300_000


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all files that are built from, with the panel as it was built for these tests."""
    target = tmp_path_factory.mktemp("sources") / "project"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in os.fsdecode(listed.stdout).split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    shutil.copytree(ROOT / "jupyter_mlops/labextension", target / "jupyter_mlops/labextension")
    return target


@pytest.fixture(scope="module")
def without_node(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which Git is all that can be found."""
    folder = tmp_path_factory.mktemp("bin")
    git = shutil.which("git")
    assert git is not None
    (folder / "git").symlink_to(git)
    return {**os.environ, "PATH": str(folder)}


def build(
    kind: str, sources: Path, target: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(target)],
        cwd=sources,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def built(kind: str, sources: Path, target: Path, environment: dict[str, str]) -> Path:
    done = build(kind, sources, target, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = target.iterdir()
    return made


def test_the_wheel_holds_the_panel_and_has_the_server_load_its_side(
    sources: Path, without_node: dict[str, str], tmp_path: Path
) -> None:
    wheel = zipfile.ZipFile(built("wheel", sources, tmp_path, without_node))
    data = next(name.split("/")[0] for name in wheel.namelist() if ".data/" in name) + "/data"
    names = {name.removeprefix(f"{data}/"): name for name in wheel.namelist()}
    panel = [name for name in names if name.startswith(LAB)]
    assert {f"{LAB}/package.json", f"{LAB}/install.json", f"{LAB}/static/style.js"} < set(panel)
    size_bytes = sum(wheel.getinfo(names[name]).file_size for name in panel)
    assert size_bytes <= EXTENSION_LIMIT_BYTES
    config = wheel.read(names["etc/jupyter/jupyter_server_config.d/jupyter_mlops.json"])
    assert b'"jupyter_mlops": true' in config
    assert "jupyter_mlops/metrics/chart.js" in names
    assert not [name for name in names if name.startswith("jupyter_mlops/labextension")]


def test_a_source_archive_builds_without_node(
    sources: Path, without_node: dict[str, str], tmp_path: Path
) -> None:
    with tarfile.open(built("sdist", sources, tmp_path / "sdist", without_node)) as archive:
        assert not [name for name in archive.getnames() if "node_modules" in name]
        if hasattr(tarfile, "data_filter"):  # Python 3.11.4 and newer
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(tmp_path / "unpacked")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    with (unpacked / "labextension/src/index.ts").open("a") as file:
        file.write("// An archive's panel is taken as it is.\n")
    wheel = zipfile.ZipFile(built("wheel", unpacked, tmp_path / "wheel", without_node))
    assert any(f"/{LAB}/static/" in name for name in wheel.namelist())


def test_without_node_a_clone_says_so_in_one_sentence(
    sources: Path, without_node: dict[str, str], tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(sources, clone)
    shutil.rmtree(clone / "jupyter_mlops/labextension")
    done = build("wheel", clone, tmp_path / "wheel", without_node)
    assert done.returncode == 1
    said = (done.stdout + done.stderr).strip()
    assert said.count("\n") == 0
    assert said.startswith("The side panel of jupyter-mlops is built with Node.js 20 or newer")
