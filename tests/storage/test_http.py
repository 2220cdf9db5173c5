"""Web servers that do less than nginx."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.storage.backend import Backend, ByteRange
from jupyter_mlops.storage.open import open_backend

CONTENT = bytes(range(256)) * 10_000


class _Silent(SimpleHTTPRequestHandler):
    """Python's own server of files, which knows no ranges."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def list_directory(self, path: str | Path) -> None:  # type: ignore[override]
        page = (Path(path) / "page").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if page.startswith(b"<") else "text/plain")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    """The folder that is the remote; another one lies beside it."""
    folder = tmp_path / "store"
    folder.mkdir()
    (tmp_path / "object2").write_bytes(b"")
    (folder / "object2").write_bytes(b"")
    (folder / "object").write_bytes(CONTENT)
    (folder / "page").write_bytes(b"<a href='object'>it</a>")
    return folder


@pytest.fixture
def backend(shown: Path, tmp_path: Path) -> Iterator[Backend]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        with open_backend(f"http://127.0.0.1:{server.server_address[1]}/store") as backend:
            yield backend
        server.shutdown()
        thread.join()


def test_ranges_are_cut_out_of_the_whole(backend: Backend) -> None:
    asked = [ByteRange(2_000_000, 500_000), ByteRange(3, 5), ByteRange(len(CONTENT) - 1, 1)]
    found = backend.read_ranges("object", asked)
    assert found == [CONTENT[wanted.offset : wanted.end] for wanted in asked]
    for wanted in (ByteRange(len(CONTENT) - 1, 2), ByteRange(len(CONTENT) + 5, 1)):
        with pytest.raises(IntegrityError) as caught:
            backend.read_ranges("object", [wanted])
        assert caught.value.code == "object-too-short"


@pytest.mark.parametrize(
    "link",
    [
        "http://other.example.org/object",
        "//other.example.org/object",
        "https://127.0.0.1/object",
        "../object2",
        "/../object2",
        "..",
        "./",
        "%2e%2e/object2",
        "a/b",
        "?C=M;O=A",
        "object2?x=1",
        "javascript:alert(1)",
        "mailto:ada@example.org",
        "%ff",
        "http://[",
        "",
        "#top",
    ],
)
def test_only_links_one_step_down_are_followed(backend: Backend, shown: Path, link: str) -> None:
    page = f"<p><a href='object'>x</a><A HREF='{link}'>y</a><a name=z>z</a>"
    (shown / "page").write_text(page)
    assert [found.name for found in backend.iter_objects()] == ["object"]


def test_a_link_that_no_object_can_have_is_refused(backend: Backend, shown: Path) -> None:
    (shown / "page").write_text("<a href='a%5Cb'>x</a>")
    with pytest.raises(IntegrityError) as caught:
        list(backend.iter_objects())
    assert caught.value.code == "listing-refused"


def test_a_server_that_shows_no_folders_is_said(backend: Backend, shown: Path) -> None:
    (shown / "page").write_text("welcome")
    with pytest.raises(UnsupportedError) as caught:
        list(backend.iter_objects())
    assert caught.value.code == "no-listing"
    assert backend.read("object") == CONTENT
