"""The files of a commit, read from Git's objects without a checkout."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.git.process import OFFLINE, open_git, run_git, split_nul, try_git
from jupyter_mlops.git.repository import Repository

_FILE_MODES = ("100644", "100755")
_REQUESTS_AHEAD = 64
"""Ids sent before an answer is read: so few fit in a pipe, and neither side ever waits."""


class TreeEntry(NamedTuple):
    """One entry of a tree: a file, a symbolic link, or a submodule's commit."""

    mode: str
    """As Git writes it: ``100644``, ``100755``, ``120000`` (link), ``160000`` (submodule)."""
    oid: str


class BlobReader:
    """Reads blobs through one running Git, for one thread; made by :func:`open_blob_reader`.

    Git ends at an object that it finds damaged; another one then reads what is asked for next. That
    an object is the one its name says, Git does not look, and so it is looked at here.
    """

    def __init__(self, repo: Repository, stack: ExitStack, *, offline: bool) -> None:
        self._repo = repo
        self._stack = stack
        self._env = OFFLINE if offline else None
        self._starts = 0

    def _start(self) -> None:
        git = open_git(self._repo, "cat-file", "--batch", env=self._env)
        self._requests, self._answers = self._stack.enter_context(git)
        self._starts += 1

    def read(self, oid: str) -> bytes:
        """Return the bytes of the object ``oid``, a full id, or of a file, ``COMMIT:PATH``.

        Raises:
            NotFoundError: the repository lacks it, or it is damaged.
        """
        return next(self.read_many((oid,)))

    def read_many(self, oids: Iterable[str]) -> Iterator[bytes]:
        """Yield the bytes of each of ``oids``, full ids, in their order.

        An iterator that is left before its end leaves the reader unusable.

        Raises:
            NotFoundError: the repository lacks one, or it is damaged.
        """
        remaining = iter(oids)
        while batch := list(islice(remaining, _REQUESTS_AHEAD)):
            self._request(batch)
            for oid in batch:
                yield self._read_answer(oid)

    def read_each(self, oids: Iterable[str]) -> Iterator[bytes | None]:
        """Yield the bytes of each of ``oids`` as :meth:`read_many`; None for what cannot be read.

        An iterator that is left before its end leaves the reader unusable.
        """
        remaining = iter(oids)
        while batch := list(islice(remaining, _REQUESTS_AHEAD)):
            self._request(batch)
            for at, oid in enumerate(batch, 1):
                starts = self._starts
                content: bytes | None = None
                with suppress(NotFoundError):
                    content = self._read_answer(oid)
                if self._starts != starts:  # what was asked for next, Git has not heard
                    self._request(batch[at:])
                yield content

    def _request(self, oids: Sequence[str]) -> None:
        if not self._starts:
            self._start()
        with suppress(BrokenPipeError):  # it ended early: its answers end where it did
            self._requests.write(os.fsencode("".join(f"{oid}\n" for oid in oids)))
            self._requests.flush()

    def _read_answer(self, oid: str) -> bytes:
        answer = self._answers.readline()
        is_missing = answer.endswith(b" missing\n")
        header = answer.split()
        if len(header) == 3 and not is_missing:
            size_bytes = int(header[2])
            content = self._answers.read(size_bytes + 1)
            if len(content) == size_bytes + 1:
                return self._verified(oid, header, content[:-1])
        if is_missing:
            raise NotFoundError(
                f"Git has no object {oid}.", code="object-missing", hints=("git fsck",)
            )
        self._start()
        raise _unreadable(oid)

    def _verified(self, oid: str, header: list[bytes], content: bytes) -> bytes:
        if object_oid(self._repo, header[1], content) != header[0].decode("ascii"):
            raise _unreadable(oid)
        return content


def object_oid(repo: Repository, kind: bytes, content: bytes) -> str:
    """Return the full id that Git gives to an object of that kind (``blob``) and these bytes."""
    digest = hashlib.new(repo.object_format, usedforsecurity=False)
    digest.update(b"%s %d\0" % (kind, len(content)))
    digest.update(content)
    return digest.hexdigest()


def _unreadable(oid: str) -> NotFoundError:
    return NotFoundError(
        f"Git could not read object {oid}.", code="object-missing", hints=("git fsck",)
    )


@contextmanager
def open_blob_reader(repo: Repository, *, offline: bool = False) -> Iterator[BlobReader]:
    """Yield a reader of ``repo``'s blobs, which costs one process however many are read, or none.

    What a partial clone lacks is fetched, each blob by itself, unless it is ``offline``.
    """
    with ExitStack() as stack:
        yield BlobReader(repo, stack, offline=offline)


def read_sizes(repo: Repository, oids: Sequence[str]) -> dict[str, int]:
    """Return the length of each object in bytes, without reading or fetching any.

    Those that the repository lacks, or that cannot be read, are left out.
    """
    sizes: dict[str, int] = {}
    at = 0
    while at < len(oids):
        lines = os.fsencode("".join(f"{oid}\n" for oid in oids[at:]))
        options = "--batch-check=%(objectname) %(objectsize)"
        _, printed, _ = try_git(repo, "cat-file", options, input=lines, env=OFFLINE)
        answers = printed.decode("ascii", "replace").splitlines()
        for oid, answer in zip(oids[at:], answers, strict=False):
            _, _, size = answer.partition(" ")
            if size.isdecimal():
                sizes[oid] = int(size)
        at += len(answers) + 1  # it ends at an object that it finds damaged
    return sizes


class GitTree:
    """The files of one commit: a :class:`jupyter_mlops.trees.Tree`.

    It is listed once, when first asked. Regular files alone count as files; ``entries`` has links
    and submodules too. Where ``most_bytes`` is given, :meth:`read_many` reads a file no further.
    """

    def __init__(self, repo: Repository, oid: str, most_bytes: int | None = None) -> None:
        self._repo = repo
        self._most_bytes = most_bytes
        self.oid = oid
        """The full id of the commit or tree."""

    @cached_property
    def entries(self) -> Mapping[str, TreeEntry]:
        """Every entry by its path, folders left out, sorted by path."""
        rows = split_nul(run_git(self._repo, "ls-tree", "-r", "-z", "--full-tree", self.oid))
        return MappingProxyType(dict(_parse_row(row) for row in rows))

    def iter_paths(self) -> Iterator[str]:
        """Yield the path of every regular file, sorted by code point."""
        return (path for path, entry in self.entries.items() if entry.mode in _FILE_MODES)

    def read(self, path: str) -> bytes:
        """Return the bytes of ``path``; of a symbolic link, its target.

        Raises:
            NotFoundError: the tree has no such file.
        """
        entry = self.entries.get(path)
        if entry is None or entry.mode == "160000":
            raise NotFoundError(f"{path} is not in {self.oid[:12]}.", code="path-not-found")
        with open_blob_reader(self._repo) as reader:
            return reader.read(entry.oid)

    def read_head(self, path: str, most_bytes: int) -> bytes:
        """Return the first ``most_bytes`` of ``path``, however large it is, or all of it.

        Where that is all of it, it is verified.

        Raises:
            NotFoundError: the tree has no such regular file, or Git cannot read it.
        """
        entry = self.entries.get(path)
        if entry is None or entry.mode not in _FILE_MODES:
            raise NotFoundError(f"{path} is not in {self.oid[:12]}.", code="path-not-found")
        with open_git(self._repo, "cat-file", "blob", entry.oid) as (_, printed):
            head = printed.read(most_bytes)
        is_whole = len(head) < most_bytes
        if is_whole and object_oid(self._repo, b"blob", head) != entry.oid:
            raise _unreadable(entry.oid)
        return head

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and bytes of each of ``paths`` that exists, in order, by one process."""
        wanted = [(path, self.entries[path].oid) for path in paths if self._has_blob(path)]
        if not wanted:
            return
        large = self._find_large([oid for _, oid in wanted])
        with open_blob_reader(self._repo) as reader:
            contents = reader.read_many(oid for _, oid in wanted if oid not in large)
            for path, oid in wanted:
                yield path, self._read_beginning(oid) if oid in large else next(contents)

    def _find_large(self, oids: Sequence[str]) -> set[str]:
        if self._most_bytes is None:
            return set()
        sizes = read_sizes(self._repo, oids)
        return {oid for oid, size in sizes.items() if size > self._most_bytes}

    def _read_beginning(self, oid: str) -> bytes:
        with open_git(self._repo, "cat-file", "blob", oid) as (_, printed):
            return printed.read(self._most_bytes or 0)

    def _has_blob(self, path: str) -> bool:
        entry = self.entries.get(path)
        return entry is not None and entry.mode != "160000"


def open_tree(repo: Repository, oid: str, most_bytes: int | None = None) -> GitTree:
    """Return the files of ``oid``, the full id of a commit or a tree; see :class:`GitTree`.

    Nothing is read yet; an id that names neither fails when the tree is first listed.
    """
    return GitTree(repo, oid, most_bytes)


def holds_path(repo: Repository, revision: str, path: str) -> bool:
    """Return whether the tree of ``revision`` has an entry ``path``, a folder's included."""
    words = ("ls-tree", "-z", "--name-only", "--full-tree", revision, "--", path)
    return path in split_nul(run_git(repo, "--literal-pathspecs", *words))


def _parse_row(row: str) -> tuple[str, TreeEntry]:
    described, path = row.split("\t", 1)
    mode, _, oid = described.split(" ")
    return path, TreeEntry(mode, oid)
