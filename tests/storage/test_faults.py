"""What backends say and do when servers, networks and disks fail."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pytest
import trustme

from jupyter_mlops.errors import IntegrityError, MlopsError, UnavailableError
from jupyter_mlops.storage.backend import Backend, ByteRange
from jupyter_mlops.storage.canary import check_backend
from jupyter_mlops.storage.settings import RemoteSettings
from tests.support.disks import make_read_only, mount_tmpfs
from tests.support.faults import Fault, FaultyProxy, open_faulty
from tests.support.relay import open_relay
from tests.support.sites import NO_PATIENCE, OVER_HTTP, SECRET, WRITABLE, Kind, Site, Sites
from tests.support.users import wait_until

READS = ("GET", "HEAD", "PROPFIND")
ALL = (*READS, "PUT", "POST", "DELETE", "MKCOL", "MOVE")
CONTENT = bytes(range(256)) * 400


@pytest.fixture(params=OVER_HTTP)
def behind(request: pytest.FixtureRequest, sites: Sites) -> Iterator[tuple[Site, FaultyProxy]]:
    """A place with an object, seen through a proxy that may break what passes."""
    kind: Kind = request.param
    site = sites.make(kind)
    site.fill({"object": CONTENT})
    assert site.port is not None
    with open_faulty(site.port) as proxy:
        yield site.through(proxy.port), proxy


def _code(call: Callable[[], object]) -> str:
    with pytest.raises(MlopsError) as caught:
        call()
    error = caught.value
    assert SECRET not in "".join(traceback.format_exception(error)) + repr(error) + str(error.hints)
    return error.code


def _reads(backend: Backend) -> list[Callable[[], object]]:
    return [
        lambda: backend.read("object"),
        lambda: backend.read_ranges("object", [ByteRange(1000, 2000)]),
        lambda: backend.stat("object"),
        lambda: list(backend.iter_objects()),
    ]


def _writes(backend: Backend) -> list[Callable[[], object]]:
    return [
        lambda: backend.put("new", b"x"),
        lambda: backend.put_new("new", b"x"),
        lambda: backend.delete("object"),
    ]


def test_busy_now_and_then_is_tried_again(behind: tuple[Site, FaultyProxy]) -> None:
    site, proxy = behind
    with site.open() as backend:
        proxy.inject(Fault("status", times=5, status=503))
        assert backend.read("object") == CONTENT
        for status, call in zip((429, 500, 503, 503), _reads(backend), strict=True):
            proxy.inject(Fault("status", ALL, times=1, status=status))
            call()
        for call in _writes(backend) if site.kind != "http" else []:
            proxy.inject(Fault("status", ALL, times=1, status=503))
            call()


def test_busy_for_ever_is_given_up_with_the_time_spent(behind: tuple[Site, FaultyProxy]) -> None:
    site, proxy = behind
    proxy.inject(Fault("status", ALL, status=503))
    with site.open(NO_PATIENCE) as backend, pytest.raises(UnavailableError) as caught:
        backend.read("object")
    assert caught.value.code == "gave-up"
    assert "503" in caught.value.message
    assert re.search(r"Given up after [0-9.]+ (ms|s) and \d+ tr(y|ies)", caught.value.message)


def test_a_broken_off_answer_is_asked_for_again(behind: tuple[Site, FaultyProxy]) -> None:
    site, proxy = behind
    with site.open() as backend:
        proxy.inject(Fault("truncate", times=3, path="object"))
        assert backend.read("object") == CONTENT
        proxy.inject(Fault("truncate", times=3, path="object"))
        assert backend.read_ranges("object", [ByteRange(1000, 2000)]) == [CONTENT[1000:3000]]


def test_answers_that_always_break_off_are_no_data(behind: tuple[Site, FaultyProxy]) -> None:
    site, proxy = behind
    proxy.inject(Fault("truncate"))
    with site.open(NO_PATIENCE) as backend:
        for call in _reads(backend)[:2]:
            assert _code(call) == "gave-up"


def test_a_part_that_is_shorter_than_it_was_asked_for_is_no_data(
    behind: tuple[Site, FaultyProxy],
) -> None:
    site, proxy = behind
    proxy.inject(Fault("short-range"))
    with site.open(NO_PATIENCE) as backend:
        assert _code(lambda: backend.read_ranges("object", [ByteRange(0, 2000)])) in {
            "gave-up",
            "object-too-short",
        }


def test_what_arrived_in_part_at_a_web_server_is_never_seen(sites: Sites) -> None:
    site = sites.make("webdav")
    assert site.port is not None
    with open_faulty(site.port) as proxy:
        proxy.inject(Fault("short-put", ("PUT",)))
        with site.through(proxy.port).open(NO_PATIENCE) as backend:
            assert _code(lambda: backend.put("new", CONTENT)) == "gave-up"
            assert list(backend.iter_objects()) == []
            proxy.clear()
            proxy.inject(Fault("short-put", ("PUT",), times=1))
            backend.put("new", CONTENT)
            assert backend.read("new") == CONTENT


def test_lost_answers_do_no_harm(behind: tuple[Site, FaultyProxy]) -> None:
    site, proxy = behind
    if site.kind == "http":
        return
    with site.open() as backend:
        proxy.inject(Fault("lose-answer", ("PUT", "MOVE"), times=1))
        backend.put("new", CONTENT)
        assert backend.read("new") == CONTENT
        proxy.inject(Fault("lose-answer", ("PUT", "MOVE"), times=1))
        backend.put_new("newer", CONTENT)
        assert backend.read("newer") == CONTENT
        proxy.inject(Fault("lose-answer", ("DELETE",), times=1))
        backend.delete("new")
        assert {found.name for found in backend.iter_objects()} == {"object", "newer"}


def test_a_web_page_in_place_of_data_is_said(behind: tuple[Site, FaultyProxy]) -> None:
    site, proxy = behind
    proxy.inject(Fault("html", ALL))
    with site.open(NO_PATIENCE) as backend:
        for call in _reads(backend)[:3]:
            assert _code(call) == "foreign-answer"
        assert _code(_reads(backend)[3]) in {"foreign-answer", "listing-refused"}
        if site.kind != "http":
            assert _code(lambda: backend.put("new", b"x")) == "foreign-answer"


def test_corrupt_bytes_have_the_right_length_and_are_the_callers_to_find(
    behind: tuple[Site, FaultyProxy],
) -> None:
    site, proxy = behind
    proxy.inject(Fault("corrupt", path="object"))
    with site.open() as backend:
        found = backend.read("object")
    assert found != CONTENT and len(found) == len(CONTENT)


def test_a_slow_server_is_waited_for(behind: tuple[Site, FaultyProxy]) -> None:
    site, proxy = behind
    proxy.inject(Fault("delay", times=1, seconds=0.2))
    with site.open() as backend:
        assert backend.read("object") == CONTENT


@pytest.mark.parametrize("lie", [b"../../escape", b"/etc/passwd", b"a\\..\\b", b"tmp2/../../up"])
def test_a_lying_listing_leads_nowhere(behind: tuple[Site, FaultyProxy], lie: bytes) -> None:
    site, proxy = behind

    def change(answer: bytes) -> bytes:
        return answer.replace(b"object</", lie + b"</").replace(b'"object"', b'"' + lie + b'"')

    proxy.inject(Fault("rewrite", READS, change=change))
    with site.open() as backend:
        try:
            listed = {found.name for found in backend.iter_objects()}
        except IntegrityError as error:
            assert error.code == "listing-refused"
        else:
            assert listed == set()


def test_a_listing_of_folders_without_end_ends(sites: Sites) -> None:
    site = sites.make("http")
    assert site.port is not None
    html = (("Content-Type", "text/html"),)
    with open_faulty(site.port) as proxy, site.through(proxy.port).open() as backend:
        proxy.inject(Fault("status", status=200, headers=html, body=b"<a href='deeper/'>"))
        assert _code(lambda: list(backend.iter_objects())) == "listing-refused"
        assert len(proxy.requests) < 200


def test_a_listing_that_is_no_listing_is_refused(behind: tuple[Site, FaultyProxy]) -> None:
    site, proxy = behind
    proxy.inject(Fault("rewrite", ("GET", "PROPFIND"), change=lambda answer: b"\0<<" + answer[:9]))
    with site.open() as backend:
        if site.kind == "http":  # links are what is looked for in a page, and nothing else
            assert list(backend.iter_objects()) == []
        else:
            assert _code(lambda: list(backend.iter_objects())) == "listing-refused"


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "credentials-refused"), (403, "access-refused"), (414, "name-too-long")],
)
def test_a_refusal_is_said_at_once(
    behind: tuple[Site, FaultyProxy], status: int, code: str
) -> None:
    site, proxy = behind
    site = replace(site, settings=replace(site.settings, user="ada", password=SECRET))
    proxy.inject(Fault("status", ALL, status=status, body=SECRET.encode()))
    with site.open() as backend:
        before = len(proxy.requests)
        assert _code(lambda: backend.read("object")) == code
        assert len(proxy.requests) == before + 1


def test_a_bucket_of_another_region_is_said(sites: Sites) -> None:
    site = sites.make("s3")
    assert site.port is not None
    body = b"<Error><Code>PermanentRedirect</Code></Error>"
    with open_faulty(site.port) as proxy, site.through(proxy.port).open() as backend:
        proxy.inject(Fault("status", ALL, status=301, body=body))
        assert _code(lambda: backend.read("object")) == "wrong-region"


@pytest.mark.parametrize(
    ("url", "library", "settings"),
    [
        ("ssh://host/path", "asyncssh", "{}"),
        ("s3://bucket", "boto3", "{'profile': 'any', 'endpoint': 'http://127.0.0.1:1'}"),
    ],
)
def test_a_missing_library_is_said(url: str, library: str, settings: str) -> None:
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from jupyter_mlops.errors import UnsupportedError\n"
        "from jupyter_mlops.storage.open import open_backend\n"
        "from jupyter_mlops.storage.settings import parse_settings\n"
        f"try: open_backend({url!r}, parse_settings({settings}, remote='r'))\n"
        "except UnsupportedError as error: print(error.code, *error.hints)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("library-missing pip install 'jupyter-mlops[")


def test_a_lost_ssh_connection_is_made_again(sites: Sites) -> None:
    site = sites.make("ssh")
    site.fill({"object": CONTENT})
    port = int(site.url.rpartition("127.0.0.1:")[2].partition("/")[0])
    known = Path.home() / ".ssh/known_hosts"
    line = next(line for line in known.read_text().splitlines() if f":{port} " in line)
    with open_relay(port) as relay:
        known.write_text(f"{known.read_text()}{line.replace(f':{port} ', f':{relay.port} ')}\n")
        url = site.url.replace(f":{port}/", f":{relay.port}/")
        with replace(site, url=url).open() as backend:
            assert backend.read("object") == CONTENT
            relay.drop()
            assert backend.read("object") == CONTENT
            relay.drop()
            backend.put("other", CONTENT)
            assert {found.name for found in backend.iter_objects()} == {"object", "other"}


def test_a_full_place_is_said(behind: tuple[Site, FaultyProxy]) -> None:
    site, proxy = behind
    if site.kind == "http":
        return
    proxy.inject(Fault("status", ("PUT",), status=507))
    with site.open() as backend:
        assert _code(lambda: backend.put("new", b"x")) == "remote-full"


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_a_port_where_nobody_listens_is_given_up_soon(sites: Sites, kind: Kind) -> None:
    site = sites.make(kind).through(1)
    with site.open() as backend, pytest.raises(UnavailableError) as caught:
        backend.read("object")
    assert caught.value.code == "gave-up"
    assert "cannot be reached" in caught.value.message


@pytest.mark.parametrize("kind", [*OVER_HTTP, "ssh"])
def test_a_host_without_an_address_is_said(sites: Sites, kind: Kind) -> None:
    site = sites.make(kind)
    url = site.url.replace("127.0.0.1", "nowhere.invalid")
    endpoint = (site.settings.endpoint or "").replace("127.0.0.1", "nowhere.invalid") or None
    site = replace(site, url=url, settings=replace(site.settings, endpoint=endpoint))
    with site.open() as backend, pytest.raises(UnavailableError) as caught:
        backend.read("object")
    assert caught.value.code == "gave-up"
    assert "no address is known" in caught.value.message


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_a_certificate_is_trusted_only_with_its_authority(
    sites: Sites, kind: Kind, tmp_path: Path
) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    site = sites.make(kind)
    site.fill({"object": CONTENT})
    assert site.port is not None
    with open_faulty(site.port, tls=tls) as proxy:
        site = site.through(proxy.port, tls=True)
        with site.open() as backend:
            assert _code(lambda: backend.read("object")) == "certificate-refused"
        trusting = replace(site.settings, ca_file=tmp_path / "authority.pem")
        with replace(site, settings=trusting).open() as backend:
            assert backend.read("object") == CONTENT


@pytest.mark.parametrize("kind", ["file", "ssh"])
def test_a_place_that_cannot_be_written_is_said(sites: Sites, kind: Kind) -> None:
    site = sites.make(kind)
    site.fill({"object": CONTENT, "tmp/x": b""})
    assert site.folder is not None
    with make_read_only(site.folder), site.open() as backend:
        for call in _writes(backend)[:2]:
            assert _code(call) == "read-only"
        write, listing = check_backend(backend)
        assert isinstance(write.failure, MlopsError)
        assert listing.failure is None
        assert backend.read("object") == CONTENT


def test_a_web_server_that_takes_nothing_is_read_only(sites: Sites) -> None:
    site = sites.make("webdav")
    site.fill({"object": CONTENT})
    with replace(site, url=site.url.replace("/dav/", "/readonly/")).open() as backend:
        write, listing = check_backend(backend)
        assert isinstance(write.failure, MlopsError)
        assert (write.failure.code, listing.failure) == ("read-only", None)
        assert backend.read("object") == CONTENT


@pytest.mark.parametrize("kind", ["file", "ssh"])
def test_a_full_disk_is_said_and_keeps_what_was_there(sites: Sites, kind: Kind) -> None:
    site = sites.make(kind)
    assert site.folder is not None
    with mount_tmpfs(site.folder, "1m"):
        site.folder.chmod(0o777)
        with site.open() as backend:
            backend.put("object", CONTENT)
            assert _code(lambda: backend.put("object", bytes(4 << 20))) == "remote-full"
            assert backend.read("object") == CONTENT
            assert [found.name for found in backend.iter_objects()] == ["object"]
            backend.put("other", CONTENT)  # nothing was left behind that takes the room


_PUT = """
import sys
from pathlib import Path
from jupyter_mlops.storage.open import open_backend
from jupyter_mlops.storage.settings import parse_settings
url, signal, *pairs = sys.argv[1:]
settings = parse_settings(dict(pair.split("=", 1) for pair in pairs), remote="r")
def advance(count):
    Path(signal).touch()
    sys.stdin.read()
open_backend(url, settings).put("killed", bytes(8 << 20), advance=advance)
"""


def _pairs(settings: RemoteSettings) -> list[str]:
    found = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return [f"{key.replace('_', '-')}={value}" for key, value in found.items() if value]


@pytest.mark.parametrize("kind", WRITABLE)
def test_a_killed_put_leaves_nothing_that_is_seen(sites: Sites, kind: Kind, tmp_path: Path) -> None:
    site = sites.make(kind)
    signal = tmp_path / "under way"
    with open_faulty(site.port or 1) as proxy:
        seen = site.through(proxy.port) if site.port else site
        proxy.inject(Fault("hang", ("PUT",)))
        process = subprocess.Popen(
            [sys.executable, "-c", _PUT, seen.url, str(signal), *_pairs(seen.settings)],
            stdin=subprocess.PIPE,
        )
        try:
            if site.kind in {"s3", "gs", "az"}:
                assert proxy.hanging.wait(60)
            else:
                wait_until(signal.exists)
        finally:
            process.kill()
            process.wait()
        with site.open() as backend:
            assert list(backend.iter_objects()) == []
            assert backend.put_new("killed", b"again")
            assert backend.read("killed") == b"again"


@pytest.mark.parametrize("kind", ["file", "ssh"])
def test_what_others_link_to_is_not_followed(sites: Sites, kind: Kind, tmp_path: Path) -> None:
    site = sites.make(kind)
    assert site.folder is not None
    outside = site.folder.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    site.fill({"real/object": b"x"})
    (site.folder / "link").symlink_to(outside, target_is_directory=True)
    (site.folder / "real/file").symlink_to(outside / "secret")
    with site.open() as backend:
        assert [found.name for found in backend.iter_objects()] == ["real/object"]
        with suppress(MlopsError):
            backend.stat("real/file")
            raise AssertionError("a link is no object")
        if kind == "file":
            for name in ("link/secret", "real/file"):
                _code(partial(backend.read, name))
            _code(lambda: backend.put("link/new", b"x"))
            assert os.listdir(outside) == ["secret"]
