"""A job of GitHub Actions as commands meet it: real Git, a clone, a forge on loopback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.commands.ci_comment import ci_comment
from jupyter_mlops.commands.ci_doctor import CiDoctorResult, ci_doctor
from jupyter_mlops.commands.ci_post import PostedReport
from jupyter_mlops.commands.ci_pr import CiPrResult, ci_pr
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.workspace import open_here, open_workspace
from tests.support.forges.github import GitHubSite
from tests.support.forges.site import TOKEN, Pull, running
from tests.support.project import IDENTITY, Project, make_project


@dataclass
class Job:
    """A job of GitHub Actions for pull request 7, in a clone."""

    clone: Project
    site: GitHubSite
    pull: Pull
    hub: Project
    folder: Path
    environ: pytest.MonkeyPatch

    def set_event(self, **event: Any) -> None:
        """Let the job be started by another event."""
        path = self.folder / "event.json"
        path.write_text(json.dumps(event))
        self.environ.setenv("GITHUB_EVENT_PATH", str(path))

    def comment(self, *files: str, **options: Any) -> PostedReport:
        return ci_comment(open_here(self.clone.root), files, **options)

    def doctor(self) -> CiDoctorResult:
        return ci_doctor(open_here(self.clone.root))

    def pr(self, *paths: str, **options: Any) -> CiPrResult:
        return ci_pr(open_workspace(self.clone.root), paths, **options)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with a branch of one commit more than main, and a clone of that branch."""
    folder = tmp_path_factory.mktemp("ci")
    project = make_project(folder / "project")
    project.write("mlops.toml", "")
    init(open_here(project.root))
    project.write("metrics/train.json", '{"acc": 0.9}\n')
    project.commit("Project")
    project.git("switch", "--quiet", "-c", "topic")
    project.write("metrics/train.json", '{"acc": 0.91}\n')
    project.commit("Better")
    project.git("clone", "--quiet", "--bare", ".", str(folder / "hub.git"))
    project.git("clone", "--quiet", "--branch=topic", "../hub.git", str(folder / "clone"))
    Project(folder / "clone").git("remote", "set-url", "origin", "../hub.git")
    return folder


@pytest.fixture
def job(tmp_path: Path, made_once: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A job of the pull request's branch in a clone of its own."""
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    for name in ("hub.git", "clone"):
        shutil.copytree(made_once / name, tmp_path / name)
    clone = Project(tmp_path / "clone")
    site = GitHubSite()
    with running(site):
        pull = site.open_pull(7)
        pull.head = clone.head()
        variables = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_SERVER_URL": site.url,
            "GITHUB_REPOSITORY": "team/project",
            "GITHUB_SHA": "f" * 40,
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_RUN_ID": "99",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        made = Job(clone, site, pull, Project(tmp_path / "hub.git"), tmp_path, monkeypatch)
        base = clone.git("rev-parse", "origin/main").strip()
        made.set_event(
            pull_request={
                "number": 7,
                "head": {
                    "sha": pull.head,
                    "ref": "topic",
                    "repo": {"full_name": "team/project"},
                },
                "base": {"sha": base, "ref": "main"},
            }
        )
        yield made
        assert site.violations == []
