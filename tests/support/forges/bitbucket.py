"""Bitbucket Cloud, as https://developer.atlassian.com/cloud/bitbucket/rest describes it."""

from __future__ import annotations

from typing import Any

from tests.support.forges.site import OWN, TOKEN, Asked, Pull, Reply, Site, Written, route

_REPO = "/2.0/repositories/team/project"


class BitbucketSite(Site):
    def __init__(self) -> None:
        super().__init__()
        self.tells_user = True
        self.scopes = "pullrequest:write, repository:write"

    def is_allowed(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"Bearer {TOKEN}"

    def not_allowed(self) -> Reply:
        return Reply(401, {"type": "error", "error": {"message": "Token is invalid"}})

    def _comment(self, one: Written) -> dict[str, Any]:
        raw = {"raw": one.body, "markup": "markdown"}
        return {"id": one.id, "content": raw, "user": {"uuid": f"{{{one.author}}}"}}

    def _pull(self, one: Pull) -> dict[str, Any]:
        page = f"{self.url}/team/project/pull-requests/{one.number}"
        source = {"branch": {"name": one.head_branch}, "commit": {"hash": one.head[:12]}}
        return {
            "id": one.number,
            "state": "OPEN" if one.open else "MERGED",
            "source": source,
            "destination": {"branch": {"name": one.base_branch}},
            "links": {"html": {"href": page}},
        }

    def _listed(self, asked: Asked, where: int | str) -> Reply:
        found = [self._comment(c) for c in self.comments if c.where == where]
        found.insert(0, {"id": 1, "deleted": True, "content": {"raw": ""}, "user": {}})
        told: dict[str, Any] = {"values": self.page(asked, found, size="pagelen", default=10)}
        if link := self.next_link(asked, found, size="pagelen", default=10):
            told["next"] = link
        return Reply(200, told)

    def _posted(self, asked: Asked, where: int | str) -> Reply:
        raw = asked.json()["content"]["raw"]
        if len(raw) > 32_768:
            return Reply(400, {"type": "error", "error": {"message": "content: too long"}})
        return Reply(201, self._comment(self.new_comment(where, OWN, raw)))

    def _put(self, asked: Asked) -> Reply:
        one = self.find_comment(asked.values["comment"])
        if one is None:
            return Reply(404, {"type": "error", "error": {"message": "No such comment"}})
        one.body = asked.json()["content"]["raw"]
        return Reply(200, self._comment(one))

    def _delete(self, asked: Asked) -> Reply:
        self.comments = [c for c in self.comments if str(c.id) != asked.values["comment"]]
        return Reply(204)

    @route("GET", "/2.0/user")
    def _user(self, asked: Asked) -> Reply:
        if not self.tells_user:
            return Reply(403, {"type": "error", "error": {"message": "scope account is needed"}})
        return Reply(200, {"uuid": f"{{{OWN}}}", "display_name": "reports"})

    @route("GET", _REPO)
    def _get_repo(self, asked: Asked) -> Reply:
        return Reply(200, {"full_name": "team/project"}, {"X-OAuth-Scopes": self.scopes})

    @route("GET", f"{_REPO}/pullrequests")
    def _get_pulls(self, asked: Asked) -> Reply:
        found = [
            self._pull(one)
            for one in self.pulls.values()
            if one.open
            and asked.query["q"] == f'source.branch.name = "{one.head_branch}" AND state = "OPEN"'
        ]
        return Reply(200, {"values": found})

    @route("POST", f"{_REPO}/pullrequests")
    def _post_pull(self, asked: Asked) -> Reply:
        told = asked.json()
        source, target = told["source"]["branch"]["name"], told["destination"]["branch"]["name"]
        made = self.open_pull(self.new_id(), source, target)
        made.title, made.body = told["title"], told["description"]
        return Reply(201, self._pull(made))

    @route("GET", f"{_REPO}/pullrequests/{{number}}")
    def _get_pull(self, asked: Asked) -> Reply:
        pull = self.pulls.get(int(asked.values["number"]))
        return Reply(200, self._pull(pull)) if pull else Reply(404, {"type": "error"})

    @route("PUT", f"{_REPO}/pullrequests/{{number}}")
    def _put_pull(self, asked: Asked) -> Reply:
        pull = self.pulls[int(asked.values["number"])]
        pull.title, pull.body = asked.json()["title"], asked.json()["description"]
        return Reply(200, self._pull(pull))

    @route("GET", f"{_REPO}/commit/{{commit}}/pullrequests")
    def _pulls_of_commit(self, asked: Asked) -> Reply:
        found = [p for p in self.pulls.values() if p.head == asked.values["commit"]]
        return Reply(200, {"values": [self._pull(one) for one in found]})

    @route("GET", f"{_REPO}/pullrequests/{{number}}/comments")
    def _get_comments(self, asked: Asked) -> Reply:
        return self._listed(asked, int(asked.values["number"]))

    @route("POST", f"{_REPO}/pullrequests/{{number}}/comments")
    def _post_comment(self, asked: Asked) -> Reply:
        return self._posted(asked, int(asked.values["number"]))

    @route("PUT", f"{_REPO}/pullrequests/{{number}}/comments/{{comment}}")
    def _put_comment(self, asked: Asked) -> Reply:
        return self._put(asked)

    @route("DELETE", f"{_REPO}/pullrequests/{{number}}/comments/{{comment}}")
    def _delete_comment(self, asked: Asked) -> Reply:
        return self._delete(asked)

    @route("GET", f"{_REPO}/commit/{{commit}}/comments")
    def _get_commit_comments(self, asked: Asked) -> Reply:
        return self._listed(asked, asked.values["commit"])

    @route("POST", f"{_REPO}/commit/{{commit}}/comments")
    def _post_commit_comment(self, asked: Asked) -> Reply:
        return self._posted(asked, asked.values["commit"])

    @route("PUT", f"{_REPO}/commit/{{commit}}/comments/{{comment}}")
    def _put_commit_comment(self, asked: Asked) -> Reply:
        return self._put(asked)

    @route("DELETE", f"{_REPO}/commit/{{commit}}/comments/{{comment}}")
    def _delete_commit_comment(self, asked: Asked) -> Reply:
        return self._delete(asked)

    @route("POST", f"{_REPO}/commit/{{commit}}/statuses/build")
    def _status(self, asked: Asked) -> Reply:
        told = asked.json()
        valid = told["state"] in ("SUCCESSFUL", "FAILED", "INPROGRESS", "STOPPED")
        if not (valid and told["url"] and len(told["key"]) <= 40):
            return Reply(400, {"type": "error", "error": {"message": "key, state, url"}})
        self.statuses.append((asked.values["commit"], told))
        return Reply(201, told)

    @route("GET", f"{_REPO}/src/{{commit}}/{{path+}}")
    def _file(self, asked: Asked) -> Reply:
        content = self.files.get((asked.values["commit"], asked.values["path"]))
        return Reply(404, {"type": "error"}) if content is None else Reply(200, content)

    @route("POST", f"{_REPO}/downloads")
    def _upload(self, asked: Asked) -> Reply:
        name = asked.body.partition(b'filename="')[2].partition(b'"')[0].decode()
        self.uploads[f"/team/project/downloads/{name}"] = asked.body
        return Reply(201)
