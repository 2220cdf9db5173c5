"""Which files two revisions have otherwise, or a revision and the working tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.trees import object_oid


class ChangedFile(NamedTuple):
    """A regular file; a path is None where that side lacks it, and both differ for a renamed one.

    ``new_oid`` is None where the new content is that of the working tree, if it has the file.
    """

    old_path: str | None
    old_oid: str | None
    new_path: str | None
    new_oid: str | None


def list_changed(
    repo: Repository, old: str | None, new: str | None, pathspecs: Sequence[str]
) -> list[ChangedFile]:
    """Return the files that match ``pathspecs`` and differ, in the order of their paths.

    ``old`` is a commit's full id, None for nothing at all; ``new`` is one, None for the files in
    the working tree that Git tracks, whose content may turn out to be the same.
    """
    before = object_oid(repo, b"tree", b"") if old is None else old
    words = ("--raw", "-r", "-z", "-M", "--full-index", "--no-ext-diff", before)
    if new is None:
        printed = run_git(repo, "diff-index", *words, "--", *pathspecs)
    else:
        printed = run_git(repo, "diff-tree", *words, new, "--", *pathspecs)
    return list(_iter_rows(split_nul(printed), in_worktree=new is None))


def count_changed_lines(
    repo: Repository, old: str | None, new: str | None, pathspecs: Sequence[str]
) -> dict[str, tuple[int, int] | None]:
    """Return how many lines were added and removed in each file, by its new path.

    None for what is no text. ``old``, ``new`` and ``pathspecs`` are as for :func:`list_changed`; in
    the working tree a file may be named whose content is the same: no line of it changed.
    """
    before = object_oid(repo, b"tree", b"") if old is None else old
    words = ("--numstat", "-r", "-z", "-M", "--no-ext-diff", "--no-textconv", before)
    if new is None:
        printed = run_git(repo, "diff-index", *words, "--", *pathspecs)
    else:
        printed = run_git(repo, "diff-tree", *words, new, "--", *pathspecs)
    counts: dict[str, tuple[int, int] | None] = {}
    fields = iter(split_nul(printed))
    for field in fields:
        added, removed, path = field.split("\t", 2)
        if not path:
            next(fields)
            path = next(fields)
        counts[path] = None if added == "-" else (int(added), int(removed))
    return counts


def read_blob_sizes(repo: Repository, oids: Iterable[str]) -> dict[str, int]:
    """Return the size in bytes of each of the objects ``oids``, full ids; none that Git lacks."""
    asked = "".join(f"{oid}\n" for oid in dict.fromkeys(oids)).encode("ascii")
    if not asked:
        return {}
    printed = run_git(repo, "cat-file", "--batch-check=%(objectname) %(objectsize)", input=asked)
    rows = (line.split(" ") for line in printed.decode("ascii").splitlines())
    return {oid: int(size) for oid, size in rows if size.isdigit()}


def _iter_rows(fields: list[str], *, in_worktree: bool) -> Iterator[ChangedFile]:
    remaining = iter(fields)
    for described in remaining:
        old_mode, new_mode, old_oid, new_oid, status = described.removeprefix(":").split(" ")
        path = next(remaining)
        new_path = next(remaining) if status[0] in "RC" else path
        was, is_now = old_mode.startswith("100"), new_mode.startswith("100")
        if was or is_now:
            yield ChangedFile(
                path if was else None,
                old_oid if was else None,
                new_path if is_now else None,
                new_oid if is_now and not in_worktree else None,
            )
