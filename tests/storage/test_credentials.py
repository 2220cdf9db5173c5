"""What lets a user in, what does not, and that nothing of it is ever shown."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.storage.settings import RemoteSettings
from tests.support.sites import NO_PATIENCE, SECRET, Site, Sites

_TRY = """
import json, sys
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.storage.open import open_backend
from jupyter_mlops.storage.settings import parse_settings
url, pairs = sys.argv[1], json.loads(sys.argv[2])
try:
    print(open_backend(url, parse_settings(pairs, remote="r")).read("object").decode())
except MlopsError as error:
    print(error.code)
"""


def _code(site: Site) -> str:
    with site.open(NO_PATIENCE) as backend, pytest.raises(MlopsError) as caught:
        backend.read("object")
    shown = "".join(traceback.format_exception(caught.value)) + repr(backend) + repr(site.settings)
    assert SECRET not in shown
    assert base64.b64encode(SECRET.encode()).decode() not in shown
    return caught.value.code


def _read_elsewhere(site: Site, pairs: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """Return what a process with more in its environment reads, or the code of its error."""
    command = [sys.executable, "-c", _TRY, site.url, json.dumps(dict(pairs))]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    assert SECRET not in done.stdout + done.stderr
    return done.stdout.strip()


@contextmanager
def _checked_by_moto(site: Site) -> Iterator[None]:
    """Let moto look at who asks; otherwise it lets everybody in."""
    url = f"http://127.0.0.1:{site.port}/moto-api/reset-auth"

    def allow(count: str) -> None:
        headers = {"Content-Type": "text/plain"}
        request = Request(url, data=count.encode(), headers=headers, method="POST")
        with urlopen(request, timeout=30) as answer:
            answer.read()

    allow("0")
    try:
        yield
    finally:
        allow("inf")


def test_s3_refuses_a_key_that_it_does_not_know(sites: Sites) -> None:
    site = sites.make("s3")
    wrong = replace(site.settings, secret_access_key=SECRET, session_token=SECRET)
    with _checked_by_moto(site):
        assert _code(replace(site, settings=wrong)) == "credentials-refused"


def test_azure_refuses_a_wrong_key_and_a_wrong_signature(sites: Sites) -> None:
    site = sites.make("az")
    key = base64.b64encode(SECRET.encode()).decode()
    for wrong in (
        replace(site.settings, account_key=key),
        replace(site.settings, account_key=None, sas_token=f"sv=2021-08-06&sig={SECRET}"),
    ):
        assert _code(replace(site, settings=wrong)) == "credentials-refused"


def test_a_web_server_wants_and_refuses_a_password(sites: Sites) -> None:
    site = sites.make("http")
    site.fill({"object": b"locked"})
    locked = replace(site, url=site.url.replace("/plain/", "/locked/"))
    assert _code(locked) == "credentials-missing"
    wrong = RemoteSettings(user="ada", password=SECRET)
    assert _code(replace(locked, settings=wrong)) == "credentials-refused"
    right = RemoteSettings(user="ada", password="right")
    with replace(locked, settings=right).open() as backend:
        assert backend.read("object") == b"locked"


def test_a_password_is_found_in_netrc(sites: Sites, tmp_path: Path) -> None:
    site = sites.make("http")
    site.fill({"object": b"locked"})
    locked = replace(site, url=site.url.replace("/plain/", "/locked/"))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password right\n")
    netrc.chmod(0o600)
    assert _read_elsewhere(locked, {}, {"NETRC": str(netrc)}) == "locked"
    netrc.write_text(f"machine 127.0.0.1 login ada password {SECRET}\n")
    assert _read_elsewhere(locked, {}, {"NETRC": str(netrc)}) == "credentials-refused"
    assert _read_elsewhere(locked, {"user": "bob"}, {"NETRC": str(netrc)}) == "credentials-missing"


def test_aws_keys_are_found_in_the_environment_and_in_profiles(
    sites: Sites, tmp_path: Path
) -> None:
    site = sites.make("s3")
    site.fill({"object": b"found"})
    pairs = {"endpoint": str(site.settings.endpoint), "region": "us-east-1"}
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
    assert _read_elsewhere(site, pairs, keys) == "found"
    file = tmp_path / "credentials"
    file.write_text("[other]\naws_access_key_id = id\naws_secret_access_key = key\n")
    found = {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_EC2_METADATA_DISABLED": "true"}
    assert _read_elsewhere(site, pairs, found | {"AWS_PROFILE": "other"}) == "found"
    assert _read_elsewhere(site, pairs | {"profile": "other"}, found) == "found"
    assert _read_elsewhere(site, pairs | {"profile": "none"}, found) == "credentials-missing"
    assert _read_elsewhere(site, pairs, found) == "credentials-missing"


def test_ssh_refuses_a_key_that_it_does_not_know(sites: Sites, tmp_path: Path) -> None:
    site = sites.make("ssh")
    site.fill({"object": b"found"})
    assert _read_elsewhere(site, {}, {}) == "found"
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    (ssh / "known_hosts").write_bytes((Path.home() / ".ssh/known_hosts").read_bytes())
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(ssh / "id_ed25519")]
    subprocess.run(command, check=True)
    stranger = {"HOME": str(tmp_path), "SSH_AUTH_SOCK": ""}
    assert _read_elsewhere(site, {}, stranger) == "credentials-refused"


@pytest.mark.parametrize(
    ("config", "known", "code"),
    [
        ("", "", "host-key-unknown"),
        ("", "[127.0.0.1]:{port} {other}", "host-key-unknown"),
        ("StrictHostKeyChecking no\n", "", "host-key-unknown"),
        ("UserKnownHostsFile none\n", "", "host-key-unknown"),
        ("UserKnownHostsFile /dev/null\n", "", "host-key-unknown"),
        ("Host *\n  IdentityFile {key}\n  UserKnownHostsFile {hosts}\n", "", "found"),
    ],
)
def test_a_host_is_known_or_refused(
    sites: Sites, tmp_path: Path, config: str, known: str, code: str
) -> None:
    site = sites.make("ssh")
    site.fill({"object": b"found"})
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    own = Path.home() / ".ssh"
    port = site.url.rpartition("127.0.0.1:")[2].partition("/")[0]
    other = (own / "id_ed25519.pub").read_text()
    (ssh / "known_hosts").write_text(known.format(port=port, other=other))
    (ssh / "config").write_text(config.format(key=own / "id_ed25519", hosts=own / "known_hosts"))
    assert _read_elsewhere(site, {}, {"HOME": str(tmp_path)}) == code


def test_an_ssh_config_names_the_host(sites: Sites, tmp_path: Path) -> None:
    site = sites.make("ssh")
    site.fill({"object": b"found"})
    address = site.url.removeprefix("ssh://").partition("/")[0]
    user, _, at = address.rpartition("@")
    host, _, port = at.partition(":")
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    own = Path.home() / ".ssh"
    lines = ["Host store", f"  HostName {host}", f"  Port {port}"]
    lines += [f"  User {user}"] if user else []
    lines += [f"  IdentityFile {own / 'id_ed25519'}", f"  UserKnownHostsFile {own / 'known_hosts'}"]
    (ssh / "config").write_text("\n".join(lines) + "\n")
    named = replace(site, url=site.url.replace(address, "store"))
    assert _read_elsewhere(named, {}, {"HOME": str(tmp_path)}) == "found"


def test_an_agent_lends_its_keys(sites: Sites, tmp_path: Path) -> None:
    site = sites.make("ssh")
    site.fill({"object": b"found"})
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    own = Path.home() / ".ssh"
    (ssh / "known_hosts").write_bytes((own / "known_hosts").read_bytes())
    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.PIPE
    )
    try:
        assert agent.stdout is not None
        agent.stdout.readline()
        environment = {"HOME": str(tmp_path), "SSH_AUTH_SOCK": str(tmp_path / "agent")}
        assert _read_elsewhere(site, {}, environment) == "credentials-refused"
        command = ["ssh-add", "-q", str(own / "id_ed25519")]
        subprocess.run(command, env={**os.environ, **environment}, check=True)
        assert _read_elsewhere(site, {}, environment) == "found"
    finally:
        agent.terminate()
        agent.communicate()
