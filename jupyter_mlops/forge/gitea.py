"""Gitea and Forgejo (Codeberg), by the API of version 1 that they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from jupyter_mlops.forge import failures
from jupyter_mlops.forge.answers import multipart, text_of
from jupyter_mlops.forge.client import Client, Needs, Timing
from jupyter_mlops.forge.protocol import Access, Comment, MarkStyle, PullRequest, Status, Thread
from jupyter_mlops.forge.token import Token

ACTIONS_AUTHOR = "-2"
"""The id of the user for whom the tokens of Gitea's and Forgejo's jobs write."""

_PAGE = {"limit": "50"}


def _scope(scope: str) -> str:
    return (
        f"Make an access token (Settings, Applications) with the permission {scope}, and set it as"
        " the secret that the workflow hands on as GITEA_TOKEN."
    )


_READ = Needs("read the repository", _scope("read:repository"))
_COMMENT = Needs("write comments", _scope("write:issue"))
_STATUS = Needs("set a status", _scope("write:repository"))
_OPEN = Needs("open pull requests", _scope("write:repository"))
_USER = Needs("say whose it is", _scope("read:user"))


class Gitea:
    """One repository, ``OWNER/NAME``, on a server of Gitea or Forgejo."""

    name = "Gitea"
    most_characters = 60_000
    mark_style: MarkStyle = "comment"
    draws_diagrams = True
    shows_svg = True

    def __init__(
        self, url: str, repository: str, token: Token, *, timing: Timing | None = None
    ) -> None:
        self._url = url
        self._owner = repository.partition("/")[0]
        self._repo = f"/repos/{quote(repository)}"
        self._client = Client(
            f"Gitea ({url.partition('://')[2]})",
            f"{url}/api/v1",
            token=token,
            header=("Authorization", f"token {token.plain()}"),
            timing=timing,
        )

    def find_own_author(self) -> str | None:
        """Return the user's id, and where the token may not ask, that of a job."""
        answer = self._client.send("GET", "/user", _USER, allow=(403, 404))
        if answer.status != 200:
            return ACTIONS_AUTHOR
        return text_of(self._client.json(answer), "id") or None

    def find_pull_request(
        self, *, number: int | None = None, branch: str | None = None, commit: str | None = None
    ) -> PullRequest | None:
        """Return the pull request of that number, else the open one of a branch or a commit."""
        base = f"{self._repo}/pulls"
        if number is not None:
            found = self._client.find(f"{base}/{number}", _READ)
            return _pull_request(found) if found else None
        if branch is None and commit is None:
            return None
        owner, colon, name = (branch or "").partition(":")
        wanted = (owner, name) if colon else (self._owner, owner)
        pulls = []
        for page in self._client.pages(base, _READ, query={"state": "open", **_PAGE}):
            for one in page:
                theirs = text_of(one, "head", "repo", "owner", "login") or self._owner
                at = (theirs, text_of(one, "head", "ref"))
                if at == wanted if branch else text_of(one, "head", "sha") == commit:
                    pulls.append(_pull_request(one))
        if commit is not None:
            pulls.sort(key=lambda pull: pull.head_commit != commit)
        return pulls[0] if pulls else None

    def iter_comments(self, thread: Thread) -> Iterator[Comment]:
        """Yield all comments, oldest first; servers that have pages of them link the next."""
        for page in self._client.pages(self._comments(thread), _COMMENT, query=_PAGE):
            for one in page:
                yield _comment(one)

    def create_comment(self, thread: Thread, body: str) -> Comment:
        """Write a new comment."""
        made = self._client.write("POST", self._comments(thread), _COMMENT, {"body": body})
        return _comment(made)

    def update_comment(self, thread: Thread, comment: str, body: str) -> None:
        """Write a comment anew."""
        path = f"{self._repo}/issues/comments/{comment}"
        self._client.write("PATCH", path, _COMMENT, {"body": body})

    def delete_comment(self, thread: Thread, comment: str) -> None:
        """Remove a comment."""
        path = f"{self._repo}/issues/comments/{comment}"
        self._client.send("DELETE", path, _COMMENT, allow=(404,))

    def set_status(self, thread: Thread, status: Status) -> None:
        """Show a status beside the commit."""
        body = {"state": status.state, "context": status.name, "description": status.description}
        if status.url:
            body["target_url"] = status.url
        self._client.write("POST", f"{self._repo}/statuses/{thread.commit}", _STATUS, body)

    def read_file(self, path: str, commit: str) -> bytes | None:
        """Return a file as a commit has it."""
        answer = self._client.send(
            "GET", f"{self._repo}/raw/{quote(path)}", _READ, query={"ref": commit}, allow=(404,)
        )
        return None if answer.status == 404 else answer.content

    def upload_pictures(self, thread: Thread, pictures: Mapping[str, bytes]) -> dict[str, str]:
        """Attach pictures to the pull request, and return their URLs."""
        if thread.pull_request is None:
            raise failures.unsupported(
                self._client.place, "place for pictures of a commit", "Open a pull request."
            )
        path = f"{self._repo}/issues/{thread.pull_request}/assets"
        return {name: self._attach(path, name, picture) for name, picture in pictures.items()}

    def open_pull_request(self, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """Ask for a branch to be merged."""
        asked = {"title": title, "head": head, "base": base, "body": body}
        return _pull_request(self._client.write("POST", f"{self._repo}/pulls", _OPEN, asked))

    def update_pull_request(self, number: int, *, title: str, body: str) -> None:
        """Give a pull request another title and text."""
        asked = {"title": title, "body": body}
        self._client.write("PATCH", f"{self._repo}/pulls/{number}", _OPEN, asked)

    def check_access(self, thread: Thread | None) -> tuple[Access, ...]:
        """Read what the token's user may do in the repository; scopes are not told."""
        found = self._client.read(self._repo, _READ)
        permissions = found.get("permissions") if isinstance(found, dict) else None
        push = permissions.get("push") if isinstance(permissions, dict) else None
        return (
            Access(_READ.what, True, _READ.give),
            Access(_COMMENT.what, None, _COMMENT.give),
            Access(_STATUS.what, push if push is False else None, _STATUS.give),
        )

    def _attach(self, path: str, name: str, picture: bytes) -> str:
        body, headers = multipart("attachment", name, picture)
        answer = self._client.send("POST", path, _COMMENT, content=body, headers=headers)
        url = text_of(self._client.json(answer), "browser_download_url")
        if not url.startswith(("http://", "https://")):
            raise failures.foreign_answer(self._client.place, "an upload without an address")
        return f"{url}#{name}"  # Gitea names attachments by numbers of its own

    def _comments(self, thread: Thread) -> str:
        if thread.pull_request is None:
            raise failures.unsupported(
                self._client.place, "comments on commits", "Open a pull request for the branch."
            )
        return f"{self._repo}/issues/{thread.pull_request}/comments"


def _comment(one: Any) -> Comment:
    return Comment(text_of(one, "id"), text_of(one, "user", "id"), text_of(one, "body"))


def _pull_request(one: Any) -> PullRequest:
    number = text_of(one, "number")
    return PullRequest(
        number=int(number) if number.isdigit() else 0,
        head_commit=text_of(one, "head", "sha"),
        head_branch=text_of(one, "head", "ref"),
        base_branch=text_of(one, "base", "ref"),
        url=text_of(one, "html_url"),
    )
