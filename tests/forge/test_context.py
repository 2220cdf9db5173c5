"""Where am I: the variables of each CI system, as they are documented, to a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.forge.context import (
    Context,
    Repository,
    parse_forge,
    parse_remote,
    read_context,
    with_remote,
)

A, B, C = "a" * 40, "b" * 40, "c" * 40

ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "team/project",
    "GITHUB_SHA": C,
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_RUN_ID": "99",
    "GITHUB_STEP_SUMMARY": "/tmp/summary",
    "GITHUB_EVENT_NAME": "pull_request",
}
PULL = {
    "number": 7,
    "head": {"sha": A, "ref": "topic", "repo": {"full_name": "team/project"}},
    "base": {"sha": B, "ref": "main", "repo": {"full_name": "team/project"}},
}


def test_github_pull_request_is_judged_by_its_head_not_by_the_merge() -> None:
    found = read_context(ACTIONS, {"pull_request": PULL})
    assert found == Context(
        "GitHub Actions",
        Repository("github", "https://github.com", "team/project"),
        pull_request=7,
        commit=A,
        branch="topic",
        base_branch="main",
        base_commit=B,
        run_url="https://github.com/team/project/actions/runs/99",
        summary="/tmp/summary",
        event="pull_request",
    )


def test_github_fork_without_event_file_and_after_deletion() -> None:
    theirs = {**PULL, "head": {**PULL["head"], "repo": {"full_name": "Other/project"}}}  # type: ignore[dict-item]
    found = read_context(ACTIONS, {"pull_request": theirs})
    assert (found.from_fork, found.branch) == (True, "Other:topic")
    found = read_context({**ACTIONS, "GITHUB_HEAD_REF": "topic", "GITHUB_BASE_REF": "main"})
    assert (found.pull_request, found.commit, found.branch) == (7, None, "topic")
    gone = {**PULL, "head": {"sha": A, "ref": "topic", "repo": None}}
    assert read_context(ACTIONS, {"pull_request": gone}).commit == A


def test_github_second_step_knows_whose_run_it_is_about() -> None:
    event = {
        "workflow_run": {
            "head_sha": A,
            "head_branch": "main",
            "head_repository": {"full_name": "other/project"},
            "html_url": "https://github.com/team/project/actions/runs/98",
        }
    }
    found = read_context({**ACTIONS, "GITHUB_REF": "refs/heads/main"}, event)
    assert (found.commit, found.branch, found.from_fork) == (A, "other:main", True)
    assert found.pull_request is None
    assert found.run_url == "https://github.com/team/project/actions/runs/98"


def test_github_merge_queue_push_and_comment() -> None:
    group = {"head_sha": A, "base_sha": B, "base_ref": "refs/heads/main"}
    found = read_context(ACTIONS, {"merge_group": group})
    assert (found.commit, found.base_commit, found.base_branch) == (A, B, "main")
    found = read_context({**ACTIONS, "GITHUB_REF": "refs/heads/a/b"}, {"ref": "refs/heads/a/b"})
    assert (found.commit, found.branch, found.pull_request) == (C, "a/b", None)
    issue = {"issue": {"number": 7, "pull_request": {"url": "x"}}}
    found = read_context({**ACTIONS, "GITHUB_REF": "refs/heads/main"}, issue)
    assert (found.pull_request, found.commit) == (7, None)


@pytest.mark.parametrize("variable", ["GITEA_ACTIONS", "FORGEJO_ACTIONS"])
def test_gitea_comes_before_github_whose_variables_it_sets(variable: str) -> None:
    environ = {**ACTIONS, variable: "true", "GITHUB_SERVER_URL": "https://git.example/sub"}
    found = read_context(environ, {"pull_request": PULL})
    assert found.system == "Gitea Actions"
    assert found.repository == Repository("gitea", "https://git.example/sub", "team/project")
    assert (found.pull_request, found.commit) == (7, A)


GITLAB = {
    "GITLAB_CI": "true",
    "CI_SERVER_URL": "https://gitlab.example:8443/git",
    "CI_PROJECT_PATH": "group/sub/project",
    "CI_COMMIT_SHA": A,
    "CI_JOB_URL": "https://gitlab.example/job",
    "CI_JOB_NAME": "train 1/3",
}


def test_gitlab_takes_iid_and_the_source_of_a_merged_result() -> None:
    environ = {
        **GITLAB,
        "CI_MERGE_REQUEST_ID": "90001",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_PROJECT_PATH": "group/sub/project",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "someone/project",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": B,
        "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": C,
        "CI_NODE_INDEX": "1",
        "CI_NODE_TOTAL": "3",
    }
    found = read_context(environ)
    assert found.repository == Repository(
        "gitlab", "https://gitlab.example:8443/git", "group/sub/project"
    )
    assert (found.pull_request, found.commit, found.base_commit) == (7, C, B)
    assert (found.branch, found.base_branch, found.from_fork) == ("topic", "main", True)
    assert found.job == "train 1/3"
    assert read_context({**environ, "CI_MERGE_REQUEST_EVENT_TYPE": "detached"}).commit == A


def test_gitlab_branch() -> None:
    found = read_context({**GITLAB, "CI_COMMIT_BRANCH": "main"})
    assert (found.pull_request, found.commit, found.branch, found.job) == (None, A, "main", "")
    assert not found.from_fork


def test_bitbucket() -> None:
    found = read_context(
        {
            "BITBUCKET_BUILD_NUMBER": "12",
            "BITBUCKET_REPO_FULL_NAME": "team/project",
            "BITBUCKET_COMMIT": A,
            "BITBUCKET_BRANCH": "topic",
            "BITBUCKET_PR_ID": "7",
            "BITBUCKET_PR_DESTINATION_BRANCH": "main",
            "BITBUCKET_PR_DESTINATION_COMMIT": B[:12],
        }
    )
    assert found.repository == Repository("bitbucket", "https://bitbucket.org", "team/project")
    assert (found.pull_request, found.commit, found.base_branch) == (7, A, "main")
    assert found.run_url == "https://bitbucket.org/team/project/pipelines/results/12"


AZURE = {
    "TF_BUILD": "True",
    "BUILD_REPOSITORY_PROVIDER": "TfsGit",
    "BUILD_REPOSITORY_NAME": "project",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/org/",
    "SYSTEM_TEAMPROJECT": "My Team",
    "BUILD_SOURCEVERSION": C,
    "BUILD_BUILDID": "5",
}


def test_azure_pull_request_is_judged_by_its_source() -> None:
    environ = {
        **AZURE,
        "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
        "SYSTEM_PULLREQUEST_SOURCECOMMITID": A,
        "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/topic",
        "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
    }
    found = read_context(environ)
    assert found.repository == Repository("azure", "https://dev.azure.com/org", "My Team/project")
    assert (found.pull_request, found.commit, found.base_branch) == (7, A, "main")
    del environ["SYSTEM_PULLREQUEST_SOURCECOMMITID"]
    assert read_context(environ).commit is None
    assert read_context({**AZURE, "BUILD_SOURCEBRANCH": "refs/heads/main"}).commit == C


def test_azure_pipelines_of_a_repository_on_github() -> None:
    found = read_context(
        {
            **AZURE,
            "BUILD_REPOSITORY_PROVIDER": "GitHub",
            "BUILD_REPOSITORY_URI": "https://github.com/team/project",
            "SYSTEM_PULLREQUEST_PULLREQUESTID": "90001",
            "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "7",
        }
    )
    assert found.repository == Repository("github", "https://github.com", "team/project")
    assert found.pull_request == 7


def test_jenkins() -> None:
    environ = {
        "JENKINS_URL": "https://ci.example/",
        "GIT_URL": "git@github.com:team/project.git",
        "GIT_COMMIT": C,
        "CHANGE_ID": "7",
        "CHANGE_URL": "https://github.com/team/project/pull/7",
        "CHANGE_BRANCH": "topic",
        "CHANGE_TARGET": "main",
    }
    found = read_context(environ)
    assert found.repository == Repository("github", "https://github.com", "team/project")
    assert (found.pull_request, found.commit, found.branch) == (7, None, "topic")
    own = {**environ, "GIT_URL": "https://git.example/x/y", "CHANGE_URL": "https://git.example/7"}
    assert read_context(own).repository is None
    named = {**own, "MLOPS_FORGE": "gitlab+https://git.example/x/y"}
    assert read_context(named).repository == Repository("gitlab", "https://git.example", "x/y")


def test_circle() -> None:
    environ = {
        "CIRCLECI": "true",
        "CIRCLE_REPOSITORY_URL": "git@github.com:team/project.git",
        "CIRCLE_PULL_REQUEST": "https://github.com/team/project/pull/7",
        "CIRCLE_SHA1": A,
        "CIRCLE_BRANCH": "topic",
        "CIRCLE_NODE_TOTAL": "2",
        "CIRCLE_NODE_INDEX": "1",
        "CIRCLE_JOB": "train",
    }
    found = read_context(environ)
    assert (found.pull_request, found.commit, found.job) == (7, A, "train 1")


def test_outside_of_ci_the_remote_tells_if_its_host_is_known() -> None:
    found = with_remote(read_context({}), "git@gitlab.com:group/sub/project.git")
    assert found == Context(
        "no CI", Repository("gitlab", "https://gitlab.com", "group/sub/project")
    )
    assert with_remote(read_context({}), "https://evil.example/github.com/x").repository is None
    named = read_context(
        {"MLOPS_FORGE": "gitea+https://git.example:3000/sub/o/r", "MLOPS_JOB": "x"}
    )
    assert named.repository == Repository("gitea", "https://git.example:3000/sub", "o/r")
    assert named.job == "x"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://someone:secret@github.com/team/project.git", "team/project"),
        ("ssh://git@github.com/team/project", "team/project"),
        ("git@github.com:team/project", "team/project"),
        ("https://user@dev.azure.com/org/My%20Team/_git/project", "My Team/project"),
        ("git@ssh.dev.azure.com:v3/org/Team/project", "Team/project"),
        ("https://bitbucket.org/team/project.git", "team/project"),
        ("https://codeberg.org/team/project", "team/project"),
    ],
)
def test_remotes(url: str, path: str) -> None:
    found = parse_remote(url)
    assert found is not None
    assert found.path == path
    assert "secret" not in repr(found)
    assert found.kind != "azure" or found.url == "https://dev.azure.com/org"


def test_azure_on_a_server_of_its_own() -> None:
    found = parse_forge("azure+https://tfs.example/tfs/Collection/Team/_git/project")
    assert found == Repository("azure", "https://tfs.example/tfs/Collection", "Team/project")


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just([A])
_NAMES = ("number", "head", "base", "repo", "sha", "ref", "head_sha", "pull_request", "full_name")
_INNER = st.dictionaries(st.sampled_from(_NAMES), _LEAVES, max_size=3)
_OUTER = st.dictionaries(st.sampled_from(_NAMES), _LEAVES | _INNER, max_size=3)
_KEYS = ("pull_request", "workflow_run", "merge_group", "issue")


@given(st.dictionaries(st.sampled_from(_KEYS), _LEAVES | _OUTER, max_size=2))
def test_any_event_is_read(event: dict[str, object]) -> None:
    found = read_context(ACTIONS, event)
    assert found.pull_request is None or found.pull_request > 0
    assert found.commit is None or set(found.commit) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "url",
    ["", "/srv/git/project", "https://github.com", "file:///x", "https://github.com.evil/a/b"],
)
def test_what_is_no_forge(url: str) -> None:
    assert parse_remote(url) is None
    assert parse_forge(f"ftp+{url}") is None


@pytest.mark.parametrize("value", ["", "x", "-1", "0", "7; rm", "9" * 80, "\u0667"])
def test_hostile_variables(value: str) -> None:
    found = read_context({**GITLAB, "CI_MERGE_REQUEST_IID": value, "CI_COMMIT_SHA": value})
    assert found.pull_request is None
    assert found.commit is None
    event = {"pull_request": {"number": value, "head": value, "base": [value]}}
    found = read_context({**ACTIONS, "GITHUB_SHA": value}, event)
    assert (found.pull_request, found.commit) == (None, None)
