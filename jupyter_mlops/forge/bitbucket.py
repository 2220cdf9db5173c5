"""Bitbucket Cloud, by its REST API 2.0. It escapes HTML comments and abbreviates commits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from jupyter_mlops.forge.answers import Answer, Json, multipart, text_of
from jupyter_mlops.forge.client import Client, Needs, Timing
from jupyter_mlops.forge.protocol import (
    Access,
    Comment,
    MarkStyle,
    PullRequest,
    State,
    Status,
    Thread,
    is_same_commit,
)
from jupyter_mlops.forge.token import Token

_API = "https://api.bitbucket.org/2.0"
_PAGE = {"pagelen": "100"}
_KEY_CHARACTERS = 40
_DESCRIPTION_CHARACTERS = 250
_STATES: dict[State, str] = {
    "pending": "INPROGRESS",
    "success": "SUCCESSFUL",
    "failure": "FAILED",
    "error": "FAILED",
}


def _scope(scope: str) -> str:
    return (
        "Make a repository access token (Repository settings, Access tokens) with the scope"
        f" {scope}, and set it as the secured variable BITBUCKET_TOKEN."
    )


_READ = Needs("read the repository", _scope("repository"))
_PULLS = Needs("read pull requests", _scope("pullrequest"))
_COMMENT = Needs("write comments", _scope("pullrequest:write"))
_STATUS = Needs("set a status", _scope("repository:write"))
_CONTENT = Needs("upload files", _scope("repository:write"))
_OPEN = Needs("open pull requests", _scope("pullrequest:write"))
_USER = Needs("say whose it is", _scope("account"))


class Bitbucket:
    """One repository, ``WORKSPACE/NAME``; ``email`` is of the user whose API token it is."""

    name = "Bitbucket"
    most_characters = 32_000
    mark_style: MarkStyle = "reference"
    draws_diagrams = False
    shows_svg = True

    def __init__(
        self,
        url: str,
        repository: str,
        token: Token,
        *,
        email: str | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._page = f"{url}/{repository}"
        self._repo = f"/repositories/{quote(repository)}"
        self._client = Client(
            f"Bitbucket ({url.partition('://')[2]})",
            _API if url == "https://bitbucket.org" else f"{url}/2.0",
            token=token,
            header=("Authorization", token.basic(email) if email else token.bearer()),
            timing=timing,
        )

    def find_own_author(self) -> str | None:
        """Return the user's id; None where the token may not ask, until it has written."""
        answer = self._client.send("GET", "/user", _USER, allow=(401, 403, 404))
        return text_of(self._client.json(answer), "uuid") or None if answer.status == 200 else None

    def find_pull_request(
        self, *, number: int | None = None, branch: str | None = None, commit: str | None = None
    ) -> PullRequest | None:
        """Return the pull request of that number, else the open one of a branch or a commit."""
        base = f"{self._repo}/pullrequests"
        if number is not None:
            found = self._client.find(f"{base}/{number}", _PULLS)
            return _pull_request(found) if found else None
        pulls: list[PullRequest] = []
        if branch is not None:
            name = branch.rpartition(":")[2].replace("\\", "\\\\").replace('"', '\\"')
            query = {"q": f'source.branch.name = "{name}" AND state = "OPEN"', "pagelen": "50"}
            pages = self._client.pages(base, _PULLS, query=query, following=_following)
            pulls = [_pull_request(one) for page in pages for one in _values(page)]
        elif commit is not None:
            path = f"{self._repo}/commit/{commit}/pullrequests"
            found = self._client.find(path, _PULLS, query={"pagelen": "50"})
            open_ones = [one for one in _values(found) if text_of(one, "state") == "OPEN"]
            pulls = [_pull_request(one) for one in open_ones]
        if commit is not None:
            pulls.sort(key=lambda pull: not is_same_commit(pull.head_commit, commit))
        return pulls[0] if pulls else None

    def iter_comments(self, thread: Thread) -> Iterator[Comment]:
        """Yield the comments of all pages that are not deleted, oldest first."""
        query = {"sort": "created_on", **_PAGE}
        path = self._comments(thread)
        for page in self._client.pages(path, _COMMENT, query=query, following=_following):
            for one in _values(page):
                if not one.get("deleted"):
                    yield _comment(one)

    def create_comment(self, thread: Thread, body: str) -> Comment:
        """Write a new comment."""
        asked = {"content": {"raw": body}}
        return _comment(self._client.write("POST", self._comments(thread), _COMMENT, asked))

    def update_comment(self, thread: Thread, comment: str, body: str) -> None:
        """Write a comment anew."""
        path = f"{self._comments(thread)}/{comment}"
        self._client.write("PUT", path, _COMMENT, {"content": {"raw": body}})

    def delete_comment(self, thread: Thread, comment: str) -> None:
        """Remove a comment."""
        path = f"{self._comments(thread)}/{comment}"
        self._client.send("DELETE", path, _COMMENT, allow=(404, 410))

    def set_status(self, thread: Thread, status: Status) -> None:
        """Show a build status beside the commit."""
        body = {
            "key": _key(status.name),
            "name": status.name,
            "state": _STATES[status.state],
            "description": status.description[:_DESCRIPTION_CHARACTERS],
            "url": status.url or self._page,
        }
        path = f"{self._repo}/commit/{thread.commit}/statuses/build"
        self._client.write("POST", path, _STATUS, body)

    def read_file(self, path: str, commit: str) -> bytes | None:
        """Return a file as a commit has it."""
        answer = self._client.send(
            "GET", f"{self._repo}/src/{commit}/{quote(path)}", _READ, allow=(404,)
        )
        return None if answer.status == 404 else answer.content

    def upload_pictures(self, thread: Thread, pictures: Mapping[str, bytes]) -> dict[str, str]:
        """Put pictures among the repository's downloads, and return their URLs."""
        for name, picture in pictures.items():
            body, headers = multipart("files", name, picture)
            path = f"{self._repo}/downloads"
            self._client.send("POST", path, _CONTENT, content=body, headers=headers)
        return {name: f"{self._page}/downloads/{quote(name)}" for name in pictures}

    def open_pull_request(self, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """Ask for a branch to be merged."""
        asked = {
            "title": title,
            "description": body,
            "source": {"branch": {"name": head}},
            "destination": {"branch": {"name": base}},
        }
        made = self._client.write("POST", f"{self._repo}/pullrequests", _OPEN, asked)
        return _pull_request(made)

    def update_pull_request(self, number: int, *, title: str, body: str) -> None:
        """Give a pull request another title and text."""
        asked = {"title": title, "description": body}
        self._client.write("PUT", f"{self._repo}/pullrequests/{number}", _OPEN, asked)

    def check_access(self, thread: Thread | None) -> tuple[Access, ...]:
        """Read the scopes that Bitbucket names in the headers of its answers."""
        answer = self._client.send("GET", self._repo, _READ)
        told = answer.headers.get("x-oauth-scopes", "")
        scopes = {scope.strip() for scope in told.replace(" ", ",").split(",") if scope.strip()}
        return (
            Access(_READ.what, True, _READ.give),
            Access(_COMMENT.what, _has(scopes, "pullrequest"), _COMMENT.give),
            Access(_STATUS.what, _has(scopes, "repository"), _STATUS.give),
        )

    def _comments(self, thread: Thread) -> str:
        if thread.pull_request is not None:
            return f"{self._repo}/pullrequests/{thread.pull_request}/comments"
        return f"{self._repo}/commit/{thread.commit}/comments"


def _has(scopes: set[str], what: str) -> bool | None:
    """Return whether writing is among the scopes, in their old form or the new; None if unsaid."""
    if not scopes:
        return None
    return bool(scopes & {f"{what}:write", f"write:{what}:bitbucket", f"{what}:admin"})


def _key(name: str) -> str:
    """Return the key of a status: its name, or where that is too long what stands for it."""
    if len(name) <= _KEY_CHARACTERS:
        return name
    return f"{name[:23]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _following(answer: Answer, page: Json) -> str | None:
    return text_of(page, "next") or None


def _values(page: Json) -> list[Json]:
    values = page.get("values") if isinstance(page, dict) else None
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _comment(one: Any) -> Comment:
    return Comment(text_of(one, "id"), text_of(one, "user", "uuid"), text_of(one, "content", "raw"))


def _pull_request(one: Any) -> PullRequest:
    number = text_of(one, "id")
    return PullRequest(
        number=int(number) if number.isdigit() else 0,
        head_commit=text_of(one, "source", "commit", "hash"),
        head_branch=text_of(one, "source", "branch", "name"),
        base_branch=text_of(one, "destination", "branch", "name"),
        url=text_of(one, "links", "html", "href"),
    )
