"""GitLab, as https://docs.gitlab.com/api describes merge requests, notes, discussions, statuses."""

from __future__ import annotations

from typing import Any

from tests.support.forges.site import OWN, TOKEN, Asked, Pull, Reply, Site, Written, route

_PROJECT = "/api/v4/projects/team%2Fproject"


class GitLabSite(Site):
    def __init__(self) -> None:
        super().__init__()
        self.scopes = ["api"]
        self.level = 30

    def is_allowed(self, asked: Asked) -> bool:
        return asked.headers.get("private-token") == TOKEN

    def not_allowed(self) -> Reply:
        return Reply(401, {"message": "401 Unauthorized"})

    def _note(self, one: Written) -> dict[str, Any]:
        return {"id": one.id, "body": one.body, "author": {"id": one.author}, "system": False}

    def _pull(self, one: Pull) -> dict[str, Any]:
        return {
            "id": one.number + 100_000,
            "iid": one.number,
            "state": "opened" if one.open else "closed",
            "sha": one.head,
            "source_branch": one.head_branch,
            "target_branch": one.base_branch,
            "title": one.title,
            "description": one.body,
            "web_url": f"{self.url}/team/project/-/merge_requests/{one.number}",
        }

    def _paged(self, asked: Asked, items: list[Any]) -> Reply:
        link = self.next_link(asked, items, size="per_page", default=20)
        headers = {"Link": f'<{link}>; rel="next"'} if link else {}
        return Reply(200, self.page(asked, items, size="per_page", default=20), headers)

    @route("GET", "/api/v4/user")
    def _user(self, asked: Asked) -> Reply:
        return Reply(200, {"id": OWN, "username": "project_1_bot"})

    @route("GET", "/api/v4/personal_access_tokens/self")
    def _self(self, asked: Asked) -> Reply:
        return Reply(200, {"scopes": self.scopes, "expires_at": "2027-01-01"})

    @route("GET", _PROJECT)
    def _get_project(self, asked: Asked) -> Reply:
        access = {"project_access": {"access_level": self.level}, "group_access": None}
        return Reply(200, {"id": 1, "permissions": access})

    @route("GET", f"{_PROJECT}/merge_requests")
    def _get_pulls(self, asked: Asked) -> Reply:
        branch = asked.query.get("source_branch")
        found = [p for p in self.pulls.values() if p.open and branch in (None, p.head_branch)]
        return Reply(200, [self._pull(one) for one in found])

    @route("POST", f"{_PROJECT}/merge_requests")
    def _post_pull(self, asked: Asked) -> Reply:
        told = asked.json()
        made = self.open_pull(self.new_id(), told["source_branch"], told["target_branch"])
        made.title, made.body = told["title"], told["description"]
        return Reply(201, self._pull(made))

    @route("GET", f"{_PROJECT}/merge_requests/{{number}}")
    def _get_pull(self, asked: Asked) -> Reply:
        pull = self.pulls.get(int(asked.values["number"]))
        return Reply(200, self._pull(pull)) if pull else Reply(404, {"message": "404 Not found"})

    @route("PUT", f"{_PROJECT}/merge_requests/{{number}}")
    def _put_pull(self, asked: Asked) -> Reply:
        pull = self.pulls[int(asked.values["number"])]
        pull.title, pull.body = asked.json()["title"], asked.json()["description"]
        return Reply(200, self._pull(pull))

    @route("GET", f"{_PROJECT}/repository/commits/{{commit}}/merge_requests")
    def _pulls_of_commit(self, asked: Asked) -> Reply:
        found = [p for p in self.pulls.values() if p.head == asked.values["commit"]]
        return Reply(200, [self._pull(one) for one in found])

    @route("GET", f"{_PROJECT}/merge_requests/{{number}}/notes")
    def _notes(self, asked: Asked) -> Reply:
        found = [c for c in self.comments if c.where == int(asked.values["number"])]
        if asked.query.get("sort", "desc") == "desc":
            found.reverse()
        return self._paged(asked, [self._note(one) for one in found])

    @route("POST", f"{_PROJECT}/merge_requests/{{number}}/notes")
    def _post_note(self, asked: Asked) -> Reply:
        made = self.new_comment(int(asked.values["number"]), OWN, asked.json()["body"])
        return Reply(201, self._note(made))

    def _put(self, asked: Asked) -> Reply:
        one = self.find_comment(asked.values["note"])
        if one is None:
            return Reply(404, {"message": "404 Not found"})
        one.body = asked.json()["body"]
        return Reply(200, self._note(one))

    def _delete(self, asked: Asked) -> Reply:
        self.comments = [c for c in self.comments if str(c.id) != asked.values["note"]]
        return Reply(204)

    @route("PUT", f"{_PROJECT}/merge_requests/{{number}}/notes/{{note}}")
    def _put_note(self, asked: Asked) -> Reply:
        return self._put(asked)

    @route("DELETE", f"{_PROJECT}/merge_requests/{{number}}/notes/{{note}}")
    def _delete_note(self, asked: Asked) -> Reply:
        return self._delete(asked)

    @route("GET", f"{_PROJECT}/repository/commits/{{commit}}/discussions")
    def _discussions(self, asked: Asked) -> Reply:
        found = [c for c in self.comments if c.where == asked.values["commit"]]
        return self._paged(asked, [{"id": f"d{c.id}", "notes": [self._note(c)]} for c in found])

    @route("POST", f"{_PROJECT}/repository/commits/{{commit}}/discussions")
    def _post_discussion(self, asked: Asked) -> Reply:
        made = self.new_comment(asked.values["commit"], OWN, asked.json()["body"])
        return Reply(201, {"id": f"d{made.id}", "notes": [self._note(made)]})

    @route("PUT", f"{_PROJECT}/repository/commits/{{commit}}/discussions/{{d}}/notes/{{note}}")
    def _put_discussion(self, asked: Asked) -> Reply:
        return self._put(asked)

    @route("DELETE", f"{_PROJECT}/repository/commits/{{commit}}/discussions/{{d}}/notes/{{note}}")
    def _delete_discussion(self, asked: Asked) -> Reply:
        return self._delete(asked)

    @route("POST", f"{_PROJECT}/statuses/{{commit}}")
    def _status(self, asked: Asked) -> Reply:
        told = asked.json()
        if told["state"] not in ("pending", "running", "success", "failed", "canceled"):
            return Reply(400, {"message": "state does not have a valid value"})
        self.statuses.append((asked.values["commit"], told))
        return Reply(201, {"status": told["state"]})

    @route("GET", f"{_PROJECT}/repository/files/{{path}}/raw")
    def _file(self, asked: Asked) -> Reply:
        content = self.files.get((asked.query["ref"], asked.values["path"]))
        return Reply(404, {"message": "404 File"}) if content is None else Reply(200, content)

    @route("POST", f"{_PROJECT}/uploads")
    def _upload(self, asked: Asked) -> Reply:
        name = asked.body.partition(b'filename="')[2].partition(b'"')[0].decode()
        path = f"/uploads/{len(self.uploads):016x}/{name}"
        self.uploads[path] = asked.body
        told = {"url": path, "full_path": f"/-/project/1{path}", "markdown": f"![{name}]({path})"}
        return Reply(201, told)
