"""GitHub and GitHub Enterprise, by their REST API of 2022-11-28.

Pictures lie on a branch of the repository that has no code, at most one for each content; a URL
with the commit in it shows them to whoever may see the repository.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from jupyter_mlops.errors import ConflictError, MlopsError, UnavailableError
from jupyter_mlops.forge import failures
from jupyter_mlops.forge.answers import text_of
from jupyter_mlops.forge.client import Client, Needs, Timing
from jupyter_mlops.forge.protocol import Access, Comment, MarkStyle, PullRequest, Status, Thread
from jupyter_mlops.forge.token import Token

ACTIONS_AUTHOR = "41898282"
"""The id of ``github-actions[bot]``, for which GITHUB_TOKEN writes; that token may not ask."""

PICTURES_BRANCH = "mlops-pictures"

_PAGE = {"per_page": "100"}
_DESCRIPTION_CHARACTERS = 140
_NO_COMMIT = "0" * 40
_TRIES = 5


def _in_workflow(permission: str) -> str:
    return f"Give the job in the workflow file `permissions: {permission}`."


_READ = Needs("read the repository", _in_workflow("contents: read"))
_COMMENT = Needs("write comments", _in_workflow("pull-requests: write"))
_READ_PULLS = Needs("read pull requests", _in_workflow("pull-requests: read"))
_STATUS = Needs("set a status", _in_workflow("statuses: write"))
_CONTENT = Needs("write to the repository", _in_workflow("contents: write"))
_OPEN = Needs(
    "open pull requests",
    _in_workflow("pull-requests: write")
    + " In the repository's settings, under Actions, let workflows create pull requests.",
)
_USER = Needs("say whose it is", "Use a token of a user or an app.")


class GitHub:
    """One repository, ``OWNER/NAME``, on github.com or on a server of its own."""

    name = "GitHub"
    most_characters = 60_000
    mark_style: MarkStyle = "comment"
    draws_diagrams = True
    shows_svg = True

    def __init__(
        self, url: str, repository: str, token: Token, *, timing: Timing | None = None
    ) -> None:
        self._url = url
        self._owner = repository.partition("/")[0]
        self._page = f"{url}/{repository}"
        self._repo = f"/repos/{quote(repository)}"
        self._client = Client(
            f"GitHub ({url.partition('://')[2]})",
            _api(url),
            token=token,
            header=("Authorization", token.bearer()),
            accept="application/vnd.github+json",
            extra={"X-GitHub-Api-Version": "2022-11-28"},
            timing=timing,
        )

    def find_own_author(self) -> str | None:
        """Return the user's id, and where the token may not ask, that of GitHub Actions."""
        answer = self._client.send("GET", "/user", _USER, allow=(403,))
        if answer.status == 403:
            return ACTIONS_AUTHOR
        return text_of(self._client.json(answer), "id") or None

    def find_pull_request(
        self, *, number: int | None = None, branch: str | None = None, commit: str | None = None
    ) -> PullRequest | None:
        """Return the pull request of that number, else the open one of a branch or a commit."""
        if number is not None:
            found = self._client.find(f"{self._repo}/pulls/{number}", _READ_PULLS)
            return self._pull_request(found) if found else None
        if branch is not None:
            head = branch if ":" in branch else f"{self._owner}:{branch}"
            query = {"state": "open", "head": head, **_PAGE}
            found = self._client.read(f"{self._repo}/pulls", _READ_PULLS, query=query)
            pulls = [self._pull_request(one) for one in found]
            if commit is not None:
                pulls.sort(key=lambda pull: pull.head_commit != commit)
            if pulls:
                return pulls[0]
        if commit is not None:
            path = f"{self._repo}/commits/{quote(commit)}/pulls"
            for one in self._client.find(path, _READ_PULLS, query=_PAGE) or []:
                if text_of(one, "state") == "open":
                    return self._pull_request(one)
        return None

    def iter_comments(self, thread: Thread) -> Iterator[Comment]:
        """Yield the comments of all pages, in the order in which they were made."""
        for page in self._client.pages(self._comments(thread), _COMMENT, query=_PAGE):
            for one in page:
                yield _comment(one)

    def create_comment(self, thread: Thread, body: str) -> Comment:
        """Write a new comment."""
        made = self._client.write("POST", self._comments(thread), _COMMENT, {"body": body})
        return _comment(made)

    def update_comment(self, thread: Thread, comment: str, body: str) -> None:
        """Write a comment anew."""
        self._client.write("PATCH", self._comment(thread, comment), _COMMENT, {"body": body})

    def delete_comment(self, thread: Thread, comment: str) -> None:
        """Remove a comment."""
        self._client.send("DELETE", self._comment(thread, comment), _COMMENT, allow=(404, 410))

    def set_status(self, thread: Thread, status: Status) -> None:
        """Show a status beside the commit."""
        body = {
            "state": status.state,
            "context": status.name,
            "description": status.description[:_DESCRIPTION_CHARACTERS],
        }
        if status.url:
            body["target_url"] = status.url
        self._client.write("POST", f"{self._repo}/statuses/{thread.commit}", _STATUS, body)

    def read_file(self, path: str, commit: str) -> bytes | None:
        """Return a file as a commit has it."""
        answer = self._client.send(
            "GET",
            f"{self._repo}/contents/{quote(path)}",
            _READ,
            query={"ref": commit},
            headers={"Accept": "application/vnd.github.raw+json"},
            allow=(404,),
        )
        return None if answer.status == 404 else answer.content

    def upload_pictures(self, thread: Thread, pictures: Mapping[str, bytes]) -> dict[str, str]:
        """Put pictures on a branch that has nothing else, by one commit; return URLs of that."""
        blobs: dict[str, str] = {}
        for _ in range(_TRIES):
            tip = self._client.find(f"{self._repo}/git/ref/heads/{PICTURES_BRANCH}", _CONTENT)
            parent = text_of(tip, "object", "sha") if tip else ""
            commit = self._commit_pictures(pictures, blobs, parent)
            if commit == parent or self._move_branch(commit, parent):
                page = f"{self._page}/blob/{commit}"
                return {name: f"{page}/{quote(name)}?raw=true" for name in pictures}
        raise failures.busy(self._client.place, f"others write to {PICTURES_BRANCH} all the time")

    def open_pull_request(self, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """Ask for a branch to be merged."""
        asked = {"title": title, "head": head, "base": base, "body": body}
        return self._pull_request(self._client.write("POST", f"{self._repo}/pulls", _OPEN, asked))

    def update_pull_request(self, number: int, *, title: str, body: str) -> None:
        """Give a pull request another title and text."""
        asked = {"title": title, "body": body}
        self._client.write("PATCH", f"{self._repo}/pulls/{number}", _OPEN, asked)

    def check_access(self, thread: Thread | None) -> tuple[Access, ...]:
        """Try what changes nothing: an empty comment; a status and a branch of no commit."""
        self._client.read(self._repo, _READ)
        tried = [Access(_READ.what, True, _READ.give)]
        if thread is not None and thread.pull_request is not None:
            tried.append(self._try(_COMMENT, self._comments(thread), {"body": ""}))
        status = {"state": "pending", "context": "mlops", "description": "ci doctor"}
        tried.append(self._try(_STATUS, f"{self._repo}/statuses/{_NO_COMMIT}", status))
        branch = {"ref": f"refs/heads/{PICTURES_BRANCH}", "sha": _NO_COMMIT}
        content = self._try(_CONTENT, f"{self._repo}/git/refs", branch)
        tried.append(replace(content, only_for="images in comments, and ci pr"))
        return tuple(tried)

    def _try(self, needs: Needs, path: str, body: dict[str, str]) -> Access:
        """Ask for what GitHub refuses as invalid, after it has looked at the permission."""
        try:
            self._client.write("POST", path, needs, body)
        except ConflictError:
            return Access(needs.what, True, needs.give)
        except UnavailableError as error:
            if error.code != "forge-permission-missing":
                raise
            return Access(needs.what, False, needs.give)
        except MlopsError:
            return Access(needs.what, None, needs.give)
        return Access(needs.what, None, needs.give)

    def _post(self, what: str, body: dict[str, Any]) -> str:
        return text_of(self._client.write("POST", f"{self._repo}/{what}", _CONTENT, body), "sha")

    def _commit_pictures(
        self, pictures: Mapping[str, bytes], blobs: dict[str, str], parent: str
    ) -> str:
        """Return a commit that has the pictures and all that ``parent`` has.

        ``blobs`` are those that were sent, by name; those that are sent now are added.
        """
        lacking = [name for name in pictures if not parent or self.read_file(name, parent) is None]
        if not lacking:
            return parent
        for name in lacking:
            if name not in blobs:
                content = base64.b64encode(pictures[name]).decode()
                blobs[name] = self._post("git/blobs", {"content": content, "encoding": "base64"})
        tree: dict[str, Any] = {
            "tree": [
                {"path": name, "mode": "100644", "type": "blob", "sha": blobs[name]}
                for name in lacking
            ]
        }
        if parent:
            tree["base_tree"] = parent
        made = self._post("git/trees", tree)
        parents = [parent] if parent else []
        commit = {"message": "Pictures of reports", "tree": made, "parents": parents}
        return self._post("git/commits", commit)

    def _move_branch(self, commit: str, parent: str) -> bool:
        """Let the branch name ``commit`` if it still names ``parent``; return whether it does."""
        try:
            if parent:
                path = f"{self._repo}/git/refs/heads/{PICTURES_BRANCH}"
                self._client.write("PATCH", path, _CONTENT, {"sha": commit, "force": False})
            else:
                ref = {"ref": f"refs/heads/{PICTURES_BRANCH}", "sha": commit}
                self._client.write("POST", f"{self._repo}/git/refs", _CONTENT, ref)
        except ConflictError:
            return False
        return True

    def _comments(self, thread: Thread) -> str:
        if thread.pull_request is not None:
            return f"{self._repo}/issues/{thread.pull_request}/comments"
        return f"{self._repo}/commits/{thread.commit}/comments"

    def _comment(self, thread: Thread, comment: str) -> str:
        kind = "issues/comments" if thread.pull_request is not None else "comments"
        return f"{self._repo}/{kind}/{comment}"

    def _pull_request(self, one: Any) -> PullRequest:
        number = text_of(one, "number")
        return PullRequest(
            number=int(number) if number.isdigit() else 0,
            head_commit=text_of(one, "head", "sha"),
            head_branch=text_of(one, "head", "ref"),
            base_branch=text_of(one, "base", "ref"),
            url=text_of(one, "html_url"),
        )


def _api(url: str) -> str:
    """Return where the API of the GitHub at ``url`` is: of the cloud, of a tenant, of a server."""
    scheme, _, host = url.partition("://")
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"{scheme}://api.{host}"
    return f"{url}/api/v3"


def _comment(one: Any) -> Comment:
    return Comment(text_of(one, "id"), text_of(one, "user", "id"), text_of(one, "body"))
