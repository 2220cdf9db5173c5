"""A folder in the place of a forge: to see what would be posted, and for CI systems without one."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.forge import failures
from jupyter_mlops.forge.protocol import Access, Comment, MarkStyle, PullRequest, Status, Thread

_AUTHOR = "here"
_COMMENT_LIMIT_BYTES = 64 * 1024 * 1024
_COMMENT = "comment-"


class FileForge:
    """Comments, statuses and pull requests as files below ``folder``, which must exist.

    ``pull-request-7/`` or ``commit-0123…/`` has a ``comment-….md`` each and a ``status-….json``
    each; ``pictures/`` what was uploaded.
    """

    name = "a folder"
    most_characters = 60_000
    mark_style: MarkStyle = "comment"
    draws_diagrams = True
    shows_svg = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tree = WorkTree(folder)

    def find_own_author(self) -> str | None:
        """Return the one author there is."""
        return _AUTHOR

    def find_pull_request(
        self, *, number: int | None = None, branch: str | None = None, commit: str | None = None
    ) -> PullRequest | None:
        """Return a pull request that was opened here; of any other number one without a branch."""
        for file in sorted(self._folder.glob("pull-request-*/pull-request.json")):
            told = json.loads(file.read_bytes())
            found = PullRequest(**{key: told[key] for key in PullRequest.__slots__})
            if found.number == number or (branch is not None and found.head_branch == branch):
                return found
        return None if number is None else PullRequest(number, commit or "", "", "", "")

    def iter_comments(self, thread: Thread) -> Iterator[Comment]:
        """Yield the comments, oldest first."""
        for file in sorted((self._folder / _name(thread)).glob(f"{_COMMENT}*.md")):
            path = f"{_name(thread)}/{file.name}"
            body = self._tree.read(path, limit_bytes=_COMMENT_LIMIT_BYTES).decode()
            yield Comment(file.name, _AUTHOR, body)

    def create_comment(self, thread: Thread, body: str) -> Comment:
        """Write a new file, whose name tells when."""
        name = f"{_COMMENT}{time.time_ns():020d}-{secrets.token_hex(4)}.md"
        self._write(f"{_name(thread)}/{name}", body.encode())
        return Comment(name, _AUTHOR, body)

    def update_comment(self, thread: Thread, comment: str, body: str) -> None:
        """Write the file anew."""
        path = f"{_name(thread)}/{comment}"
        if self._tree.stat(path) is None:
            raise NotFoundError(f"There is no {path} any more.", code="forge-not-found")
        self._write(path, body.encode())

    def delete_comment(self, thread: Thread, comment: str) -> None:
        """Remove the file."""
        self._tree.unlink(f"{_name(thread)}/{comment}")

    def set_status(self, thread: Thread, status: Status) -> None:
        """Write the status as JSON."""
        path = f"{_name(thread)}/status-{quote(status.name, safe='')}.json"
        self._write(path, _json(asdict(status)))

    def read_file(self, path: str, commit: str) -> bytes | None:
        """Return None: a folder knows no commits."""
        return None

    def upload_pictures(self, thread: Thread, pictures: Mapping[str, bytes]) -> dict[str, str]:
        """Write the pictures below ``pictures/``, and return their paths from a comment."""
        for name, picture in pictures.items():
            if self._tree.stat(f"pictures/{name}") is None:
                self._write(f"pictures/{name}", picture)
        return {name: f"../pictures/{name}" for name in pictures}

    def open_pull_request(self, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """Write a pull request as JSON, under the next number."""
        taken = [int(path.name.rpartition("-")[2]) for path in self._folder.glob("pull-request-*")]
        opened = PullRequest(max(taken, default=0) + 1, "", head, base, "")
        self._write_pull_request(opened, title, body)
        return opened

    def update_pull_request(self, number: int, *, title: str, body: str) -> None:
        """Write its title and text anew."""
        found = self.find_pull_request(number=number)
        if found is None:
            raise failures.not_found(self.name, f"pull request {number}")
        self._write_pull_request(found, title, body)

    def check_access(self, thread: Thread | None) -> tuple[Access, ...]:
        """Return nothing: whoever may write the folder may do all."""
        return ()

    def _write(self, path: str, content: bytes) -> None:
        self._tree.clear(path)  # what a killed job left there
        self._tree.write_file(path, content)

    def _write_pull_request(self, pull: PullRequest, title: str, body: str) -> None:
        told = {**asdict(pull), "title": title, "body": body}
        path = f"{_name(Thread(pull.number, ''))}/pull-request.json"
        self._write(path, _json(told))


def _name(thread: Thread) -> str:
    if thread.pull_request is not None:
        return f"pull-request-{thread.pull_request}"
    return f"commit-{quote(thread.commit, safe='')}"


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"
