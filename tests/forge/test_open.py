"""Which forge, with which token; and that Git gets the token for that host alone."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from jupyter_mlops.errors import MlopsError, UnavailableError
from jupyter_mlops.forge.azure import AzureDevOps
from jupyter_mlops.forge.context import Context, Repository, read_context
from jupyter_mlops.forge.fit import Part
from jupyter_mlops.forge.github import GitHub
from jupyter_mlops.forge.open import TOKEN_VARIABLES, find_token, git_settings, open_forge
from jupyter_mlops.forge.post import SUMMARY_LIMIT_BYTES, append_summary
from jupyter_mlops.git.remotes import list_remote_refs
from jupyter_mlops.git.repository import open_repository
from tests.support.forges.site import TOKEN, Reply, Site, running
from tests.support.project import Project

URLS = {
    "github": "github+https://github.com/team/project",
    "gitlab": "gitlab+https://gitlab.example/group/sub/project",
    "bitbucket": "bitbucket+https://bitbucket.org/team/project",
    "azure": "azure+https://dev.azure.com/org/Team/_git/project",
    "gitea": "gitea+https://git.example/sub/team/project",
}


@pytest.mark.parametrize("kind", URLS)
def test_each_forge_is_opened_with_its_own_token(kind: str, tmp_path: Path) -> None:
    context = read_context({"MLOPS_FORGE": URLS[kind]})
    assert context.repository is not None
    with pytest.raises(UnavailableError) as caught:
        open_forge(context, {"UNRELATED_TOKEN": TOKEN}, cwd=tmp_path)
    assert caught.value.code == "forge-token-missing"
    for variable in TOKEN_VARIABLES[context.repository.kind]:
        environ = {variable: f" {TOKEN}\n"}
        token = find_token(context.repository.kind, environ)
        assert token is not None
        assert token.variable == variable
        assert open_forge(context, environ, cwd=tmp_path).most_characters > 10_000


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com", "https://api.github.com/user"),
        ("https://team.ghe.com", "https://api.team.ghe.com/user"),
        ("https://git.example:8443", "https://git.example:8443/api/v3/user"),
    ],
)
def test_where_the_api_of_a_github_is(url: str, api: str, tmp_path: Path) -> None:
    context = Context("no CI", Repository("github", url, "team/project"))
    forge = open_forge(context, {"GH_TOKEN": TOKEN}, cwd=tmp_path)
    assert isinstance(forge, GitHub)
    assert forge._client.url("/user") == api


def test_azure_takes_a_job_s_token_and_a_person_s(tmp_path: Path) -> None:
    context = read_context({"MLOPS_FORGE": URLS["azure"]})
    for variable, form in (("SYSTEM_ACCESSTOKEN", "Bearer"), ("AZURE_DEVOPS_EXT_PAT", "Basic")):
        forge = open_forge(context, {variable: TOKEN}, cwd=tmp_path)
        assert isinstance(forge, AzureDevOps)
        assert forge._client._header[1].startswith(f"{form} ")


def test_no_forge_is_known() -> None:
    with pytest.raises(MlopsError) as caught:
        open_forge(Context("no CI"), {"GITHUB_TOKEN": TOKEN}, cwd=Path())
    assert caught.value.code == "forge-unknown"


def test_git_gives_the_token_to_the_forge_s_host_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = open_repository(project.root)
    with running(Site()) as forge, running(Site()) as elsewhere:
        for site in (forge, elsewhere):
            site.fault = lambda asked: Reply(404)
            key = f"http.{site.url}/.extraheader"
            project.git("config", key, "AUTHORIZATION: basic left-by-checkout")
        repository = Repository("github", forge.url, "team/project")
        settings = git_settings(
            repository,
            {
                "GITHUB_TOKEN": TOKEN,
                "GIT_CONFIG_COUNT": "1",
            },
        )
        settings |= {"GIT_CONFIG_KEY_0": "mlops.kept", "GIT_CONFIG_VALUE_0": "yes"}
        for site in (forge, elsewhere):
            with pytest.raises(UnavailableError) as caught:
                list_remote_refs(repo, f"{site.url}/team/project", "refs/heads/x", env=settings)
            assert TOKEN not in caught.value.message
        wanted = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        assert {asked.headers["authorization"] for asked in forge.asked} == {f"Basic {wanted}"}
        given = {asked.headers.get("authorization") for asked in elsewhere.asked}
        assert given == {"basic left-by-checkout"}
    assert git_settings(repository, {}) == {}


def test_a_summary_is_never_longer_than_what_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("what stood there\n")
    for _ in range(3):
        append_summary(path, [Part(("# Report",), 9), Part(("ж" * 400_000, "[all](url)"))])
    text = path.read_text()
    assert len(text.encode()) <= SUMMARY_LIMIT_BYTES
    assert text.startswith("what stood there\n# Report\n\nжжж")
    assert text.count("# Report") == 3
    path.write_text("x" * SUMMARY_LIMIT_BYTES)
    append_summary(path, [Part(("# Report",))])
    assert path.stat().st_size == SUMMARY_LIMIT_BYTES
