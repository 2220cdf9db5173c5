"""The workflows that ``ci init`` writes, as texts: pinned, with the least permissions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jupyter_mlops._version import __version__
from jupyter_mlops.commands.spec import PROGRAM

_CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
_PYTHON = "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0"
_CACHE = "actions/cache@5a3ec84eff668545956fd18022155c47e93e2684 # v4.2.3"
_UPLOAD = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2"
_DOWNLOAD = "actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093 # v4.3.0"

_IMAGE = "python:3.12-bookworm"
_INSTALL = f'python -m pip install "jupyter-mlops=={__version__}"'
_REPORT = "mlops-report.md"
_CHECK = f"{PROGRAM} report --format md > {_REPORT}"
_PULL = f"{PROGRAM} pull --yes || test $? -eq 3"
"""Status 3 says that nobody pushed some data, which the report is to tell."""
_COMMENT = f"{PROGRAM} ci comment {_REPORT} --status"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a workflow depends on: the branch that is merged into, and whether there is a remote."""

    default_branch: str
    has_remote: bool


@dataclass(frozen=True, slots=True)
class Workflow:
    """The files of a CI system by their paths, and what is left to be done by hand there.

    ``alone`` are files that hold a team's other jobs as well: they are written only where there is
    none, and ``instead`` says what to add to one that exists.
    """

    files: Mapping[str, str]
    to_do: tuple[str, ...] = ()
    alone: Mapping[str, str] | None = None
    instead: str = ""


def github(facts: Facts) -> Workflow:
    """Return a workflow that checks, and writes the comment of pull requests from branches."""
    post = f"""\
      - name: Write the comment and the status
        if: >-
          always() && (github.event_name != 'pull_request'
          || github.event.pull_request.head.repo.full_name == github.repository)
        env:
          GITHUB_TOKEN: ${{{{ github.token }}}}
          OUTCOME: ${{{{ steps.check.outcome }}}}
        run: {_COMMENT} "$OUTCOME"
"""
    permissions = """\
      contents: read
      pull-requests: write # the comment
      statuses: write # the verdict beside the commit
"""
    return Workflow({".github/workflows/mlops.yml": _github(facts, permissions, post)})


def github_forks(facts: Facts) -> Workflow:
    """Return two workflows: one checks without any right, one writes without any of its code."""
    keep = f"""\
      - name: Keep the results for the workflow that may write
        if: always()
        uses: {_UPLOAD}
        with:
          name: mlops-report
          path: {_REPORT}
          if-no-files-found: ignore
"""
    post = f"""\
{_head("--github --forks")}
# It runs with rights, so that it checks out nothing of a pull request and runs nothing of it.
name: mlops-report
on:
  workflow_run:
    workflows: [mlops]
    types: [completed]

permissions: {{}}

jobs:
  report:
    if: >-
      github.event.workflow_run.event == 'pull_request'
      && contains(fromJSON('["success", "failure"]'), github.event.workflow_run.conclusion)
    runs-on: ubuntu-latest
    timeout-minutes: 10
    permissions:
      actions: read # the results of the other workflow
      pull-requests: write # the comment
      statuses: write # the verdict beside the commit
    steps:
      - uses: {_PYTHON}
        with:
          python-version: "3.12"
      - run: {_INSTALL}
      - run: mkdir mlops-report
      - uses: {_DOWNLOAD}
        continue-on-error: true # a job that was broken off has no report
        with:
          name: mlops-report
          path: mlops-report
          run-id: ${{{{ github.event.workflow_run.id }}}}
          github-token: ${{{{ github.token }}}}
      - name: Write the comment and the status
        env:
          GITHUB_TOKEN: ${{{{ github.token }}}}
          OUTCOME: ${{{{ github.event.workflow_run.conclusion }}}}
        run: find mlops-report -type f -exec jupyter mlops ci comment --status "$OUTCOME" {{}} +
"""
    check = _github(facts, "      contents: read\n", keep, "--github --forks")
    return Workflow(
        {".github/workflows/mlops.yml": check, ".github/workflows/mlops-report.yml": post},
        ("The workflow that writes comments works once it is on the default branch.",),
    )


def gitlab(facts: Facts) -> Workflow:
    """Return a job in a file of its own, which ``.gitlab-ci.yml`` includes."""
    path = ".gitlab/mlops.gitlab-ci.yml"
    job = f"""\
{_head("--gitlab")}
mlops:
  image: {_IMAGE}
  timeout: 30 minutes
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  variables:
    GIT_DEPTH: "0" # gates compare with other commits
  cache:
    key: mlops-store
    paths:
      - .git/mlops
  script:
{_lines(facts, "    - ")}"""
    include = f"include:\n  - local: /{path}\n"
    return Workflow(
        {path: job},
        (
            "Make a project access token (Settings, Access tokens) with the role Developer and the"
            " scope api, and set it as the masked CI/CD variable GITLAB_TOKEN.",
        ),
        alone={".gitlab-ci.yml": include},
        instead=f"Add to .gitlab-ci.yml: include: [{{local: /{path}}}]",
    )


def bitbucket(facts: Facts) -> Workflow:
    """Return the one file that Bitbucket has for pipelines."""
    text = f"""\
{_head("--bitbucket")}
image: {_IMAGE}

definitions:
  caches:
    mlops: .git/mlops

pipelines:
  pull-requests:
    "**":
      - step: &mlops
          name: mlops
          max-time: 30
          clone:
            depth: full # gates compare with other commits
          caches:
            - mlops
          script:
{_lines(facts, "            - ")}\
  branches:
    {json.dumps(facts.default_branch)}:
      - step: *mlops
"""
    return Workflow(
        {"bitbucket-pipelines.yml": text},
        (
            "Make a repository access token (Repository settings, Access tokens) with the scopes"
            " pullrequest:write and repository:write, and set it as the secured variable"
            " BITBUCKET_TOKEN.",
        ),
    )


def azure(facts: Facts) -> Workflow:
    """Return a pipeline in a file of its own."""
    pull = f"    {_PULL}\n" if facts.has_remote else ""
    text = f"""\
{_head("--azure")}
trigger:
  branches:
    include:
      - {json.dumps(facts.default_branch)}

pool:
  vmImage: ubuntu-latest

steps:
  - checkout: self
    fetchDepth: "0" # gates compare with other commits
  - task: UsePythonVersion@0
    inputs:
      versionSpec: "3.12"
  - task: Cache@2
    inputs:
      key: 'mlops | "$(Agent.OS)" | "$(Build.SourceVersion)"'
      restoreKeys: 'mlops | "$(Agent.OS)"'
      path: $(Build.SourcesDirectory)/.git/mlops
  - script: |
      {_INSTALL}
      jupyter mlops init
{pull.replace("    ", "      ")}\
    displayName: Install, and bring the data here
  - script: {_CHECK}
    name: check
    displayName: Check, and compare with the base
  - script: {_COMMENT} success
    condition: succeeded()
    displayName: Write the comment and the status
    env:
      SYSTEM_ACCESSTOKEN: $(System.AccessToken)
  - script: {_COMMENT} failure
    condition: failed()
    displayName: Write what was found
    env:
      SYSTEM_ACCESSTOKEN: $(System.AccessToken)
"""
    return Workflow(
        {"azure-pipelines-mlops.yml": text},
        (
            "Make a pipeline of azure-pipelines-mlops.yml, and require it in the branch policy of"
            " the target branch (Build validation): that is what runs it for pull requests.",
            "In Project settings, Repositories, Security, allow the build service to `Contribute to"
            " pull requests`.",
        ),
    )


WORKFLOWS: Mapping[str, Callable[[Facts], Workflow]] = {
    "github": github,
    "gitlab": gitlab,
    "bitbucket": bitbucket,
    "azure": azure,
}


def _github(facts: Facts, permissions: str, last: str, options: str = "--github") -> str:
    pull = f"      - run: {_PULL}\n" if facts.has_remote else ""
    return f"""\
{_head(options)}
name: mlops
on:
  pull_request:
  push:
    branches: [{json.dumps(facts.default_branch)}]

permissions: {{}}

concurrency:
  group: mlops-${{{{ github.ref }}}}
  cancel-in-progress: true

jobs:
  check:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    permissions:
{permissions}\
    steps:
      - uses: {_CHECKOUT}
        with:
          fetch-depth: 0 # gates compare with other commits
          persist-credentials: false
      - uses: {_PYTHON}
        with:
          python-version: "3.12"
      - run: {_INSTALL}
      - uses: {_CACHE}
        with:
          path: .git/mlops
          key: mlops-${{{{ runner.os }}}}-${{{{ hashFiles('**/*.mlops') }}}}
          restore-keys: mlops-${{{{ runner.os }}}}-
      - run: jupyter mlops init
{pull}\
      - name: Check, and compare with the base
        id: check
        run: {_CHECK}
{last}"""


def _head(options: str) -> str:
    return f"# Checks and reports by jupyter-mlops. Written by `jupyter mlops ci init {options}`."


def _lines(facts: Facts, before: str) -> str:
    """Return the commands of a job that is a list of them, one a line."""
    commands = [
        _INSTALL,
        "jupyter mlops init",
        *([_PULL] if facts.has_remote else []),
        "status=success",
        f"{_CHECK} || status=failure",
        f'{_COMMENT} "$status"',
        'test "$status" = success',
    ]
    return "".join(f"{before}{command}\n" for command in commands)
