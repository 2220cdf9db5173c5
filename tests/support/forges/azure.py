"""Azure DevOps, as https://learn.microsoft.com/rest/api/azure/devops/git describes it."""

from __future__ import annotations

import base64
from typing import Any

from tests.support.forges.site import OWN, TOKEN, Asked, Pull, Reply, Site, Written, route

_REPO = "/team/_apis/git/repositories/project"


class AzureSite(Site):
    def is_allowed(self, asked: Asked) -> bool:
        basic = base64.b64encode(f":{TOKEN}".encode()).decode()
        given = asked.headers.get("authorization")
        return given in (f"Basic {basic}", f"Bearer {TOKEN}")

    def not_allowed(self) -> Reply:
        return Reply(203, b"<html>Sign in</html>", {"Content-Type": "text/html"})

    def _thread(self, one: Written) -> dict[str, Any]:
        first = {"id": 1, "content": one.body, "author": {"id": f"guid-{one.author}"}}
        return {"id": one.id, "comments": [first, {"id": 2, "content": "answer"}]}

    def _pull(self, one: Pull) -> dict[str, Any]:
        return {
            "pullRequestId": one.number,
            "status": "active" if one.open else "completed",
            "sourceRefName": f"refs/heads/{one.head_branch}",
            "targetRefName": f"refs/heads/{one.base_branch}",
            "lastMergeSourceCommit": {"commitId": one.head},
        }

    def answer(self, asked: Asked) -> Reply:
        versioned = asked.path == "/_apis/connectionData" or asked.query.get("api-version") == "7.1"
        if not versioned:
            return Reply(400, {"message": "No api-version was supplied"})
        return super().answer(asked)

    @route("GET", "/_apis/connectionData")
    def _who(self, asked: Asked) -> Reply:
        return Reply(200, {"authenticatedUser": {"id": f"guid-{OWN}"}})

    @route("GET", _REPO)
    def _get_repo(self, asked: Asked) -> Reply:
        return Reply(200, {"id": "r", "name": "project"})

    @route("GET", f"{_REPO}/pullrequests")
    def _get_pulls(self, asked: Asked) -> Reply:
        ref = asked.query.get("searchCriteria.sourceRefName")
        found = [
            self._pull(one)
            for one in self.pulls.values()
            if one.open and ref in (None, f"refs/heads/{one.head_branch}")
        ]
        return Reply(200, {"value": found, "count": len(found)})

    @route("POST", f"{_REPO}/pullrequests")
    def _post_pull(self, asked: Asked) -> Reply:
        told = asked.json()
        source, target = (told[k].split("/", 2)[2] for k in ("sourceRefName", "targetRefName"))
        made = self.open_pull(self.new_id(), source, target)
        made.title, made.body = told["title"], told["description"]
        return Reply(201, self._pull(made))

    @route("GET", f"{_REPO}/pullrequests/{{number}}")
    def _get_pull(self, asked: Asked) -> Reply:
        pull = self.pulls.get(int(asked.values["number"]))
        return Reply(200, self._pull(pull)) if pull else Reply(404, {"message": "TF401180"})

    @route("PATCH", f"{_REPO}/pullrequests/{{number}}")
    def _patch_pull(self, asked: Asked) -> Reply:
        pull = self.pulls[int(asked.values["number"])]
        pull.title, pull.body = asked.json()["title"], asked.json()["description"]
        return Reply(200, self._pull(pull))

    @route("GET", f"{_REPO}/pullRequests/{{number}}/threads")
    def _threads(self, asked: Asked) -> Reply:
        found = [c for c in self.comments if c.where == int(asked.values["number"])]
        deleted = {"id": 1, "isDeleted": True, "comments": [{"id": 1, "isDeleted": True}]}
        told = [*(self._thread(one) for one in reversed(found)), deleted]
        return Reply(200, {"value": told, "count": len(told)})

    @route("POST", f"{_REPO}/pullRequests/{{number}}/threads")
    def _post_thread(self, asked: Asked) -> Reply:
        told = asked.json()
        made = self.new_comment(int(asked.values["number"]), OWN, told["comments"][0]["content"])
        return Reply(200, self._thread(made))

    @route("PATCH", f"{_REPO}/pullRequests/{{number}}/threads/{{thread}}/comments/{{comment}}")
    def _patch_comment(self, asked: Asked) -> Reply:
        one = self.find_comment(asked.values["thread"])
        if one is None or asked.values["comment"] != "1":
            return Reply(404, {"message": "no such comment"})
        one.body = asked.json()["content"]
        return Reply(200, {"id": 1, "content": one.body})

    @route("DELETE", f"{_REPO}/pullRequests/{{number}}/threads/{{thread}}/comments/{{comment}}")
    def _delete_comment(self, asked: Asked) -> Reply:
        self.comments = [c for c in self.comments if str(c.id) != asked.values["thread"]]
        return Reply(200)

    def _keep_status(self, asked: Asked, where: str) -> Reply:
        told = asked.json()
        if told["state"] not in ("pending", "succeeded", "failed", "error"):
            return Reply(400, {"message": "state"})
        self.statuses.append((where, told))
        return Reply(200, told)

    @route("POST", f"{_REPO}/pullRequests/{{number}}/statuses")
    def _pull_status(self, asked: Asked) -> Reply:
        return self._keep_status(asked, self.pulls[int(asked.values["number"])].head)

    @route("POST", f"{_REPO}/commits/{{commit}}/statuses")
    def _commit_status(self, asked: Asked) -> Reply:
        return self._keep_status(asked, asked.values["commit"])

    @route("GET", f"{_REPO}/items")
    def _file(self, asked: Asked) -> Reply:
        commit = asked.query["versionDescriptor.version"]
        content = self.files.get((commit, asked.query["path"].removeprefix("/")))
        return Reply(404, {"message": "TF401174"}) if content is None else Reply(200, content)

    @route("POST", f"{_REPO}/pullRequests/{{number}}/attachments/{{name}}")
    def _upload(self, asked: Asked) -> Reply:
        if asked.path in self.uploads:
            return Reply(400, {"message": "an attachment of that name exists"})
        self.uploads[asked.path] = asked.body
        return Reply(201, {"id": 1, "url": f"{self.url}{asked.path}"})
