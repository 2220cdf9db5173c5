"""Pull requests of a team whose project is the demo's, and the job that a CI system runs for each.

Files are the demo's, with its data in a remote; commits, metrics and dates are those of this
module, so that a report says the same each day.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support.project import Project, make_project

_BASE, _HEAD = "ba5e" * 10, "4ead" * 10
_BYTES = re.compile(r"[0-9][0-9,]*(?: → [0-9][0-9,]*)? bytes")
_CONFIG = """\
[remotes]
default = "shared"
[remotes.shared]
url = {url}

[[gate]]
metric = "metrics/cancer.json:accuracy"
against = "base"
tolerance = 0.01

[[gate]]
metric = "metrics/digits.json:accuracy"
min = 0.95
"""


@dataclass(frozen=True)
class Team:
    """The bare repository of a team and the remote of its data, both in ``folder``."""

    hub: Project
    folder: Path

    def open_pull_request(
        self,
        number: int,
        branch: str,
        changes: Mapping[str, str | None],
        *,
        like: str = "main~1",
    ) -> None:
        """Make a branch of one commit, and the merge into main that a forge makes to check it.

        The commit has the files of the revision ``like``, with ``changes`` in them; None: none.
        """
        kept = {path: self.read(path, "main~1") for path in ("mlops.toml", "metrics/digits.json")}
        self.commit(branch, branch, {**kept, **changes}, like=like, parent="main~1")
        tree = self.hub.git("merge-tree", "--write-tree", "main", branch).strip()
        self._write_ref(f"refs/pull/{number}/merge", tree, ("main", branch), f"Merge {branch}")

    def commit(
        self,
        branch: str,
        message: str,
        changes: Mapping[str, str | None],
        *,
        like: str,
        parent: str | None = None,
    ) -> None:
        """Commit the files of the revision ``like``, with ``changes`` in them."""
        index = {"GIT_INDEX_FILE": str(self.folder / "index")}
        self.hub.git("read-tree", like, env=index)
        lines = [f"{self._store(content)}\t{path}\n" for path, content in changes.items()]
        self.hub.git("update-index", "--index-info", env=index, input="".join(lines))
        tree = self.hub.git("write-tree", env=index).strip()
        self._write_ref(f"refs/heads/{branch}", tree, (parent,) if parent else (), message)

    def _store(self, content: str | None) -> str:
        """Return the mode and the object of a file in the index; of none, what removes it."""
        if content is None:
            return f"0 {'0' * 40}"
        return f"100644 {self.hub.git('hash-object', '-w', '--stdin', input=content).strip()}"

    def _write_ref(self, ref: str, tree: str, parents: tuple[str, ...], message: str) -> None:
        when = {f"GIT_{role}_DATE": "2026-03-02T12:00:00Z" for role in ("AUTHOR", "COMMITTER")}
        words = [word for parent in parents for word in ("-p", parent)]
        made = self.hub.git("commit-tree", tree, *words, "-m", message, env=when).strip()
        self.hub.git("update-ref", ref, made)

    def read(self, path: str, revision: str = "main") -> str:
        """Return a file of a revision."""
        return self.hub.git("show", f"{revision}:{path}")

    def check_out(self, number: int, folder: Path) -> Project:
        """Return what a job of GitHub Actions has of a pull request: its merge, one commit deep."""
        job = make_project(folder)
        job.git("remote", "add", "origin", f"file://{self.hub.root}")
        ref = f"refs/remotes/pull/{number}/merge"
        job.git("fetch", "--quiet", "--depth=1", "origin", f"+refs/pull/{number}/merge:{ref}")
        job.git("checkout", "--quiet", "--detach", ref)
        return job

    def variables(self, number: int, branch: str, folder: Path) -> dict[str, str]:
        """Return the variables of that job, whose event is written into ``folder``."""
        sides = {
            side: {"ref": name, "sha": self.hub.git("rev-parse", name).strip()}
            for side, name in (("head", branch), ("base", "main"))
        }
        event = folder / f"event-{number}.json"
        event.write_text(json.dumps({"pull_request": {"number": number, **sides}}))
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REF": f"refs/pull/{number}/merge",
            "GITHUB_REPOSITORY": "team/project",
        }

    def steady(self, text: str, job: Project) -> str:
        """Return a report with what differs from day to day and machine to machine made the same.

        These are commits, whose ids depend on the models that were trained, and their sizes.
        """
        base, head = job.git("rev-parse", "HEAD^1", "HEAD^2").split()
        for commit, shown in ((base, _BASE), (head, _HEAD)):
            named = rf"\b{commit[:7]}[0-9a-f]{{0,33}}\b"
            text = re.sub(named, partial(_in_place_of, shown), text)
        return _BYTES.sub("… bytes", text)


def _in_place_of(shown: str, found: re.Match[str]) -> str:
    return shown[: len(found[0])]


def make_team(demo: Project, folder: Path) -> Team:
    """Make the team's repository, with a first history, of the demo, which is not changed."""
    hub = Project(folder / "hub.git")
    demo.git("clone", "--quiet", "--bare", "--no-hardlinks", ".", str(hub.root))
    shutil.copytree(demo.root / "shared", folder / "shared")
    team = Team(hub, folder)
    config = {"mlops.toml": _CONFIG.format(url=json.dumps(str(folder / "shared")))}
    first, second = metrics(0.94152, 0.10274), metrics(0.953216, 0.0828535)
    before = hub.git("rev-parse", "v2^1").strip()
    digits = {"metrics/digits.json": '{\n "accuracy": 0.971111\n}\n'}
    team.commit("story", "Predict cancer by a linear model", config | first, like="v1")
    team.commit(
        "story", "Take over the digits", config | second | digits, like=before, parent="story"
    )
    asks = {"README.md": "# Cancer and digits\n\nAsk Ada.\n"}
    team.commit("story", "Say whom to ask", asks, like="story", parent="story")
    hub.git("branch", "--force", "main", "story")
    return team


def metrics(accuracy: float, loss: float) -> dict[str, str]:
    """Return the metrics file of a model of cancer."""
    return {
        "metrics/cancer.json": json.dumps({"accuracy": accuracy, "loss": loss}, indent=1) + "\n"
    }
