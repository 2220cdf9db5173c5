"""Where a command runs: which CI system, which forge, which pull request; from variables alone.

Every function is pure: the variables and the event are handed in. What a system says of itself is
believed; what a repository says (its remote's URL) decides only among hosts that are known to be
forges, so that no clone can name a host of its own to which a token would be sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

System = Literal[
    "GitHub Actions",
    "GitLab CI",
    "Bitbucket Pipelines",
    "Azure Pipelines",
    "Jenkins",
    "CircleCI",
    "Gitea Actions",
    "no CI",
]
Kind = Literal["github", "gitlab", "bitbucket", "azure", "gitea", "file"]

FORGE_VARIABLE = "MLOPS_FORGE"
"""``KIND+URL`` of the repository, where nothing else tells: ``gitea+https://git.example/o/r``."""

TOKEN_VARIABLE = "MLOPS_FORGE_TOKEN"
"""The token for any forge; the forge's own variables are looked at after it."""

KNOWN_HOSTS: Mapping[str, Kind] = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucket",
    "dev.azure.com": "azure",
    "ssh.dev.azure.com": "azure",
    "codeberg.org": "gitea",
    "gitea.com": "gitea",
}
"""Hosts that are believed to be a forge when only a remote's URL says so."""

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:@]+):(?P<path>[^/].*)")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on a forge: ``url`` is the page of the forge, ``path`` its name there."""

    kind: Kind
    url: str
    path: str


@dataclass(frozen=True, slots=True)
class Context:
    """All that is known without asking anyone.

    ``commit`` is the one that is judged: of a pull request its newest, not the merge that some
    systems check out. ``branch`` is its branch, of a fork ``OWNER:BRANCH``; ``base_branch`` and
    ``base_commit`` what it is compared with; ``job`` the name of this job where it is one of a
    matrix; ``summary`` the file that the system shows as the job's summary.
    """

    system: System
    repository: Repository | None = None
    pull_request: int | None = None
    commit: str | None = None
    branch: str | None = None
    base_branch: str | None = None
    base_commit: str | None = None
    from_fork: bool = False
    job: str = ""
    run_url: str | None = None
    summary: str | None = None
    event: str | None = None


def read_context(environ: Mapping[str, str], event: Mapping[str, Any] | None = None) -> Context:
    """Return where a command with these variables runs.

    ``event`` is the JSON of the file that ``GITHUB_EVENT_PATH`` names. Gitea and Forgejo set
    GitHub's variables too, and are looked for first.
    """
    if environ.get("GITEA_ACTIONS") == "true" or environ.get("FORGEJO_ACTIONS") == "true":
        found = replace(_actions(environ, event or {}, "gitea"), system="Gitea Actions")
    elif environ.get("GITHUB_ACTIONS") == "true":
        found = _actions(environ, event or {}, "github")
    elif environ.get("GITLAB_CI") == "true":
        found = _gitlab(environ)
    elif environ.get("BITBUCKET_BUILD_NUMBER"):
        found = _bitbucket(environ)
    elif environ.get("TF_BUILD", "").lower() == "true":
        found = _azure(environ)
    elif environ.get("JENKINS_URL") or environ.get("JENKINS_HOME"):
        found = _jenkins(environ)
    elif environ.get("CIRCLECI") == "true":
        found = _circle(environ)
    else:
        found = Context("no CI")
    named = parse_forge(environ.get(FORGE_VARIABLE, ""))
    job = environ.get("MLOPS_JOB", found.job)
    return replace(found, repository=named or found.repository, job=job)


def with_remote(context: Context, remote_url: str) -> Context:
    """Return ``context`` with the repository that a Git remote names, where it has none yet."""
    if context.repository is not None:
        return context
    return replace(context, repository=parse_remote(remote_url))


def parse_forge(text: str) -> Repository | None:
    """Return the repository that ``KIND+URL`` names, None where it names none."""
    kind, plus, url = text.partition("+")
    if not plus or kind not in ("github", "gitlab", "bitbucket", "azure", "gitea", "file"):
        return None
    if kind == "file":
        return Repository("file", "", url)
    return _split(kind, url)  # type: ignore[arg-type]  # one of the words above


def parse_remote(url: str) -> Repository | None:
    """Return the repository that a Git remote's URL names on a forge that is known.

    Credentials in it are dropped.
    """
    matched = _SCP.fullmatch(url)
    if matched and "://" not in url:
        host, path = matched["host"], matched["path"]
    else:
        parts = urlsplit(url)
        host, path = parts.hostname or "", parts.path
    kind = KNOWN_HOSTS.get(host.lower())
    if kind is None:
        return None
    if kind == "azure":
        path = path.removeprefix("/v3").removeprefix("v3/")
        if "_git" not in path:  # as SSH has it: org/project/repository
            org, _, rest = path.strip("/").partition("/")
            project, _, name = rest.partition("/")
            path = f"{org}/{project}/_git/{name}"
        host = "dev.azure.com"
    return _split(kind, f"https://{host.lower()}/{path.strip('/')}")


def _split(kind: Kind, url: str) -> Repository | None:
    parts = urlsplit(url)
    path = unquote(parts.path).strip("/").removesuffix(".git")
    if parts.scheme not in ("http", "https") or not parts.hostname or path.count("/") < 1:
        return None
    port = f":{parts.port}" if parts.port else ""
    root = f"{parts.scheme}://{parts.hostname}{port}"
    if kind == "azure":  # ORGANIZATION/PROJECT/_git/NAME, on a server of its own with more before
        before, found, name = path.partition("/_git/")
        below, _, project = before.rpartition("/")
        return Repository(kind, f"{root}/{below}", f"{project}/{name}") if found and below else None
    if kind in ("github", "gitea", "bitbucket"):
        segments = path.split("/")
        below, path = "/".join(segments[:-2]), "/".join(segments[-2:])
        root += f"/{below}" if below else ""
    return Repository(kind, root, path)


def _actions(environ: Mapping[str, str], event: Mapping[str, Any], kind: Kind) -> Context:
    server = environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    name = environ.get("GITHUB_REPOSITORY", "")
    run = environ.get("GITHUB_RUN_ID", "")
    found = Context(
        "GitHub Actions",
        Repository(kind, server, name) if name.count("/") == 1 else None,
        commit=_commit(environ.get("GITHUB_SHA")),
        branch=_branch_of_ref(environ.get("GITHUB_REF", "")),
        run_url=f"{server}/{name}/actions/runs/{run}" if run else None,
        summary=environ.get("GITHUB_STEP_SUMMARY") or None,
        event=environ.get("GITHUB_EVENT_NAME"),
        job=environ.get("MLOPS_JOB", ""),
    )
    pull = _dict(event, "pull_request")
    if pull:
        head, base = _dict(pull, "head"), _dict(pull, "base")
        theirs = _text(_dict(head, "repo"), "full_name")
        return replace(
            found,
            pull_request=_number(pull.get("number")),
            commit=_commit(head.get("sha")) or found.commit,
            branch=_qualified(_text(head, "ref"), theirs, name),
            base_branch=_text(base, "ref") or None,
            base_commit=_commit(base.get("sha")),
            from_fork=bool(theirs) and theirs.lower() != name.lower(),
        )
    run_event = _dict(event, "workflow_run")
    if run_event:
        theirs = _text(_dict(run_event, "head_repository"), "full_name")
        return replace(
            found,
            commit=_commit(run_event.get("head_sha")),
            branch=_qualified(_text(run_event, "head_branch"), theirs, name),
            from_fork=bool(theirs) and theirs.lower() != name.lower(),
            run_url=_text(run_event, "html_url") or found.run_url,
        )
    group = _dict(event, "merge_group")
    if group:
        return replace(
            found,
            commit=_commit(group.get("head_sha")) or found.commit,
            base_branch=_branch_of_ref(_text(group, "base_ref")),
            base_commit=_commit(group.get("base_sha")),
        )
    issue = _dict(event, "issue")
    if issue.get("pull_request"):  # a comment on a pull request: its commit is not in the event
        return replace(found, pull_request=_number(issue.get("number")), commit=None, branch=None)
    matched = re.fullmatch(r"refs/pull/([0-9]+)/(?:merge|head)", environ.get("GITHUB_REF", ""))
    if matched:  # the event's file cannot be read: GITHUB_SHA is the merge of the pull request
        return replace(
            found,
            pull_request=_number(matched[1]),
            commit=None,
            branch=environ.get("GITHUB_HEAD_REF") or None,
            base_branch=environ.get("GITHUB_BASE_REF") or None,
        )
    return found


def _gitlab(environ: Mapping[str, str]) -> Context:
    path = environ.get("CI_PROJECT_PATH", "")
    # In the pipeline of a merge request CI_MERGE_REQUEST_PROJECT_PATH is where it is to go.
    target = environ.get("CI_MERGE_REQUEST_PROJECT_PATH", path)
    source = environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", target)
    server = environ.get("CI_SERVER_URL", "https://gitlab.com").rstrip("/")
    merged_results = environ.get("CI_MERGE_REQUEST_EVENT_TYPE") in ("merged_result", "merge_train")
    source_commit = environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") if merged_results else None
    index, total = environ.get("CI_NODE_INDEX"), environ.get("CI_NODE_TOTAL", "1")
    return Context(
        "GitLab CI",
        Repository("gitlab", server, target) if target else None,
        pull_request=_number(environ.get("CI_MERGE_REQUEST_IID")),
        commit=_commit(source_commit) or _commit(environ.get("CI_COMMIT_SHA")),
        branch=environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")
        or environ.get("CI_COMMIT_BRANCH")
        or None,
        base_branch=environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME") or None,
        base_commit=_commit(environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA")),
        from_fork=source != target,
        job=environ.get("CI_JOB_NAME", "") if index and total != "1" else "",
        run_url=environ.get("CI_JOB_URL") or None,
        event=environ.get("CI_PIPELINE_SOURCE"),
    )


def _bitbucket(environ: Mapping[str, str]) -> Context:
    path = environ.get("BITBUCKET_REPO_FULL_NAME", "")
    build = environ.get("BITBUCKET_BUILD_NUMBER", "")
    step = environ.get("BITBUCKET_PARALLEL_STEP") if _parallel(environ) else None
    return Context(
        "Bitbucket Pipelines",
        Repository("bitbucket", "https://bitbucket.org", path) if path.count("/") == 1 else None,
        pull_request=_number(environ.get("BITBUCKET_PR_ID")),
        commit=_commit(environ.get("BITBUCKET_COMMIT")),
        branch=environ.get("BITBUCKET_BRANCH") or None,
        base_branch=environ.get("BITBUCKET_PR_DESTINATION_BRANCH") or None,
        base_commit=_commit(environ.get("BITBUCKET_PR_DESTINATION_COMMIT")),
        job=f"step {step}" if step else "",
        run_url=f"https://bitbucket.org/{path}/pipelines/results/{build}",
    )


def _azure(environ: Mapping[str, str]) -> Context:
    repository = None
    if environ.get("BUILD_REPOSITORY_PROVIDER") == "TfsGit":
        base = environ.get("SYSTEM_COLLECTIONURI") or environ.get(
            "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", ""
        )
        project = environ.get("SYSTEM_TEAMPROJECT", "")
        name = environ.get("BUILD_REPOSITORY_NAME", "")
        repository = Repository("azure", base.rstrip("/"), f"{project}/{name}") if base else None
    elif environ.get("BUILD_REPOSITORY_URI"):
        repository = parse_remote(environ["BUILD_REPOSITORY_URI"])
    number = environ.get("SYSTEM_PULLREQUEST_PULLREQUESTID")
    if environ.get("BUILD_REPOSITORY_PROVIDER") != "TfsGit":
        number = environ.get("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER") or number
    is_pull = _number(number) is not None
    base = environ.get("SYSTEM_COLLECTIONURI", "").rstrip("/")
    build = environ.get("BUILD_BUILDID", "")
    project = environ.get("SYSTEM_TEAMPROJECT", "")
    multiple = environ.get("SYSTEM_TOTALJOBSINPHASE", "1") not in ("", "1")
    return Context(
        "Azure Pipelines",
        repository,
        pull_request=_number(number),
        # BUILD_SOURCEVERSION is the merge that was made for the pull request.
        commit=_commit(environ.get("SYSTEM_PULLREQUEST_SOURCECOMMITID"))
        or (None if is_pull else _commit(environ.get("BUILD_SOURCEVERSION"))),
        branch=_branch_of_ref(
            environ.get("SYSTEM_PULLREQUEST_SOURCEBRANCH") or environ.get("BUILD_SOURCEBRANCH", "")
        ),
        base_branch=_branch_of_ref(environ.get("SYSTEM_PULLREQUEST_TARGETBRANCH", ""))
        or environ.get("SYSTEM_PULLREQUEST_TARGETBRANCHNAME")
        or None,
        from_fork=environ.get("SYSTEM_PULLREQUEST_ISFORK", "").lower() == "true",
        job=environ.get("AGENT_JOBNAME", "") if multiple else "",
        run_url=f"{base}/{project}/_build/results?buildId={build}" if base and build else None,
    )


def _jenkins(environ: Mapping[str, str]) -> Context:
    """Read what Jenkins' multibranch jobs set (branch API plugin) and its Git plugin."""
    page = _pull_request_page(environ.get("CHANGE_URL", ""))
    repository, number = page if page else (None, None)
    return Context(
        "Jenkins",
        repository or parse_remote(environ.get("GIT_URL", "")),
        pull_request=number or _number(environ.get("CHANGE_ID")),
        # Of a pull request GIT_COMMIT is a merge, unless the job is told otherwise.
        commit=None if environ.get("CHANGE_ID") else _commit(environ.get("GIT_COMMIT")),
        branch=environ.get("CHANGE_BRANCH") or environ.get("BRANCH_NAME") or None,
        base_branch=environ.get("CHANGE_TARGET") or None,
        from_fork=bool(environ.get("CHANGE_FORK")),
        run_url=environ.get("BUILD_URL") or None,
    )


def _circle(environ: Mapping[str, str]) -> Context:
    page = _pull_request_page(environ.get("CIRCLE_PULL_REQUEST", ""))
    repository, number = page if page else (None, None)
    index, total = environ.get("CIRCLE_NODE_INDEX", ""), environ.get("CIRCLE_NODE_TOTAL", "1")
    job = environ.get("CIRCLE_JOB", "")
    return Context(
        "CircleCI",
        repository or parse_remote(environ.get("CIRCLE_REPOSITORY_URL", "")),
        pull_request=number,
        commit=_commit(environ.get("CIRCLE_SHA1")),
        branch=environ.get("CIRCLE_BRANCH") or None,
        from_fork=bool(environ.get("CIRCLE_PR_USERNAME")),
        job=f"{job} {index}" if total not in ("", "1") else "",
        run_url=environ.get("CIRCLE_BUILD_URL") or None,
    )


def _pull_request_page(url: str) -> tuple[Repository, int] | None:
    """Return the repository and number of a page of a pull request on a forge that is known."""
    for words in ("/pull/", "/-/merge_requests/", "/pull-requests/", "/pullrequest/", "/pulls/"):
        before, found, after = url.partition(words)
        number = _number(after.partition("/")[0])
        repository = parse_remote(before) if found else None
        if repository and number:
            return repository, number
    return None


def _qualified(branch: str, theirs: str, ours: str) -> str | None:
    if not branch:
        return None
    fork = bool(theirs) and theirs.lower() != ours.lower()
    return f"{theirs.partition('/')[0]}:{branch}" if fork else branch


def _branch_of_ref(ref: str) -> str | None:
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None


def _parallel(environ: Mapping[str, str]) -> bool:
    return environ.get("BITBUCKET_PARALLEL_STEP_COUNT", "1") not in ("", "1")


def _commit(value: object) -> str | None:
    return value if isinstance(value, str) and _COMMIT.fullmatch(value) else None


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value > 0 else None
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _dict(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
