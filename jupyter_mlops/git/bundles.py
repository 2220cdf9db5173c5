"""Git bundles of one commit each: written, and brought in after all that is in them was checked."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_mlops.formats.bundle import (
    MAX_HEADER_BYTES,
    BundleHeader,
    bundle_invalid,
    decode_bundle_header,
)
from jupyter_mlops.git.process import NO_HOOKS, explanation, run_git, try_git
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import peel_to_commits

_FEW_OBJECTS = 100
"""So many become files of their own, as Git's fetch does it; more stay one pack."""


def write_bundle(repo: Repository, ref: str, remote: str | None, file: Path) -> BundleHeader:
    """Write a bundle of what ``ref`` reaches to ``file``; return its header, read back from it.

    What the branches of the Git remote ``remote`` reach, as far as they were fetched, is left out,
    and so is what a shallow clone lacks.

    Raises:
        UnavailableError: Git fails.
    """
    without = [f"--remotes={remote}"] if remote else []
    version = "3" if repo.object_format == "sha256" else "2"
    run_git(
        repo,
        *("bundle", "create", "--quiet", f"--version={version}", os.fspath(file), ref),
        *("--not", *without, *_read_shallow(repo)),
    )
    return read_bundle_header(repo, ref, file, origin=file.name)


def read_bundle_header(repo: Repository, ref: str, file: Path, *, origin: str) -> BundleHeader:
    """Return the header of the bundle ``file``, which brings ``ref`` alone.

    Raises:
        IntegrityError: it is no such bundle (code ``bundle-invalid``).
    """
    with open(file, "rb") as opened:
        data = opened.read(MAX_HEADER_BYTES + 16)
    return decode_bundle_header(data, ref=ref, object_format=repo.object_format, origin=origin)


def list_missing(repo: Repository, header: BundleHeader) -> list[str]:
    """Return the commits that a bundle needs and ``repo`` lacks."""
    there = peel_to_commits(repo, header.needed)
    return [oid for oid in header.needed if there.get(oid) != oid]


def unbundle(
    repo: Repository, header: BundleHeader, file: Path, quarantine: Path, *, origin: str
) -> None:
    """Bring the objects of a bundle into ``repo``; no reference is made, and no hook runs.

    They are taken apart in ``quarantine`` first, and come to ``repo`` only when each of them is
    well formed and all that the commit reaches is there.

    Args:
        repo: where they go.
        header: what the bundle says of itself.
        file: the bundle.
        quarantine: an empty folder, which its owner removes.
        origin: names the bundle in errors.

    Raises:
        IntegrityError: something in it is not right (code ``bundle-invalid``); nothing came.
    """
    apart = {
        "GIT_OBJECT_DIRECTORY": os.fspath(quarantine),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quote(repo.common_dir / "objects"),
    }
    index = ("index-pack", "--stdin", "--fix-thin", "--strict")
    reach = ("rev-list", "--objects", "--quiet", "--missing=allow-promisor", header.commit)
    few = header.objects_count <= _FEW_OBJECTS
    with _open_pack(file, header) as pack:
        trial = (*NO_HOOKS, "-c", "core.fsync=none", *index)
        _check(try_git(repo, *trial, input=pack, env=apart), origin)
        _check(try_git(repo, *reach, "--not", "--all", env=apart), origin)
        words = ("unpack-objects", "-q", "--strict") if few else index
        run_git(repo, *NO_HOOKS, *words, input=pack, durable="objects")


@contextmanager
def _open_pack(file: Path, header: BundleHeader) -> Iterator[memoryview]:
    with (
        open(file, "rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as whole,
        whole[header.pack_offset :] as pack,
    ):
        yield pack


def _check(ended: tuple[int, bytes, bytes], origin: str) -> None:
    status, _, said = ended
    if status != 0:
        raise bundle_invalid(origin, explanation(said))


def _read_shallow(repo: Repository) -> list[str]:
    """Return the commits at which a shallow clone ends."""
    try:
        return (repo.common_dir / "shallow").read_text("ascii").split()
    except FileNotFoundError:
        return []


def _quote(path: Path) -> str:
    """Return a path as it stands in a list of Git's, in which a colon ends it otherwise."""
    escaped = os.fspath(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
