"""Real servers on loopback, and places on them for objects."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from email.utils import formatdate
from pathlib import Path
from typing import Literal
from urllib.request import Request, urlopen

import pytest

from jupyter_mlops.storage.backend import Backend
from jupyter_mlops.storage.open import open_backend
from jupyter_mlops.storage.retry import RetryPolicy
from jupyter_mlops.storage.settings import NO_SETTINGS, RemoteSettings
from tests.support.programs import SERVERS, find_azurite, find_server

Kind = Literal["file", "s3", "gs", "az", "ssh", "http", "webdav"]

KINDS: tuple[Kind, ...] = ("file", "s3", "gs", "az", "ssh", "http", "webdav")
WRITABLE: tuple[Kind, ...] = ("file", "s3", "gs", "az", "ssh", "webdav")
OVER_HTTP: tuple[Kind, ...] = ("s3", "gs", "az", "http", "webdav")
ON_DISK: tuple[Kind, ...] = ("file", "ssh", "http", "webdav")

QUICK = RetryPolicy(
    first_pause_seconds=0.01,
    longest_pause_seconds=0.05,
    give_up_seconds=30.0,
    never_answered_seconds=0.2,
)
"""Patience with short pauses, for what succeeds in the end."""

NO_PATIENCE = replace(QUICK, give_up_seconds=0.3)
"""For what never succeeds."""

SECRET = "s3cr3t-that-nobody-may-see"
"""What is part of every credential here that is wrong."""

_ROOT = Path(__file__).parents[2]
_ACCOUNT = "devstoreaccount1"
# Azurite's own account; its key is public.
_ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
_NOBODY = 65534
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Site:
    """A place for objects that is new and empty.

    ``folder`` is where the objects are as files, ``port`` where its web server listens; None where
    there is no such thing.
    """

    kind: Kind
    url: str
    settings: RemoteSettings = NO_SETTINGS
    folder: Path | None = None
    port: int | None = None

    def open(self, policy: RetryPolicy = QUICK) -> Backend:
        """Return a backend of it, which the caller closes."""
        return open_backend(self.url, self.settings, policy=policy)

    def through(self, port: int, *, tls: bool = False) -> Site:
        """Return the same place as it is seen through a proxy at ``port``."""
        scheme = "https" if tls else "http"
        if self.kind in {"http", "webdav"}:
            url = self.url.replace(f":{self.port}/", f":{port}/").replace("http:", f"{scheme}:")
            return replace(self, url=url, port=port)
        assert self.settings.endpoint is not None
        endpoint = self.settings.endpoint.replace(f":{self.port}", f":{port}")
        endpoint = endpoint.replace("http:", f"{scheme}:")
        return replace(self, settings=replace(self.settings, endpoint=endpoint), port=port)

    def elsewhere(self, place: str) -> Site:
        """Return a bucket, container or folder beside it that is not there."""
        scheme, _, _ = self.url.partition("://")
        if self.kind in {"s3", "gs", "az"}:
            return replace(self, url=f"{scheme}://{place}")
        return replace(self, url=f"{self.url.rstrip('/')}/{place}", folder=None)

    def fill(self, objects: Mapping[str, bytes]) -> None:
        """Put objects there, as fast as it goes."""
        if self.folder is not None:
            for name, content in objects.items():
                path = self.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            return
        if self.kind in {"s3", "gs"} and all(map(bytes.isascii, objects.values())):
            prefix = self.url.removeprefix(f"{self.kind}://tests/")
            texts = {f"{prefix}/{name}": text.decode() for name, text in objects.items()}
            url = f"http://127.0.0.1:{self.port}/fill-bucket/tests"
            _send("POST", url, data=json.dumps(texts).encode())
            return
        with self.open() as backend, ThreadPoolExecutor(16) as threads:
            for _ in threads.map(lambda pair: backend.put(*pair), objects.items()):
                pass


class Sites:
    """Makes places; each server is started when it is first needed. A context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._ports: dict[str, int] = {}
        self._home: Path | None = None

    def __enter__(self) -> Sites:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def make(self, kind: Kind) -> Site:
        """Return a new place of ``kind``; skips the test where its server cannot be had."""
        prefix = f"prefix {secrets.token_hex(4)}/é"
        if kind in ON_DISK:
            folder = self._folder(prefix)
            return self._on_disk(kind, folder)
        if kind == "az":
            port = self._port("azurite", self._start_azurite)
            settings = RemoteSettings(
                endpoint=f"http://127.0.0.1:{port}/{_ACCOUNT}",
                account=_ACCOUNT,
                account_key=_ACCOUNT_KEY,
            )
            return Site("az", f"az://tests/{prefix}", settings, port=port)
        port = self._port("s3", self._start_s3)
        settings = RemoteSettings(endpoint=f"http://127.0.0.1:{port}")
        if kind == "gs":
            settings = replace(settings, token="a token")
        else:
            settings = replace(
                settings, region="us-east-1", access_key_id="id", secret_access_key="key"
            )
        return Site(kind, f"{kind}://tests/{prefix}", settings, port=port)

    def make_versioned(self) -> Site:
        """Return a new place in a bucket of S3 that keeps every version of its objects."""
        site = self.make("s3")
        bucket = f"http://127.0.0.1:{site.port}/versioned"
        _send("PUT", bucket)
        status = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        _send("PUT", f"{bucket}?versioning", {"Content-Type": "application/xml"}, status)
        return replace(site, url=site.url.replace("s3://tests/", "s3://versioned/"))

    def web_port(self) -> int:
        """Return where nginx listens."""
        return self._port("nginx", self._start_nginx)

    def _on_disk(self, kind: Kind, folder: Path) -> Site:
        path = folder.relative_to(self.home).as_posix().replace(" ", "%20").replace("é", "%C3%A9")
        if kind == "file":
            return Site("file", str(folder), folder=folder)
        if kind == "ssh":
            port = self._port("sshd", self._start_sshd)
            user = "nobody@" if os.geteuid() == 0 else ""
            url = f"ssh://{user}127.0.0.1:{port}{folder.as_posix()}".replace(" ", "%20")
            return Site("ssh", url.replace("é", "%C3%A9"), folder=folder)
        port = self.web_port()
        shown = {
            "http": "http://127.0.0.1:{}/plain/{}",
            "webdav": "webdav+http://127.0.0.1:{}/dav/{}",
        }
        url = shown[kind].format(port, path.removeprefix("dav/"))
        return Site(kind, url, folder=folder, port=port)

    @property
    def home(self) -> Path:
        """Return the folder that all servers keep their files in."""
        if self._home is None:
            self._home = Path(
                self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mlops-sites-"))
            )
            self._home.chmod(0o755)
        return self._home

    def _folder(self, name: str) -> Path:
        folder = self.home / "dav" / name
        folder.mkdir(parents=True)
        for made in (folder, folder.parent):
            if os.geteuid() == 0:
                os.chown(made, _NOBODY, _NOBODY)
        return folder

    def _port(self, server: str, start: Callable[[int], subprocess.Popen[bytes]]) -> int:
        if server not in self._ports:
            port = _free_port()
            process = start(port)
            self._stack.callback(_end, process)
            _wait_for(port, process)
            self._ports[server] = port
            if server == "s3":
                _send("PUT", f"http://127.0.0.1:{port}/tests")
            if server == "azurite":
                _make_container(port, "tests")
        return self._ports[server]

    def _start(self, *command: str, **given: object) -> subprocess.Popen[bytes]:
        """Start a server."""
        with open(self.home / f"{secrets.token_hex(4)}.log", "wb") as log:
            return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
                command, stdout=log, stderr=log, **given
            )

    def _start_s3(self, port: int) -> subprocess.Popen[bytes]:
        return self._start(sys.executable, "-m", "tests.support.s3_server", str(port), cwd=_ROOT)

    def _start_azurite(self, port: int) -> subprocess.Popen[bytes]:
        script = find_azurite()
        if script is None:
            pytest.skip("not run: no azurite can be had here")
        options = ["--silent", "--inMemoryPersistence", "--skipApiVersionCheck"]
        options += ["--disableTelemetry", "--blobHost", "127.0.0.1", "--blobPort", str(port)]
        return self._start("node", str(script), *options, cwd=self.home)

    def _start_nginx(self, port: int) -> subprocess.Popen[bytes]:
        program = find_server("nginx")
        module = _find_module()
        if program is None or module is None:
            pytest.skip("not run: no nginx with WebDAV can be had here")
        folder = self.home / "nginx"
        folder.mkdir()
        (self.home / "dav").mkdir(exist_ok=True)
        (folder / "users").write_text("ada:{PLAIN}right\n")
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            _NGINX.format(user=user, module=module, port=port, folder=folder, home=self.home)
        )
        return self._start(
            str(program), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"
        )

    def _start_sshd(self, port: int) -> subprocess.Popen[bytes]:
        program = find_server("sshd")
        if program is None or shutil.which("ssh-keygen") is None:
            pytest.skip("not run: no sshd can be had here")
        folder = self.home / "sshd"
        folder.mkdir()
        for name in ("host", "stranger"):
            _make_key(folder / name)
        settings = Path.home() / ".ssh"
        settings.mkdir(mode=0o700, exist_ok=True)
        key = settings / "id_ed25519"
        if not key.exists():
            _make_key(key)
        shutil.copyfile(key.with_suffix(".pub"), folder / "authorized_keys")
        host_key = (folder / "host.pub").read_text()
        with open(settings / "known_hosts", "a") as known:
            known.write(f"[127.0.0.1]:{port} {host_key}")
        (folder / "sshd_config").write_text(_SSHD.format(port=port, folder=folder))
        libraries = [f"{SERVERS}/debian/{name}/{_triplet()}" for name in ("lib", "usr/lib")]
        given: dict[str, object] = {"env": {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}}
        if os.geteuid() == 0:  # as root it wants a user and a folder of the system for itself
            given |= {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            for path in (folder, *folder.iterdir()):
                os.chown(path, _NOBODY, _NOBODY)
        command = [str(program), "-D", "-e", "-f", str(folder / "sshd_config")]
        return self._start(*command, **given)


_NGINX = """\
daemon off;
{user}
pid {folder}/pid;
worker_processes 1;
load_module {module};
events {{ worker_connections 256; }}
http {{
    access_log off;
    types {{ }}
    default_type application/octet-stream;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location /dav/ {{
            root {home};
            dav_methods PUT DELETE MKCOL COPY MOVE;
            dav_ext_methods PROPFIND OPTIONS;
        }}
        location /readonly/ {{
            alias {home}/dav/;
            dav_ext_methods PROPFIND OPTIONS;
        }}
        location /plain/ {{
            alias {home}/dav/;
            autoindex on;
        }}
        location /locked/ {{
            alias {home}/dav/;
            auth_basic "objects";
            auth_basic_user_file {folder}/users;
        }}
    }}
}}
"""

_SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
Subsystem sftp internal-sftp
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    given_up_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < given_up_at:
        assert process.poll() is None, f"{process.args!r} ended by itself"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"{process.args!r} does not listen")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _make_key(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True)


def _triplet() -> str:
    return f"{os.uname().machine}-linux-gnu"


def _find_module() -> Path | None:
    name = "lib/nginx/modules/ngx_http_dav_ext_module.so"
    places = (SERVERS / "debian/usr" / name, Path("/usr") / name)
    return next((place for place in places if place.exists()), None)


def _send(
    method: str, url: str, headers: Mapping[str, str] | None = None, data: bytes | None = None
) -> None:
    request = Request(url, method=method, headers=dict(headers or {}), data=data)
    with urlopen(request, timeout=30) as answer:
        answer.read()


def _make_container(port: int, name: str) -> None:
    """Make a container in Azurite, signed as Azure's documentation of "Shared Key" has it."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    canonical = "".join(f"{key}:{value}\n" for key, value in headers.items())
    resource = f"/{_ACCOUNT}/{_ACCOUNT}/{name}\nrestype:container"
    text = "PUT" + "\n" * 12 + canonical + resource
    digest = hmac.new(base64.b64decode(_ACCOUNT_KEY), text.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    headers["Authorization"] = f"SharedKey {_ACCOUNT}:{signature}"
    _send("PUT", f"http://127.0.0.1:{port}/{_ACCOUNT}/{name}?restype=container", headers)
