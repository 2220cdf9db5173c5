"""What Git ignores and what it tracks, and single lines of a ``.gitignore``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from jupyter_mlops.git.process import encode_names, run_git, split_nul
from jupyter_mlops.git.repository import Repository

_NONE_IGNORED = 1
_PATHS_A_CALL = 500
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SPECIAL = re.compile(r"([\\*?\[])")


LINES_LIMIT_BYTES = 100 * 1024**2
"""The largest ``.gitignore`` or ``.gitattributes`` that is read; of the latter Git's own limit."""


def ignored(repo: Repository, paths: Sequence[str]) -> dict[str, str]:
    """Return the rule that ignores each of ``paths`` which is ignored, as ``file:line:pattern``.

    The index is not looked at, so a tracked file that a rule matches counts as ignored. A path that
    does not exist is judged as a file.

    Raises:
        UnavailableError: a path lies beyond a symbolic link or in a submodule.
    """
    if not paths:
        return {}
    # A name that begins with a colon would be taken for a pattern.
    printed = run_git(
        repo,
        *("check-ignore", "--verbose", "-z", "--stdin", "--no-index"),
        input=encode_names(f"./{path}" for path in paths),
        allow=(0, _NONE_IGNORED),
    )
    fields = split_nul(printed)
    rows = zip(fields[0::4], fields[1::4], fields[2::4], fields[3::4], strict=True)
    return {
        path.removeprefix("./"): f"{source}:{line}:{pattern}"
        for source, line, pattern, path in rows
        if not pattern.startswith("!")
    }


def tracked_under(repo: Repository, paths: Sequence[str]) -> list[str]:
    """Return the files in the index that are one of ``paths`` or lie beneath one, sorted."""
    found: set[str] = set()
    for start in range(0, len(paths), _PATHS_A_CALL):
        some = paths[start : start + _PATHS_A_CALL]
        found.update(split_nul(run_git(repo, "--literal-pathspecs", "ls-files", "-z", "--", *some)))
    return sorted(found)


def add_ignore_line(text: str, name: str) -> str:
    """Return the text of a ``.gitignore`` with a line that ignores just ``name`` beside it.

    A text that has the line is returned as it is. Line ends stay as they are; ``text`` is decoded
    so that all of its bytes come back (``surrogateescape``, ``newline=""``).
    """
    line = _format_line(name)
    if any(present.rstrip("\r\n") == line for present in _iter_lines(text)):
        return text
    end = "\r\n" if text.endswith("\r\n") else "\n"
    before = text if not text or text.endswith("\n") else f"{text}{end}"
    return f"{before}{line}{end}"


def remove_ignore_line(text: str, name: str) -> str:
    """Return the text of a ``.gitignore`` without the lines that ignore just ``name`` beside it.

    An empty result means that nothing else stood there.
    """
    line = _format_line(name)
    return "".join(kept for kept in _iter_lines(text) if kept.rstrip("\r\n") != line)


def _format_line(name: str) -> str:
    """Return the pattern for exactly ``name`` in the folder of the ``.gitignore``.

    The slash anchors it there, and keeps a leading ``#`` or ``!`` from having a meaning. A line
    cannot hold a line break, so that one is matched as any character.
    """
    escaped = _SPECIAL.sub(r"\\\1", name)
    escaped = escaped.replace("\n", "?")
    if escaped.endswith("\r"):
        escaped = f"{escaped[:-1]}?"
    bare = escaped.rstrip(" ")
    return f"/{bare}" + "\\ " * (len(escaped) - len(bare))


def _iter_lines(text: str) -> Iterator[str]:
    """Yield the lines of ``text`` with their ends; only a newline ends a line, as for Git."""
    return (match.group() for match in _LINE.finditer(text))
