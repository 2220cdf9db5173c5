"""Gitea and Forgejo, as the Swagger page of their servers describes them."""

from __future__ import annotations

from typing import Any

from tests.support.forges.site import OWN, TOKEN, Asked, Pull, Reply, Site, Written, route

_REPO = "/api/v1/repos/team/project"


class GiteaSite(Site):
    """``pages`` says that comments come in pages, as newer servers have it."""

    pages = False

    def is_allowed(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"token {TOKEN}"

    def _comment(self, one: Written) -> dict[str, Any]:
        return {"id": one.id, "body": one.body, "user": {"id": one.author, "login": "someone"}}

    def _pull(self, one: Pull) -> dict[str, Any]:
        head = {
            "ref": one.head_branch,
            "sha": one.head,
            "repo": {"owner": {"login": one.fork or "team"}},
        }
        return {
            "number": one.number,
            "state": "open" if one.open else "closed",
            "head": head,
            "base": {"ref": one.base_branch},
            "html_url": f"{self.url}/team/project/pulls/{one.number}",
        }

    def _paged(self, asked: Asked, items: list[Any]) -> Reply:
        link = self.next_link(asked, items, size="limit", default=30)
        headers = {"Link": f'<{link}>; rel="next"'} if link else {}
        return Reply(200, self.page(asked, items, size="limit", default=30), headers)

    @route("GET", "/api/v1/user")
    def _user(self, asked: Asked) -> Reply:
        return Reply(200, {"id": OWN, "login": "reports"})

    @route("GET", _REPO)
    def _get_repo(self, asked: Asked) -> Reply:
        return Reply(200, {"permissions": {"admin": False, "push": True, "pull": True}})

    @route("GET", f"{_REPO}/pulls")
    def _get_pulls(self, asked: Asked) -> Reply:
        return self._paged(asked, [self._pull(p) for p in self.pulls.values() if p.open])

    @route("POST", f"{_REPO}/pulls")
    def _post_pull(self, asked: Asked) -> Reply:
        told = asked.json()
        made = self.open_pull(self.new_id(), told["head"], told["base"])
        made.title, made.body = told["title"], told["body"]
        return Reply(201, self._pull(made))

    @route("GET", f"{_REPO}/pulls/{{number}}")
    def _get_pull(self, asked: Asked) -> Reply:
        pull = self.pulls.get(int(asked.values["number"]))
        return Reply(200, self._pull(pull)) if pull else Reply(404, {"message": "not found"})

    @route("PATCH", f"{_REPO}/pulls/{{number}}")
    def _patch_pull(self, asked: Asked) -> Reply:
        pull = self.pulls[int(asked.values["number"])]
        pull.title, pull.body = asked.json()["title"], asked.json()["body"]
        return Reply(201, self._pull(pull))

    @route("GET", f"{_REPO}/pulls/{{base}}/{{head}}")
    def _get_pull_of(self, asked: Asked) -> Reply:
        wanted = (asked.values["base"], asked.values["head"])
        for pull in self.pulls.values():
            if (pull.base_branch, pull.head_branch) == wanted:
                return Reply(200, self._pull(pull))
        return Reply(404, {"message": "not found"})

    @route("GET", f"{_REPO}/issues/{{number}}/comments")
    def _get_comments(self, asked: Asked) -> Reply:
        found = [c for c in self.comments if c.where == int(asked.values["number"])]
        told = [self._comment(one) for one in found]
        return self._paged(asked, told) if self.pages else Reply(200, told)

    @route("POST", f"{_REPO}/issues/{{number}}/comments")
    def _post_comment(self, asked: Asked) -> Reply:
        made = self.new_comment(int(asked.values["number"]), OWN, asked.json()["body"])
        return Reply(201, self._comment(made))

    @route("PATCH", f"{_REPO}/issues/comments/{{comment}}")
    def _patch_comment(self, asked: Asked) -> Reply:
        one = self.find_comment(asked.values["comment"])
        if one is None:
            return Reply(404, {"message": "not found"})
        one.body = asked.json()["body"]
        return Reply(200, self._comment(one))

    @route("DELETE", f"{_REPO}/issues/comments/{{comment}}")
    def _delete_comment(self, asked: Asked) -> Reply:
        self.comments = [c for c in self.comments if str(c.id) != asked.values["comment"]]
        return Reply(204)

    @route("POST", f"{_REPO}/statuses/{{commit}}")
    def _status(self, asked: Asked) -> Reply:
        told = asked.json()
        if told["state"] not in ("pending", "success", "error", "failure", "warning"):
            return Reply(422, {"message": "state"})
        self.statuses.append((asked.values["commit"], told))
        return Reply(201, told)

    @route("GET", f"{_REPO}/raw/{{path+}}")
    def _file(self, asked: Asked) -> Reply:
        content = self.files.get((asked.query["ref"], asked.values["path"]))
        return Reply(404, {"message": "not found"}) if content is None else Reply(200, content)

    @route("POST", f"{_REPO}/issues/{{number}}/assets")
    def _upload(self, asked: Asked) -> Reply:
        path = f"/attachments/0a1b{len(self.uploads):04x}"
        self.uploads[path] = asked.body
        told = {"browser_download_url": self.url + path}
        return Reply(201, told)
