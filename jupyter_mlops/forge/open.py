"""From where a command runs to the forge it speaks with, and the token that is for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jupyter_mlops.errors import NotFoundError, UnavailableError
from jupyter_mlops.forge import failures
from jupyter_mlops.forge.azure import AzureDevOps
from jupyter_mlops.forge.bitbucket import Bitbucket
from jupyter_mlops.forge.client import Timing
from jupyter_mlops.forge.context import FORGE_VARIABLE, TOKEN_VARIABLE, Context, Kind, Repository
from jupyter_mlops.forge.file import FileForge
from jupyter_mlops.forge.gitea import Gitea
from jupyter_mlops.forge.github import GitHub
from jupyter_mlops.forge.gitlab import GitLab
from jupyter_mlops.forge.protocol import Forge
from jupyter_mlops.forge.token import Token

TOKEN_VARIABLES: Mapping[Kind, tuple[str, ...]] = {
    "github": (TOKEN_VARIABLE, "GITHUB_TOKEN", "GH_TOKEN"),
    "gitlab": (TOKEN_VARIABLE, "GITLAB_TOKEN"),
    "bitbucket": (TOKEN_VARIABLE, "BITBUCKET_TOKEN"),
    "azure": (TOKEN_VARIABLE, "SYSTEM_ACCESSTOKEN", "AZURE_DEVOPS_EXT_PAT"),
    "gitea": (TOKEN_VARIABLE, "GITEA_TOKEN", "FORGEJO_TOKEN", "GITHUB_TOKEN"),
    "file": (),
}
"""Where a token is looked for, in this order."""

_GIVE: Mapping[Kind, str] = {
    "github": "Hand it to the step: `env: GITHUB_TOKEN: ${{ github.token }}`.",
    "gitlab": "Set a project access token with the scope api as the masked CI/CD variable"
    " GITLAB_TOKEN; CI_JOB_TOKEN may not write comments.",
    "bitbucket": "Set a repository access token with the scopes pullrequest:write and"
    " repository:write as the secured variable BITBUCKET_TOKEN.",
    "azure": "Map it into the step: `env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)`.",
    "gitea": "Hand it to the step: `env: GITEA_TOKEN: ${{ secrets.GITEA_TOKEN }}`.",
    "file": "",
}

_GIT_USERS: Mapping[Kind, str] = {
    "github": "x-access-token",
    "gitlab": "oauth2",
    "bitbucket": "x-token-auth",
    "gitea": "x-access-token",
}

DRIVERS: Mapping[Kind, type[GitHub | GitLab | Bitbucket | AzureDevOps | Gitea | FileForge]] = {
    "github": GitHub,
    "gitlab": GitLab,
    "bitbucket": Bitbucket,
    "azure": AzureDevOps,
    "gitea": Gitea,
    "file": FileForge,
}
"""What is known of each forge without asking it: how long a comment may be, what it shows."""

EMAIL_VARIABLE = "BITBUCKET_EMAIL"
"""Whose API token BITBUCKET_TOKEN is, where it is no repository's access token."""


def require_repository(context: Context) -> Repository:
    """Return the repository that a context names.

    Raises:
        NotFoundError: it names none.
    """
    if context.repository is None:
        raise NotFoundError(
            "No forge is known for this repository: no CI system says one, and its Git remote is on"
            " no host that is known to be one.",
            code="forge-unknown",
            hints=(
                f"export {FORGE_VARIABLE}=gitlab+https://git.example.org/GROUP/PROJECT",
                "jupyter mlops ci doctor",
            ),
        )
    return context.repository


def find_token(kind: Kind, environ: Mapping[str, str]) -> Token | None:
    """Return the token for a forge of that kind, None where no variable has one.

    Raises:
        UsageError: what a variable has cannot be one.
    """
    for variable in TOKEN_VARIABLES[kind]:
        if environ.get(variable, "").strip():
            return Token(environ[variable], variable)
    return None


def no_token(repository: Repository) -> UnavailableError:
    """Return the error for a forge that no token is known for."""
    variables = TOKEN_VARIABLES[repository.kind]
    place = repository.url.partition("://")[2]
    return failures.token_missing(place, variables, _GIVE[repository.kind])


def open_forge(
    context: Context, environ: Mapping[str, str], *, cwd: Path, timing: Timing | None = None
) -> Forge:
    """Return the forge that ``context`` names, with the token that ``environ`` has for it.

    Nothing is asked yet. A relative folder of the kind ``file`` begins at ``cwd``.

    Raises:
        NotFoundError: no forge is known.
        UnavailableError: there is no token for it.
    """
    repository = require_repository(context)
    kind, url, path = repository.kind, repository.url, repository.path
    if kind == "file":
        return FileForge(cwd / path)
    token = find_token(kind, environ)
    if token is None:
        raise no_token(repository)
    match kind:
        case "github":
            return GitHub(url, path, token, timing=timing)
        case "gitlab":
            return GitLab(url, path, token, timing=timing)
        case "bitbucket":
            email = environ.get(EMAIL_VARIABLE) or None
            return Bitbucket(url, path, token, email=email, timing=timing)
        case "azure":
            is_job = token.variable == "SYSTEM_ACCESSTOKEN"
            return AzureDevOps(url, path, token, is_job=is_job, timing=timing)
        case _:
            return Gitea(url, path, token, timing=timing)


def git_settings(repository: Repository, environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables by which Git has the forge's token for its host, and for no other.

    A header of that host which a CI system left in Git's settings gives way: two are refused.
    Nothing where there is no token; the caller's own ``GIT_CONFIG_COUNT`` is continued.
    """
    token = find_token(repository.kind, environ)
    if token is None:
        return {}
    count = environ.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdigit() and len(count) < 6 else 0
    user = _GIT_USERS.get(repository.kind, "")
    user = environ.get(EMAIL_VARIABLE) or user if repository.kind == "bitbucket" else user
    scheme, _, rest = repository.url.partition("://")
    key = f"http.{scheme}://{rest.partition('/')[0]}/.extraHeader"
    settings = {"GIT_CONFIG_COUNT": str(first + 2)}
    for place, value in enumerate(("", f"Authorization: {token.basic(user)}"), start=first):
        settings |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    return settings
