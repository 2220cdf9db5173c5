"""What goes wrong with remotes, as whoever types ``push`` and ``pull`` sees it."""

from __future__ import annotations

import base64
import json
import re
import ssl
import subprocess
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from tests.support.data_project import DataProject
from tests.support.disks import make_read_only
from tests.support.faults import Fault, open_faulty
from tests.support.remote_judge import check_remote
from tests.support.sites import OVER_HTTP, SECRET, Kind, Site, Sites
from tests.sync.team import Team, keep, push_data, set_up

pytestmark = pytest.mark.slow

ALL = ("GET", "HEAD", "PROPFIND", "PUT", "POST", "DELETE", "MKCOL", "MOVE")
Said = subprocess.CompletedProcess[str]


@pytest.fixture
def project(tmp_path: Path) -> DataProject:
    """A project with data that no remote has."""
    (tmp_path / "first").mkdir()
    team = Team(tmp_path, str(tmp_path / "first"))
    team.origin.write("data/a", b"1,2\n" * 1000)
    keep(team.origin, "data")
    return team.origin


def _use(project: DataProject, site: Site) -> None:
    """Let the project's remote be ``site``."""
    project.git("config", "mlops.remote.store.url", site.url)
    project.git("config", "mlops.remote.store.give-up-seconds", "0.3")
    set_up(project, site.settings)


def _refused(project: DataProject, *words: str, code: str) -> str:
    """Run a command that is refused; return what it says."""
    before = project.everything()
    said = project.mlops(*words)
    assert said.returncode == _status(code), said.stderr
    assert SECRET not in said.stdout + said.stderr
    assert "Traceback" not in said.stderr
    error = json.loads(project.mlops(*words, "--json").stderr)["error"]
    assert error["code"] == code, error
    assert error["hints"], error
    assert project.everything() == before
    return said.stderr


def _status(code: str) -> int:
    table = (Path(__file__).parents[2] / "docs/errors.md").read_text()
    found = re.search(rf"^\| `{code}` \| (\d+) \|", table, re.MULTILINE)
    assert found, f"{code} is not in docs/errors.md"
    return int(found[1])


def _mended(project: DataProject, site: Site) -> None:
    """Let pass that the same command succeeds where nothing is wrong."""
    _use(project, site)
    assert project.mlops("push").returncode == 0
    with site.open() as backend:
        assert check_remote(backend) > 0


@pytest.mark.parametrize("kind", ["file", "s3", "gs", "az", "ssh", "webdav"])
def test_no_such_bucket(sites: Sites, project: DataProject, kind: Kind) -> None:
    site = sites.make(kind)
    _use(project, site.elsewhere("nothing-here"))
    _refused(project, "push", code="place-missing")
    _mended(project, site)


def _wrong(sites: Sites, kind: Kind) -> Site:
    """Return a place with credentials that it does not accept."""
    site = sites.make(kind)
    match kind:
        case "az":
            key = base64.b64encode(SECRET.encode()).decode()
            return replace(site, settings=replace(site.settings, account_key=key))
        case "webdav":
            settings = replace(site.settings, user="ada", password=SECRET)
            return replace(site, url=site.url.replace("/dav/", "/locked/"), settings=settings)
        case _:
            return replace(site, url=site.url.replace("nobody@", "somebody@"))


@pytest.mark.parametrize("kind", ["az", "ssh", "webdav"])
def test_wrong_credentials(sites: Sites, project: DataProject, kind: Kind) -> None:
    _use(project, _wrong(sites, kind))
    _refused(project, "push", code="credentials-refused")


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_credentials_that_a_bucket_does_not_accept(
    sites: Sites, project: DataProject, kind: Kind, status: int
) -> None:
    site = sites.make(kind)
    assert site.port is not None
    with open_faulty(site.port) as proxy:
        proxy.inject(Fault("status", ALL, status=status, body=SECRET.encode()))
        seen = site.through(proxy.port)
        settings = replace(seen.settings, token=SECRET)
        if kind == "s3":
            settings = replace(seen.settings, secret_access_key=SECRET)
        _use(project, replace(seen, settings=settings))
        _refused(project, "push", code="credentials-refused" if status == 401 else "access-refused")
        proxy.clear()
        assert project.mlops("push").returncode == 0


@pytest.mark.parametrize("kind", ["file", "ssh", "webdav", "http"])
def test_a_remote_that_cannot_be_written(sites: Sites, project: DataProject, kind: Kind) -> None:
    site = sites.make(kind)
    assert site.folder is not None
    shown = site.url.replace("/dav/", "/readonly/") if kind == "webdav" else site.url
    with make_read_only(site.folder) if kind in ("file", "ssh") else nullcontext():
        _use(project, replace(site, url=shown))
        _refused(project, "push", code="read-only")
    if kind != "http":
        _mended(project, site)


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_a_remote_of_a_newer_version(sites: Sites, project: DataProject, kind: Kind) -> None:
    site = sites.make(kind)
    site.fill({"format": b"1\n"})
    _use(project, site)
    for command in ("push", "pull", "fetch"):
        said = _refused(project, command, code="format-newer")
        assert "pip install --upgrade" in said
    with site.open() as backend:
        assert [one.name for one in backend.iter_objects()] == ["format"]


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_a_certificate_that_nobody_vouches_for(
    sites: Sites, project: DataProject, kind: Kind
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    site = sites.make(kind)
    assert site.port is not None
    with open_faulty(site.port, tls=tls) as proxy:
        _use(project, site.through(proxy.port, tls=True))
        _refused(project, "pull", code="certificate-refused")


@pytest.mark.parametrize("kind", [*OVER_HTTP, "ssh"])
def test_a_host_without_an_address(sites: Sites, project: DataProject, kind: Kind) -> None:
    site = sites.make(kind)
    url = site.url.replace("127.0.0.1", "nowhere.invalid")
    endpoint = (site.settings.endpoint or "").replace("127.0.0.1", "nowhere.invalid") or None
    _use(project, replace(site, url=url, settings=replace(site.settings, endpoint=endpoint)))
    said = _refused(project, "push", code="gave-up")
    assert "no address is known" in said


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_a_remote_that_is_busy(sites: Sites, project: DataProject, kind: Kind) -> None:
    site = sites.make(kind)
    assert site.port is not None
    words = ("pull",) if kind == "http" else ("push",)
    with open_faulty(site.port) as proxy:
        proxy.inject(Fault("status", ALL, status=503))
        _use(project, site.through(proxy.port))
        said = _refused(project, *words, code="gave-up")
        assert re.search(r"Given up after [0-9.]+ (ms|s) and \d+ tr(y|ies)", said)
        proxy.clear()
        project.git("config", "mlops.remote.store.give-up-seconds", "20")
        for status in (503, 429, 500):
            proxy.inject(Fault("status", ALL, times=1, status=status))
        done = project.mlops(*words)
        assert done.returncode == 0, done.stderr


def test_a_proxy_that_wants_a_login(sites: Sites, project: DataProject) -> None:
    site = sites.make("s3")
    assert site.port is not None
    with open_faulty(site.port) as proxy:
        proxy.inject(Fault("html", ALL))
        _use(project, site.through(proxy.port))
        for command in ("push", "pull"):
            _refused(project, command, code="foreign-answer")
        proxy.clear()
        assert project.mlops("push").returncode == 0


def test_a_password_in_the_url(project: DataProject) -> None:
    config = project.root / "mlops.toml"
    config.write_text(f'[remotes.store]\nurl = "https://ada:{SECRET}@host.invalid/x"\n')
    said = _refused(project, "push", code="config-invalid")
    assert "mlops.toml" in said


def test_what_was_pushed_stays_where_a_push_is_refused(sites: Sites, project: DataProject) -> None:
    site = sites.make("file")
    _use(project, site)
    push_data(project)
    assert site.folder is not None
    project.write("data/a", b"changed")
    keep(project)
    with make_read_only(site.folder):
        _refused(project, "push", code="read-only")
    with site.open() as backend:
        assert check_remote(backend) > 0
