"""References: listed, and moved all together or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from jupyter_mlops.errors import ConflictError, UnavailableError, UsageError
from jupyter_mlops.files.sync import sync_paths
from jupyter_mlops.git.index_file import new_temporary
from jupyter_mlops.git.left_locks import noted_locks
from jupyter_mlops.git.process import explanation, run_git, try_git
from jupyter_mlops.git.repository import Repository

_CLOCK_STEP_NS = 2_000_000_000
"""No file system tells times apart worse than this."""

_COMMITS_A_CALL = 100


class Ref(NamedTuple):
    """A reference and the object it names."""

    name: str
    """Its full name, such as ``refs/heads/main``."""
    oid: str


class RefUpdate(NamedTuple):
    """One move of a reference."""

    name: str
    new: str | None
    """The object it is to name; None takes the reference away."""
    old: str | None
    """The object it must name before; None when it must not exist."""


def list_refs(repo: Repository, *prefixes: str) -> list[Ref]:
    """Return the references at or under each of ``prefixes``, sorted by name."""
    printed = run_git(repo, "for-each-ref", "--format=%(objectname) %(refname)", "--", *prefixes)
    rows = (
        row.split(" ", 1) for row in printed.decode("utf-8", "surrogateescape").split("\n") if row
    )
    return [Ref(name, oid) for oid, name in rows]


def list_commit_refs(repo: Repository, *prefixes: str) -> list[tuple[Ref, tuple[str, ...]]]:
    """Return the references at or under ``prefixes`` with their commits' parents, newest first.

    What is no commit has no parents.
    """
    words = ("--sort=-committerdate", "--format=%(objectname) %(refname)%00%(parent)")
    printed = run_git(repo, "for-each-ref", *words, "--", *prefixes)
    found = []
    for row in printed.decode("utf-8", "surrogateescape").split("\n"):
        if row:
            named, parents = row.split("\0")
            oid, name = named.split(" ", 1)
            found.append((Ref(name, oid), tuple(parents.split())))
    return found


def list_refs_holding(repo: Repository, commits: Sequence[str]) -> list[str]:
    """Return the full names of all references that reach one of ``commits``, sorted."""
    found: set[str] = set()
    for start in range(0, len(commits), _COMMITS_A_CALL):
        holding = [f"--contains={commit}" for commit in commits[start : start + _COMMITS_A_CALL]]
        printed = run_git(repo, "for-each-ref", "--format=%(refname)", *holding)
        found.update(printed.decode("utf-8", "surrogateescape").split("\n"))
    return sorted(found - {""})


def update_refs(
    repo: Repository, updates: Sequence[RefUpdate | tuple[str, str | None, str | None]]
) -> None:
    """Move references in one transaction, each only from the value it is expected to have.

    All moves happen or none. Once this returns, they and every object written before survive a
    power cut.

    Raises:
        ConflictError: a reference does not have the value expected (``ref-moved``).
        UsageError: Git does not accept a name.
        UnavailableError: another process holds a reference, or the disk refuses.
    """
    moves = [RefUpdate(*update) for update in updates]
    if not moves:
        return
    sync_objects(repo)
    commands = b"".join(_command(move) for move in moves)
    with noted_locks(repo, _locks(repo, moves)):
        status, _, said = try_git(
            repo, "update-ref", "--stdin", "-z", input=commands, durable="all"
        )
    if status != 0:
        _raise_refused(repo, moves, said, killed=status < 0)
    _sync_references(repo, moves)


def _locks(repo: Repository, moves: Sequence[RefUpdate]) -> list[Path]:
    """Return the locks that Git takes for ``moves``."""
    names = [f"{move.name}.lock" for move in moves]
    shared = [repo.common_dir / name for name in (*names, "packed-refs.lock", "packed-refs.new")]
    return [*shared, repo.git_dir / "HEAD.lock"]


def is_ref_name(repo: Repository, name: str) -> bool:
    """Return whether Git accepts ``name``, such as ``refs/heads/main``, for a reference."""
    if not name.startswith("refs/") or "\0" in name:
        return False
    return try_git(repo, "check-ref-format", name)[0] == 0


def sync_objects(repo: Repository) -> None:
    """Make all objects durable that have been written so far, by whomever.

    A snapshot is made of objects that the user's own Git wrote as well, and by default that syncs
    none of them; nor does any Git sync the folder in which an object gets its name. What has not
    changed since the last call costs one look at each folder.

    Raises:
        UnavailableError: the disk refuses.
    """
    objects = repo.common_dir / "objects"
    synced = repo.state_dir / "objects-synced"
    began = new_temporary(repo)
    try:
        began.touch()
        since_ns = _changed_ns(synced) - _CLOCK_STEP_NS
        _sync_changed(objects, since_ns)
        os.replace(began, synced)
    except OSError as error:
        with suppress(OSError):
            began.unlink(missing_ok=True)
        raise _not_durable(error) from error


def _command(move: RefUpdate) -> bytes:
    if not move.name.startswith("refs/"):
        raise UsageError(f"{move.name!r} is not the full name of a reference.", code="ref-invalid")
    name = _field(move.name)
    if move.new is None and move.old is None:
        raise UsageError(f"{move.name} is to be taken away, but from which value is not said.")
    if move.new is None:
        return b"delete " + name + _field(move.old or "")
    if move.old is None:
        return b"create " + name + _field(move.new)
    return b"update " + name + _field(move.new) + _field(move.old)


def _field(text: str) -> bytes:
    if "\0" in text:
        raise UsageError(f"{text!r} cannot be the name of a reference.", code="ref-invalid")
    return text.encode("utf-8", "surrogateescape") + b"\0"


def _raise_refused(
    repo: Repository, moves: Sequence[RefUpdate], said: bytes, *, killed: bool
) -> None:
    """Say why Git did not move references; one that was ``killed`` may have done so before."""
    for move in moves:
        if not is_ref_name(repo, move.name):
            raise UsageError(
                f"{move.name!r} cannot be the name of a reference.", code="ref-invalid"
            )
    present = {ref.name: ref.oid for ref in list_refs(repo, *(move.name for move in moves))}
    if killed and all(present.get(move.name) == move.new for move in moves):
        return
    for move in moves:
        if present.get(move.name) != move.old:
            raise ConflictError(
                f"{move.name} was moved by another process, so nothing was changed.",
                code="ref-moved",
            )
    raise UnavailableError(
        f"References could not be written: {explanation(said)}.",
        code="ref-not-written",
        hints=("git fsck",),
    )


def _sync_references(repo: Repository, moves: Sequence[RefUpdate]) -> None:
    """Make the folders durable in which references have got or lost their file."""
    folders: set[Path] = {repo.common_dir}
    for move in moves:
        parts = move.name.split("/")
        folders.update(repo.common_dir.joinpath(*parts[:depth]) for depth in range(1, len(parts)))
    names = sorted(folders, reverse=True)
    if repo.version < (2, 36, 0) and sys.platform != "win32":
        names = [*(repo.common_dir / move.name for move in moves), *names]
    try:
        sync_paths([os.fspath(name) for name in names], None)
    except OSError as error:
        raise _not_durable(error) from error


def _sync_changed(objects: Path, since_ns: int) -> None:
    """Sync the folders of objects, and their files, that were written or named after ``since_ns``.

    Git's own maintenance may pack objects meanwhile and remove their folders: packs are looked at
    after all that they may be made of.
    """
    if sys.platform == "win32":  # it can sync no file that is read-only, as objects are
        return
    barrier = os.open(objects, os.O_RDONLY)
    try:
        folders: list[Path] = []
        files: list[str] = []
        for folder in (*objects.glob("??"), objects / "pack", objects):
            if _changed_ns(folder) > since_ns:
                folders.append(folder)
                files += _files_since(folder, since_ns)
        sync_paths(files, barrier)
        sync_paths([os.fspath(folder) for folder in folders], barrier)
    finally:
        os.close(barrier)


def _files_since(folder: Path, since_ns: int) -> list[str]:
    """Return the files in ``folder`` that were written or named after ``since_ns``."""
    found = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.is_file(follow_symlinks=False) and entry.stat().st_ctime_ns > since_ns:
                    found.append(entry.path)
    return found


def _changed_ns(path: Path) -> int:
    """Return when ``path`` was last changed; 0 when it does not exist."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _not_durable(error: OSError) -> UnavailableError:
    return UnavailableError(
        f"What Git wrote could not be made durable: {error.strerror} at {error.filename}.",
        code="not-durable",
    )
