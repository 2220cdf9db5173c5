"""Azure DevOps, by its REST API 7.1; a comment is the first of a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from jupyter_mlops.forge import failures
from jupyter_mlops.forge.answers import list_of, text_of
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

_VERSION = {"api-version": "7.1"}
_GENRE = "jupyter-mlops"
_HEADS = "refs/heads/"
_TEXT_CHARACTERS = 4_000
_STATES: dict[State, str] = {
    "pending": "pending",
    "success": "succeeded",
    "failure": "failed",
    "error": "error",
}


def _grant(permission: str) -> str:
    return (
        "In Project settings, Repositories, Security, allow the build service (PROJECT Build"
        f" Service) to `{permission}`, and map the token into the step: `env: SYSTEM_ACCESSTOKEN:"
        " $(System.AccessToken)`."
    )


_READ = Needs("read the repository", _grant("Read"))
_COMMENT = Needs("write comments", _grant("Contribute to pull requests"))
_STATUS = Needs("set a status", _grant("Contribute to pull requests"))
_OPEN = Needs("open pull requests", _grant("Contribute to pull requests"))


class AzureDevOps:
    """One repository, ``PROJECT/NAME``, of the organization at ``url``.

    ``is_job`` says that the token is a pipeline's own; otherwise it is a personal access token.
    """

    name = "Azure DevOps"
    most_characters = 149_000
    mark_style: MarkStyle = "comment"
    draws_diagrams = False
    shows_svg = False

    def __init__(
        self,
        url: str,
        repository: str,
        token: Token,
        *,
        is_job: bool,
        timing: Timing | None = None,
    ) -> None:
        project, _, name = repository.partition("/")
        self._organization = url
        self._page = f"{url}/{quote(project)}/_git/{quote(name)}"
        self._repo = f"/{quote(project)}/_apis/git/repositories/{quote(name)}"
        self._client = Client(
            f"Azure DevOps ({url.partition('://')[2]})",
            url,
            token=token,
            header=("Authorization", token.bearer() if is_job else token.basic()),
            extra={"X-TFS-FedAuthRedirect": "Suppress"},
            timing=timing,
        )

    def find_own_author(self) -> str | None:
        """Return the id of the identity that the token stands for."""
        return (
            text_of(self._client.read("/_apis/connectionData", _READ), "authenticatedUser", "id")
            or None
        )

    def find_pull_request(
        self, *, number: int | None = None, branch: str | None = None, commit: str | None = None
    ) -> PullRequest | None:
        """Return the pull request of that number, else the active one of a branch or a commit."""
        base = f"{self._repo}/pullrequests"
        if number is not None:
            found = self._client.find(f"{base}/{number}", _READ, query=_VERSION)
            return self._pull_request(found) if found else None
        query = {"searchCriteria.status": "active", "$top": "100", **_VERSION}
        if branch is not None:
            query["searchCriteria.sourceRefName"] = _HEADS + branch.rpartition(":")[2]
        elif commit is None:
            return None
        found = list_of(self._client.read(base, _READ, query=query), "value")
        pulls = [self._pull_request(one) for one in found]
        if branch is None:
            pulls = [pull for pull in pulls if pull.head_commit == commit]
        elif commit is not None:
            pulls.sort(key=lambda pull: pull.head_commit != commit)
        return pulls[0] if pulls else None

    def iter_comments(self, thread: Thread) -> Iterator[Comment]:
        """Yield the first comment of each thread, oldest first; Azure has no pages of them."""
        told = self._client.read(self._threads(thread), _COMMENT, query=_VERSION)
        for one in sorted(list_of(told, "value"), key=_thread_number):
            comments = list_of(one, "comments")
            if comments and not one.get("isDeleted") and not comments[0].get("isDeleted"):
                yield _comment(one, comments[0])

    def create_comment(self, thread: Thread, body: str) -> Comment:
        """Begin a thread that is closed: nobody has to resolve a report."""
        asked = {
            "comments": [{"parentCommentId": 0, "content": body, "commentType": "text"}],
            "status": "closed",
        }
        made = self._write("POST", self._threads(thread), _COMMENT, asked)
        return _comment(made, (list_of(made, "comments") or [{}])[0])

    def update_comment(self, thread: Thread, comment: str, body: str) -> None:
        """Write a comment anew."""
        self._write("PATCH", self._comment(thread, comment), _COMMENT, {"content": body})

    def delete_comment(self, thread: Thread, comment: str) -> None:
        """Remove a comment, and with it its thread."""
        path = self._comment(thread, comment)
        self._client.send("DELETE", path, _COMMENT, query=_VERSION, allow=(404,))

    def set_status(self, thread: Thread, status: Status) -> None:
        """Show a status at the pull request, where a policy can require it, or at the commit."""
        body: dict[str, Any] = {
            "state": _STATES[status.state],
            "description": status.description,
            "context": {"name": status.name, "genre": _GENRE},
        }
        if status.url:
            body["targetUrl"] = status.url
        where = f"commits/{thread.commit}"
        if thread.pull_request is not None:
            where = f"pullRequests/{thread.pull_request}"
        self._write("POST", f"{self._repo}/{where}/statuses", _STATUS, body)

    def read_file(self, path: str, commit: str) -> bytes | None:
        """Return a file as a commit has it."""
        query = {
            "path": f"/{path}",
            "versionDescriptor.version": commit,
            "versionDescriptor.versionType": "commit",
            "$format": "octetStream",
            **_VERSION,
        }
        answer = self._client.send(
            "GET",
            f"{self._repo}/items",
            _READ,
            query=query,
            headers={"Accept": "application/octet-stream"},
            allow=(404,),
        )
        return None if answer.status == 404 else answer.content

    def upload_pictures(self, thread: Thread, pictures: Mapping[str, bytes]) -> dict[str, str]:
        """Attach pictures to the pull request, and return their URLs."""
        if thread.pull_request is None:
            raise failures.unsupported(
                self._client.place, "place for pictures of a commit", "Open a pull request."
            )
        path = f"{self._repo}/pullRequests/{thread.pull_request}/attachments"
        return {
            name: self._attach(f"{path}/{quote(name, safe='')}", picture)
            for name, picture in pictures.items()
        }

    def _attach(self, path: str, picture: bytes) -> str:
        answer = self._client.send(
            "POST",
            path,
            _COMMENT,
            query=_VERSION,
            content=picture,
            headers={"Content-Type": "application/octet-stream"},
            allow=(400, 409),
        )
        if answer.status in (400, 409):  # the very same picture is there already
            return self._client.url(path)
        return text_of(self._client.json(answer), "url") or self._client.url(path)

    def open_pull_request(self, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """Ask for a branch to be merged."""
        asked = {
            "sourceRefName": _HEADS + head,
            "targetRefName": _HEADS + base,
            "title": title,
            "description": body[:_TEXT_CHARACTERS],
        }
        return self._pull_request(self._write("POST", f"{self._repo}/pullrequests", _OPEN, asked))

    def update_pull_request(self, number: int, *, title: str, body: str) -> None:
        """Give a pull request another title and text."""
        asked = {"title": title, "description": body[:_TEXT_CHARACTERS]}
        self._write("PATCH", f"{self._repo}/pullrequests/{number}", _OPEN, asked)

    def check_access(self, thread: Thread | None) -> tuple[Access, ...]:
        """Read the repository; what may be written, nothing tells before it is tried."""
        self._client.read(self._repo, _READ, query=_VERSION)
        return (
            Access(_READ.what, True, _READ.give),
            Access(_COMMENT.what, None, _COMMENT.give),
            Access(_STATUS.what, None, _STATUS.give),
        )

    def _write(self, method: str, path: str, needs: Needs, body: Any) -> Any:
        return self._client.write(method, f"{path}?api-version=7.1", needs, body)

    def _threads(self, thread: Thread) -> str:
        if thread.pull_request is None:
            raise failures.unsupported(
                self._client.place, "comments on commits", "Open a pull request for the branch."
            )
        return f"{self._repo}/pullRequests/{thread.pull_request}/threads"

    def _comment(self, thread: Thread, comment: str) -> str:
        number, _, place = comment.partition("/")
        return f"{self._threads(thread)}/{number}/comments/{place}"

    def _pull_request(self, one: Any) -> PullRequest:
        number = text_of(one, "pullRequestId")
        return PullRequest(
            number=int(number) if number.isdigit() else 0,
            head_commit=text_of(one, "lastMergeSourceCommit", "commitId"),
            head_branch=text_of(one, "sourceRefName").removeprefix(_HEADS),
            base_branch=text_of(one, "targetRefName").removeprefix(_HEADS),
            url=f"{self._page}/pullrequest/{number}",
        )


def _thread_number(one: Any) -> int:
    number = text_of(one, "id")
    return int(number) if number.isdigit() else 0


def _comment(thread: Any, one: Any) -> Comment:
    name = f"{text_of(thread, 'id')}/{text_of(one, 'id')}"
    return Comment(name, text_of(one, "author", "id"), text_of(one, "content"))
