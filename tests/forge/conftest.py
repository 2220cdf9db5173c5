"""Every forge as a place to write to, on loopback, with a driver as a CI job has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.forge.azure import AzureDevOps
from jupyter_mlops.forge.bitbucket import Bitbucket
from jupyter_mlops.forge.client import Timing
from jupyter_mlops.forge.gitea import Gitea
from jupyter_mlops.forge.github import GitHub
from jupyter_mlops.forge.gitlab import GitLab
from jupyter_mlops.forge.protocol import Forge
from jupyter_mlops.forge.token import Token
from tests.support.forges.azure import AzureSite
from tests.support.forges.bitbucket import BitbucketSite
from tests.support.forges.gitea import GiteaSite
from tests.support.forges.github import GitHubSite
from tests.support.forges.gitlab import GitLabSite
from tests.support.forges.site import TOKEN, Site, running

FAST = Timing(backoff_seconds=0.0)


def _token() -> Token:
    return Token(TOKEN, "MLOPS_FORGE_TOKEN")


@dataclass(frozen=True)
class Kind:
    """A forge, and how its driver is made for its stand-in."""

    name: str
    site: Callable[[], Site]
    drive: Callable[[Site, Timing], Forge]


def _driver(kind: Any, **more: Any) -> Callable[[Site, Timing], Forge]:
    def drive(site: Site, timing: Timing) -> Forge:
        forge: Forge = kind(site.url, site.repository, _token(), timing=timing, **more)
        return forge

    return drive


KINDS = (
    Kind("github", GitHubSite, _driver(GitHub)),
    Kind("gitlab", GitLabSite, _driver(GitLab)),
    Kind("bitbucket", BitbucketSite, _driver(Bitbucket)),
    Kind("azure", AzureSite, _driver(AzureDevOps, is_job=True)),
    Kind("gitea", GiteaSite, _driver(Gitea)),
)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each forge."""
    found: Kind = request.param
    return found


@pytest.fixture
def site(kind: Kind) -> Iterator[Site]:
    """A new stand-in of each forge, whose API is described where it is GitHub's."""
    with running(kind.site()) as site:
        yield site
        assert not getattr(site, "violations", [])


@pytest.fixture
def forge(kind: Kind, site: Site) -> Forge:
    """The driver of :func:`site`."""
    return kind.drive(site, FAST)


@pytest.fixture
def github() -> Iterator[GitHubSite]:
    """A stand-in for GitHub."""
    site = GitHubSite()
    with running(site):
        yield site
        assert site.violations == []


def drive_github(site: Site, timing: Timing = FAST) -> GitHub:
    """Return the driver of a stand-in for GitHub."""
    return GitHub(site.url, site.repository, _token(), timing=timing)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in the place of a forge."""
    made = tmp_path / "forge"
    made.mkdir()
    return made
