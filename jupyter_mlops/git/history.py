"""What every commit changed in some files, read in one pass of ``git log``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from jupyter_mlops.git.process import OFFLINE, literal, run_git, split_nul
from jupyter_mlops.git.repository import Repository

_HEADER_FIELDS = 5
_FORMAT = "--format=%H%x00%P%x00%ct%x00%an%x00%s"
TIMES = (-62_135_596_800, 253_402_300_800)
"""Within which a moment can be told, in seconds since 1970: the years from 1 to 9999."""

_LOCAL, _REMOTE, _TAGS = "refs/heads/", "refs/remotes/", "refs/tags/"


class FileChange(NamedTuple):
    """One file that a commit changed."""

    status: str
    """One letter: added, modified, deleted, or its type changed (``A``, ``M``, ``D``, ``T``)."""
    path: str
    oid: str | None
    """The blob that the commit has there; None when it has none."""
    mode: str = "100644"
    """What the commit has there, as Git writes it; ``000000`` when it has nothing."""


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """A commit, and what it changed against its first parent among the files asked for."""

    commit: str
    parents: tuple[str, ...]
    committed_at: datetime
    author: str
    subject: str
    changes: tuple[FileChange, ...]


def iter_history(
    repo: Repository,
    tips: Sequence[str],
    pathspecs: Sequence[str],
    *,
    known: Sequence[str] = (),
    lenient: bool = False,
) -> list[CommitFiles]:
    """Return every commit that ``tips`` reach, parents before their children, in one pass.

    Commits that changed none of the files are listed too, with no changes, so that lines of
    parents can be followed without asking again.

    Args:
        repo: the repository.
        tips: full ids of commits.
        pathspecs: which files to report; patterns as in ``metrics/**/*.json``, where ``**`` crosses
            folders and ``*`` does not.
        known: full ids of commits that are left out, as is all that they reach.
        lenient: pass over what is gone of ``tips`` and ``known``, and fetch nothing: where a
            partial clone lacks a folder, it fails.
    """
    if not tips:
        return []
    asked = [*tips, *(f"^{oid}" for oid in known)]
    printed = run_git(
        repo,
        *(
            "-c",
            "log.follow=false",
            "log",
            *(("--ignore-missing",) if lenient else ()),  # of what comes after it
            "--stdin",
            "-z",
            "--topo-order",
            "--reverse",
            "--encoding=UTF-8",
            _FORMAT,
        ),
        *("--raw", "--no-abbrev", "--no-renames", "--no-show-signature", "--no-color"),
        *("--diff-merges=first-parent", "--full-history", "--sparse", "--root"),
        *("--ignore-submodules=none", "--", *(f":(top,glob){one}" for one in pathspecs)),
        input="".join(f"{one}\n" for one in asked).encode("ascii"),
        env=OFFLINE if lenient else None,
    )
    return list(_parse(split_nul(printed)))


def list_line(repo: Repository, old: str, new: str, pathspecs: Sequence[str] = ()) -> list[str]:
    """Return the first-parent line of the commit ``new`` down to ``old``, which is not in it.

    The newest comes first; all are full ids. With ``pathspecs``, only the commits that changed a
    file they match against their first parent.
    """
    words = ("rev-list", "--first-parent", "--end-of-options", f"{old}..{new}", "--")
    printed = run_git(repo, "-c", "log.follow=false", *words, *pathspecs)
    return printed.decode("ascii").split()


def last_changes(repo: Repository, paths: Sequence[str]) -> dict[str, str]:
    """Return the short id of the last commit before HEAD, or HEAD, that changed each of ``paths``.

    A path that no commit has changed is left out.
    """
    found = {}
    for path in paths:
        printed = run_git(
            repo,
            *("-c", "log.follow=false", "log", "-1", "--format=%h"),
            *("--no-show-signature", "--no-color", "--", literal(path)),
            allow=(0, 128),
        )
        if printed.strip():
            found[path] = printed.decode("ascii").strip()
    return found


def is_blob_named(repo: Repository, path: str, oid: str, *, without: str) -> bool:
    """Return whether a commit that some reference reaches has the blob ``oid`` at ``path``.

    References that begin with ``without`` do not count.
    """
    printed = run_git(
        repo,
        *("-c", "log.follow=false", "log", "-1", "--format=%H", f"--exclude={without}*", "--all"),
        *("--no-show-signature", "--no-color", "--diff-merges=first-parent", "--root"),
        *(f"--find-object={oid}", "--full-history", "--", literal(path)),
    )
    return bool(printed.strip())


def list_branches(repo: Repository, *, all_branches: bool = False) -> dict[str, str]:
    """Return the tip of each local branch by its name; ``origin/main`` and its like on request.

    A reference that stands for another one, such as ``origin/HEAD``, is left out.
    """
    prefixes = (_LOCAL, _REMOTE) if all_branches else (_LOCAL,)
    printed = run_git(
        repo, "for-each-ref", "--format=%(objectname) %(refname) %(symref)", "--", *prefixes
    )
    branches: dict[str, str] = {}
    for row in printed.decode("utf-8", "surrogateescape").split("\n"):
        if not row:
            continue
        oid, name, target = row.split(" ")
        short = name.removeprefix(_LOCAL).removeprefix(_REMOTE)
        if not target:
            branches.setdefault(short, oid)
    return branches


def list_tags(repo: Repository) -> dict[str, str]:
    """Return the object that each tag stands for in the end, mostly a commit, by its name."""
    printed = run_git(repo, "show-ref", "--tags", "--dereference", allow=(0, 1))
    tags: dict[str, str] = {}
    for row in printed.decode("utf-8", "surrogateescape").split("\n"):
        if row:
            oid, name = row.split(" ", 1)
            tags[name.removeprefix(_TAGS).removesuffix("^{}")] = oid
    return tags


def _parse(fields: list[str]) -> Iterator[CommitFiles]:
    position = 0
    while position < len(fields):
        commit, parents, seconds, author, subject = fields[position : position + _HEADER_FIELDS]
        position += _HEADER_FIELDS
        changes = []
        while position < len(fields) and fields[position].lstrip("\n").startswith(":"):
            described, path = fields[position : position + 2]
            _, mode, _, oid, status = described.lstrip("\n").split(" ")
            changes.append(FileChange(status[0], path, None if mode == "000000" else oid, mode))
            position += 2
        yield CommitFiles(
            commit=commit,
            parents=tuple(parents.split()),
            committed_at=_moment(int(seconds)),
            author=author,
            subject=subject,
            changes=tuple(changes),
        )


def _moment(seconds: int) -> datetime:
    """Return the moment that a commit claims, within what a date can be."""
    return datetime.fromtimestamp(min(max(seconds, TIMES[0]), TIMES[1] - 1), UTC)
