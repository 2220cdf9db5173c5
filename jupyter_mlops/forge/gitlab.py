"""GitLab, by its REST API of version 4; its merge requests and notes, by the words used here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.forge import failures
from jupyter_mlops.forge.answers import list_of, multipart, text_of
from jupyter_mlops.forge.client import Client, Needs, Timing
from jupyter_mlops.forge.protocol import (
    Access,
    Comment,
    MarkStyle,
    PullRequest,
    State,
    Status,
    Thread,
)
from jupyter_mlops.forge.token import Token

_TOKEN = (
    "Make a project access token (Settings, Access tokens) with the role Developer and the scope"
    " api, and set it as the masked CI/CD variable GITLAB_TOKEN."
)
_API = Needs("use the API", _TOKEN)
_COMMENT = Needs("write comments", _TOKEN)
_STATUS = Needs("set a status", _TOKEN)
_OPEN = Needs("open merge requests", _TOKEN)
_PAGE = {"per_page": "100"}
_STATES: dict[State, str] = {
    "pending": "pending",
    "success": "success",
    "failure": "failed",
    "error": "failed",
}
_DEVELOPER = 30
_DESCRIPTION_CHARACTERS = 255


class GitLab:
    """One project, ``GROUP/…/NAME``, on gitlab.com or on a server of its own."""

    name = "GitLab"
    most_characters = 990_000
    mark_style: MarkStyle = "comment"
    draws_diagrams = True
    shows_svg = True

    def __init__(
        self, url: str, repository: str, token: Token, *, timing: Timing | None = None
    ) -> None:
        self._url = url
        self._page = f"{url}/{repository}"
        self._project = f"/projects/{quote(repository, safe='')}"
        self._client = Client(
            f"GitLab ({url.partition('://')[2]})",
            f"{url}/api/v4",
            token=token,
            header=("PRIVATE-TOKEN", token.plain()),
            timing=timing,
        )

    def find_own_author(self) -> str | None:
        """Return the id of the token's user, of a project's token that of its bot."""
        return text_of(self._client.read("/user", _API), "id") or None

    def find_pull_request(
        self, *, number: int | None = None, branch: str | None = None, commit: str | None = None
    ) -> PullRequest | None:
        """Return the merge request of that number, else the open one of a branch or a commit."""
        base = f"{self._project}/merge_requests"
        if number is not None:
            found = self._client.find(f"{base}/{number}", _API)
            return _pull_request(found) if found else None
        if branch is not None:
            query = {"state": "opened", "source_branch": branch.rpartition(":")[2], **_PAGE}
            pulls = [_pull_request(one) for one in self._client.read(base, _API, query=query)]
            if commit is not None:
                pulls.sort(key=lambda pull: pull.head_commit != commit)
            if pulls:
                return pulls[0]
        if commit is not None:
            path = f"{self._project}/repository/commits/{commit}/merge_requests"
            for one in self._client.find(path, _API, query=_PAGE) or []:
                if text_of(one, "state") == "opened":
                    return _pull_request(one)
        return None

    def iter_comments(self, thread: Thread) -> Iterator[Comment]:
        """Yield the notes of all pages, oldest first; at a commit, the first of each discussion."""
        query = {"sort": "asc", "order_by": "created_at", **_PAGE}
        if thread.pull_request is None:
            query = _PAGE
        for page in self._client.pages(self._comments(thread), _COMMENT, query=query):
            for one in page:
                if thread.pull_request is not None:
                    yield _note(one, text_of(one, "id"))
                elif notes := list_of(one, "notes"):
                    yield _note(notes[0], f"{text_of(one, 'id')}/{text_of(notes[0], 'id')}")

    def create_comment(self, thread: Thread, body: str) -> Comment:
        """Write a new note, at a commit a new discussion."""
        made = self._client.write("POST", self._comments(thread), _COMMENT, {"body": body})
        if thread.pull_request is not None:
            return _note(made, text_of(made, "id"))
        note = (list_of(made, "notes") or [{}])[0]
        return _note(note, f"{text_of(made, 'id')}/{text_of(note, 'id')}")

    def update_comment(self, thread: Thread, comment: str, body: str) -> None:
        """Write a note anew."""
        self._client.write("PUT", self._comment(thread, comment), _COMMENT, {"body": body})

    def delete_comment(self, thread: Thread, comment: str) -> None:
        """Remove a note."""
        self._client.send("DELETE", self._comment(thread, comment), _COMMENT, allow=(404,))

    def set_status(self, thread: Thread, status: Status) -> None:
        """Show a status beside the commit."""
        body = {
            "state": _STATES[status.state],
            "name": status.name,
            "description": status.description[:_DESCRIPTION_CHARACTERS],
        }
        if status.url:
            body["target_url"] = status.url
        self._client.write("POST", f"{self._project}/statuses/{thread.commit}", _STATUS, body)

    def read_file(self, path: str, commit: str) -> bytes | None:
        """Return a file as a commit has it."""
        answer = self._client.send(
            "GET",
            f"{self._project}/repository/files/{quote(path, safe='')}/raw",
            _API,
            query={"ref": commit},
            allow=(404,),
        )
        return None if answer.status == 404 else answer.content

    def upload_pictures(self, thread: Thread, pictures: Mapping[str, bytes]) -> dict[str, str]:
        """Upload pictures to the project, and return their URLs."""
        return {name: self._upload(name, picture) for name, picture in pictures.items()}

    def _upload(self, name: str, picture: bytes) -> str:
        body, headers = multipart("file", name, picture)
        answer = self._client.send(
            "POST", f"{self._project}/uploads", _COMMENT, content=body, headers=headers
        )
        told = self._client.json(answer)
        full = text_of(told, "full_path")
        if full.startswith("/"):
            return self._url + full
        short = text_of(told, "url")
        if not short.startswith("/uploads/"):
            raise failures.foreign_answer(self._client.place, "an upload without an address")
        return self._page + short

    def open_pull_request(self, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """Ask for a branch to be merged."""
        asked = {"source_branch": head, "target_branch": base, "title": title, "description": body}
        made = self._client.write("POST", f"{self._project}/merge_requests", _OPEN, asked)
        return _pull_request(made)

    def update_pull_request(self, number: int, *, title: str, body: str) -> None:
        """Give a merge request another title and text."""
        asked = {"title": title, "description": body}
        self._client.write("PUT", f"{self._project}/merge_requests/{number}", _OPEN, asked)

    def check_access(self, thread: Thread | None) -> tuple[Access, ...]:
        """Read the token's scopes and its role in the project."""
        project = self._client.read(self._project, _API)
        try:
            own = self._client.read("/personal_access_tokens/self", _API)
            scoped: bool | None = "api" in list_of(own, "scopes")
        except NotFoundError:
            scoped = None  # an OAuth token, of which nothing is told
        levels = [
            text_of(project, "permissions", kind, "access_level")
            for kind in ("project_access", "group_access")
        ]
        known = [int(level) for level in levels if level.isdigit()]
        ranked = max(known) >= _DEVELOPER if known else None
        both = False if False in (scoped, ranked) else (True if scoped and ranked else None)
        return (
            Access(_API.what, True, _TOKEN),
            Access(_COMMENT.what, scoped, _TOKEN),
            Access(_STATUS.what, both, _TOKEN),
        )

    def _comments(self, thread: Thread) -> str:
        if thread.pull_request is not None:
            return f"{self._project}/merge_requests/{thread.pull_request}/notes"
        return f"{self._project}/repository/commits/{thread.commit}/discussions"

    def _comment(self, thread: Thread, comment: str) -> str:
        if thread.pull_request is not None:
            return f"{self._comments(thread)}/{comment}"
        discussion, _, note = comment.partition("/")
        return f"{self._comments(thread)}/{discussion}/notes/{note}"


def _note(one: Any, name: str) -> Comment:
    return Comment(name, text_of(one, "author", "id"), text_of(one, "body"))


def _pull_request(one: Any) -> PullRequest:
    number = text_of(one, "iid")
    return PullRequest(
        number=int(number) if number.isdigit() else 0,
        head_commit=text_of(one, "sha"),
        head_branch=text_of(one, "source_branch"),
        base_branch=text_of(one, "target_branch"),
        url=text_of(one, "web_url"),
    )
