"""GitHub Enterprise: each request and each answer is held against GitHub's own description."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from tests.support.forges.site import OWN, TOKEN, Asked, Pull, Reply, Site, Written, route
from tests.support.github_description import (
    NotAsDescribedError,
    Operation,
    answer_of,
    check_answer,
    check_request,
    find_operation,
)

_API = "/api/v3"
_REPO = f"{_API}/repos/team/project"


class GitHubSite(Site):
    """``violations`` is what was not as described; a test asserts that it is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.violations: list[str] = []
        self.user: int | None = OWN
        self.author = OWN
        self.refused: set[str] = set()
        self.objects: dict[str, Any] = {}
        self.refs: dict[str, str] = {}

    def is_allowed(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"Bearer {TOKEN}"

    def answer(self, asked: Asked) -> Reply:
        try:
            operation = find_operation(asked.method, asked.path.removeprefix(_API))
            check_request(operation, asked.query, asked.body)
        except NotAsDescribedError as error:
            self.violations.append(str(error))
            return Reply(422, {"message": str(error)})
        reply = super().answer(asked)
        try:
            if isinstance(reply.content, bytes) and reply.status == 200:
                return reply  # raw, or what a fault puts in the place of an answer
            if self.fault is None and reply.status not in (401, 403, 404):
                check_answer(operation, reply.status, reply.content)
        except NotAsDescribedError as error:
            self.violations.append(str(error))
        return reply

    def _made(self, asked: Asked, status: int, **told: Any) -> Any:
        return answer_of(self._operation(asked), status, **told)

    def _operation(self, asked: Asked) -> Operation:
        return find_operation(asked.method, asked.path.removeprefix(_API))

    def _forbidden(self, what: str, permissions: str) -> Reply | None:
        if what not in self.refused:
            return None
        told = {"message": "Resource not accessible by integration"}
        return Reply(403, told, {"X-Accepted-GitHub-Permissions": permissions})

    def _comment(self, asked: Asked, status: int, one: Written) -> Any:
        return self._made(asked, status, id=one.id, body=one.body, user={"id": one.author})

    def _pull(self, asked: Asked, status: int, one: Pull) -> Any:
        return self._made(
            asked,
            status,
            number=one.number,
            state="open" if one.open else "closed",
            title=one.title,
            body=one.body,
            html_url=f"{self.url}/team/project/pull/{one.number}",
            head={"sha": one.head, "ref": one.head_branch},
            base={"ref": one.base_branch},
        )

    @route("GET", f"{_API}/user")
    def _get_user(self, asked: Asked) -> Reply:
        if self.user is None:
            return Reply(403, {"message": "Resource not accessible by integration"})
        return Reply(200, self._made(asked, 200, id=self.user, user_view_type="private"))

    @route("GET", _REPO)
    def _get_repo(self, asked: Asked) -> Reply:
        return Reply(200, self._made(asked, 200))

    @route("GET", f"{_REPO}/pulls")
    def _get_pulls(self, asked: Asked) -> Reply:
        head = asked.query.get("head")
        found = [
            self._pull(asked, 200, pull)
            for pull in self.pulls.values()
            if (asked.query.get("state", "open") != "open" or pull.open)
            and head in (None, f"{pull.fork or 'team'}:{pull.head_branch}")
        ]
        return Reply(200, found)

    @route("POST", f"{_REPO}/pulls")
    def _post_pull(self, asked: Asked) -> Reply:
        if forbidden := self._forbidden("open", "pull_requests=write"):
            return forbidden
        told = asked.json()
        if any(p.open and p.head_branch == told["head"] for p in self.pulls.values()):
            return Reply(422, {"message": "A pull request already exists"})
        made = self.open_pull(self.new_id(), told["head"], told["base"])
        made.title, made.body = told["title"], told["body"]
        return Reply(201, self._pull(asked, 201, made))

    @route("GET", f"{_REPO}/pulls/{{number}}")
    def _get_pull(self, asked: Asked) -> Reply:
        pull = self.pulls.get(int(asked.values["number"]))
        return Reply(200, self._pull(asked, 200, pull)) if pull else Reply(404, {"message": "no"})

    @route("PATCH", f"{_REPO}/pulls/{{number}}")
    def _patch_pull(self, asked: Asked) -> Reply:
        pull = self.pulls[int(asked.values["number"])]
        pull.title, pull.body = asked.json()["title"], asked.json()["body"]
        return Reply(200, self._pull(asked, 200, pull))

    @route("GET", f"{_REPO}/commits/{{commit}}/pulls")
    def _get_pulls_of_commit(self, asked: Asked) -> Reply:
        found = [p for p in self.pulls.values() if p.head == asked.values["commit"]]
        return Reply(200, [self._pull(asked, 200, pull) for pull in found])

    def _listed(self, asked: Asked, where: int | str) -> Reply:
        found = [c for c in self.comments if c.where == where]
        link = self.next_link(asked, found, size="per_page", default=30)
        shown = self.page(asked, found, size="per_page", default=30)
        headers = {"Link": f'<{link}>; rel="next", <{link}>; rel="last"'} if link else {}
        return Reply(200, [self._comment(asked, 200, one) for one in shown], headers)

    def _posted(self, asked: Asked, where: int | str) -> Reply:
        if forbidden := self._forbidden("comment", "issues=write; pull_requests=write"):
            return forbidden
        body = asked.json()["body"]
        if not body.strip() or len(body) > 65536:
            return _invalid("Validation Failed")
        return Reply(201, self._comment(asked, 201, self.new_comment(where, self.author, body)))

    @route("GET", f"{_REPO}/issues/{{number}}/comments")
    def _get_comments(self, asked: Asked) -> Reply:
        return self._listed(asked, int(asked.values["number"]))

    @route("POST", f"{_REPO}/issues/{{number}}/comments")
    def _post_comment(self, asked: Asked) -> Reply:
        return self._posted(asked, int(asked.values["number"]))

    @route("GET", f"{_REPO}/commits/{{commit}}/comments")
    def _get_commit_comments(self, asked: Asked) -> Reply:
        return self._listed(asked, asked.values["commit"])

    @route("POST", f"{_REPO}/commits/{{commit}}/comments")
    def _post_commit_comment(self, asked: Asked) -> Reply:
        return self._posted(asked, asked.values["commit"])

    def _patched(self, asked: Asked) -> Reply:
        if forbidden := self._forbidden("comment", "issues=write; pull_requests=write"):
            return forbidden
        one = self.find_comment(asked.values["number"])
        if one is None:
            return Reply(404, {"message": "Not Found"})
        one.body = asked.json()["body"]
        return Reply(200, self._comment(asked, 200, one))

    @route("PATCH", f"{_REPO}/issues/comments/{{number}}")
    def _patch_comment(self, asked: Asked) -> Reply:
        return self._patched(asked)

    @route("PATCH", f"{_REPO}/comments/{{number}}")
    def _patch_commit_comment(self, asked: Asked) -> Reply:
        return self._patched(asked)

    def _deleted(self, asked: Asked) -> Reply:
        self.comments = [c for c in self.comments if str(c.id) != asked.values["number"]]
        return Reply(204)

    @route("DELETE", f"{_REPO}/issues/comments/{{number}}")
    def _delete_comment(self, asked: Asked) -> Reply:
        return self._deleted(asked)

    @route("DELETE", f"{_REPO}/comments/{{number}}")
    def _delete_commit_comment(self, asked: Asked) -> Reply:
        return self._deleted(asked)

    @route("POST", f"{_REPO}/statuses/{{commit}}")
    def _post_status(self, asked: Asked) -> Reply:
        if forbidden := self._forbidden("status", "statuses=write"):
            return forbidden
        commit = asked.values["commit"]
        if not commit.strip("0"):
            return _invalid(f"No commit found for SHA: {commit}")
        self.statuses.append((commit, asked.json()))
        return Reply(201, self._made(asked, 201, state=asked.json()["state"]))

    @route("GET", f"{_REPO}/contents/{{path+}}")
    def _contents(self, asked: Asked) -> Reply:
        ref = asked.query["ref"]
        content = self.files.get((ref, asked.values["path"]))
        if content is None and ref in self.objects:
            name = self.objects[self.objects[ref]["tree"]].get(asked.values["path"])
            content = self.objects.get(name) if name else None
        return Reply(404, {"message": "Not Found"}) if content is None else Reply(200, content)

    def _keep(self, value: Any) -> str:
        name = hashlib.sha1(repr(value).encode()).hexdigest()
        self.objects[name] = value
        return name

    @route("POST", f"{_REPO}/git/blobs")
    def _post_blob(self, asked: Asked) -> Reply:
        if forbidden := self._forbidden("content", "contents=write"):
            return forbidden
        name = self._keep(base64.b64decode(asked.json()["content"]))
        return Reply(201, self._made(asked, 201, sha=name))

    @route("POST", f"{_REPO}/git/trees")
    def _post_tree(self, asked: Asked) -> Reply:
        told = asked.json()
        base = told.get("base_tree")
        tree = dict(self.objects[self.objects[base]["tree"]]) if base else {}
        tree |= {one["path"]: one["sha"] for one in told["tree"]}
        return Reply(201, self._made(asked, 201, sha=self._keep(tree)))

    @route("POST", f"{_REPO}/git/commits")
    def _post_git_commit(self, asked: Asked) -> Reply:
        told = {key: asked.json()[key] for key in ("tree", "parents")}
        return Reply(201, self._made(asked, 201, sha=self._keep(told)))

    @route("GET", f"{_REPO}/git/ref/{{ref+}}")
    def _get_ref(self, asked: Asked) -> Reply:
        found = self.refs.get(asked.values["ref"])
        if found is None:
            return Reply(404, {"message": "Not Found"})
        return Reply(200, self._made(asked, 200, object={"sha": found}))

    @route("POST", f"{_REPO}/git/refs")
    def _post_ref(self, asked: Asked) -> Reply:
        if forbidden := self._forbidden("content", "contents=write"):
            return forbidden
        name = asked.json()["ref"].removeprefix("refs/")
        if name in self.refs:
            return _invalid("Reference already exists")
        if not asked.json()["sha"].strip("0"):
            return _invalid("Object does not exist")
        self.refs[name] = asked.json()["sha"]
        return Reply(201, self._made(asked, 201, object={"sha": asked.json()["sha"]}))

    @route("PATCH", f"{_REPO}/git/refs/{{ref+}}")
    def _patch_ref(self, asked: Asked) -> Reply:
        name, commit = asked.values["ref"], asked.json()["sha"]
        if self.refs[name] not in self.objects[commit]["parents"]:
            return _invalid("Update is not a fast forward")
        self.refs[name] = commit
        return Reply(200, self._made(asked, 200, object={"sha": commit}))


def _invalid(why: str) -> Reply:
    return Reply(422, {"message": why, "documentation_url": ""})
