"""What JupyterLab's side leaves beside a kernel's connection file."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.server.kernel_files import KernelFileWriter
from tests.support.server import Running, start_server

pytestmark = pytest.mark.slow

REQUEST = "0123456789abcdef0123456789abcdef"
CLIENT = "0a1b2c3d-0000-4000-8000-0123456789ab"
OTHER = "0a1b2c3d-0000-4000-8000-0123456789ac"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that shows a folder with a notebook."""
    root = tmp_path_factory.mktemp("root")
    (root / "sub").mkdir()
    (root / "sub" / "n.ipynb").write_text("{}")
    (root / "out").symlink_to(root.parent)
    with start_server(root) as running:
        yield running


@pytest.fixture(scope="module")
def kernel(running: Running) -> str:
    """A kernel of that server."""
    reply = running.request("POST", "/base/api/kernels", body={"name": "python3"})
    assert reply.status == 201, reply.body
    return str(reply.json["id"])


def _folder(running: Running, kernel: str) -> Path:
    return Path(running.app.kernel_manager.get_kernel(kernel).connection_file).parent


def _files(running: Running, kernel: str) -> list[Path]:
    return sorted(_folder(running, kernel).glob(f"mlops-*-{kernel}-*"))


def test_a_client(running: Running, kernel: str) -> None:
    path = f"kernels/{kernel}/clients/{CLIENT}"
    reply = running.request("PUT", path, body={"path": "sub/n.ipynb"})
    assert (reply.status, reply.body) == (204, b"")
    (file,) = _files(running, kernel)
    assert file.name == f"mlops-client-{kernel}-{CLIENT}.json"
    assert json.loads(file.read_bytes()) == {"path": str(running.root / "sub/n.ipynb")}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert running.request("PUT", path, body={"path": "other.ipynb"}).status == 204
    assert json.loads(file.read_bytes()) == {"path": str(running.root / "other.ipynb")}
    assert running.request("DELETE", path).status == 204
    assert running.request("DELETE", path).status == 204
    assert _files(running, kernel) == []


def test_a_request(running: Running, kernel: str) -> None:
    path = f"kernels/{kernel}/saves/{REQUEST}"
    assert running.post(path, {"path": "sub/n.ipynb", "state": "begun"}).status == 204
    (file,) = _files(running, kernel)
    assert file.name == f"mlops-save-{kernel}-{REQUEST}.json"
    where = str(running.root / "sub/n.ipynb")
    assert json.loads(file.read_bytes()) == {"path": where, "state": "begun", "why": None}
    failed = {"path": "sub/n.ipynb", "state": "failed", "why": "disk full"}
    assert running.post(path, failed).status == 204
    assert json.loads(file.read_bytes()) == {**failed, "path": where}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("kernels/{kernel}/clients/a", 400),
        ("kernels/{kernel}/clients/" + "0" * 32, 400),
        ("kernels/{kernel}/clients/" + CLIENT.upper(), 400),
        ("kernels/{kernel}/clients/" + CLIENT + "%0a", 400),
        ("kernels/{kernel}/clients/%2e%2e%2fx", 400),
        ("kernels/{kernel}x/clients/" + CLIENT, 404),
        ("kernels/..%2f..%2fx/clients/" + CLIENT, 404),
        ("kernels/00000000-0000-0000-0000-000000000000/clients/" + CLIENT, 404),
    ],
)
def test_names_of_the_wrong_form(running: Running, kernel: str, path: str, status: int) -> None:
    for method in ("PUT", "DELETE"):
        reply = running.request(method, path.format(kernel=kernel), body={"path": "n.ipynb"})
        assert reply.status == status
        assert reply.code in {"bad-value", "unknown-kernel"}
    assert _files(running, kernel) == []


@pytest.mark.parametrize(
    "request_id", ["0" * 31, "0" * 33, "A" * 32, "0" * 31 + "%0a", "0" * 31 + "/"]
)
def test_requests_of_the_wrong_form(running: Running, kernel: str, request_id: str) -> None:
    body = {"path": "n.ipynb", "state": "begun"}
    reply = running.post(f"kernels/{kernel}/saves/{request_id}", body)
    assert reply.status in (400, 404)
    assert _files(running, kernel) == []


@pytest.mark.parametrize(
    "path", ["..", "../x.ipynb", "/etc/x.ipynb", "out/x.ipynb", "a\0b", "", 3, None]
)
def test_paths_that_are_not_shown(running: Running, kernel: str, path: object) -> None:
    for method, route, more in (
        ("PUT", f"kernels/{kernel}/clients/{CLIENT}", {}),
        ("POST", f"kernels/{kernel}/saves/{REQUEST}", {"state": "begun"}),
    ):
        assert running.request(method, route, body={"path": path, **more}).status == 400
    assert _files(running, kernel) == []


@pytest.mark.parametrize(("state", "why"), [("ended", None), (None, None), ("failed", 3), (1, "x")])
def test_states_of_the_wrong_form(
    running: Running, kernel: str, state: object, why: object
) -> None:
    body = {"path": "n.ipynb", "state": state, "why": why}
    reply = running.post(f"kernels/{kernel}/saves/{REQUEST}", body)
    assert (reply.status, reply.code) == (400, "bad-value")
    assert _files(running, kernel) == []


def test_files_go_with_the_kernel_and_with_the_server(tmp_path: Path) -> None:
    with start_server(tmp_path) as running:
        first, second = (
            running.request("POST", "/base/api/kernels", body={"name": "python3"}).json["id"]
            for _ in range(2)
        )
        folder = _folder(running, second)
        for kernel in (first, second):
            path = f"kernels/{kernel}/clients/{CLIENT}"
            assert running.request("PUT", path, body={"path": "n.ipynb"}).status == 204
        assert running.request("DELETE", f"/base/api/kernels/{first}").status == 204
        again = f"kernels/{second}/clients/{OTHER}"
        assert running.request("PUT", again, body={"path": "n.ipynb"}).status == 204
        assert list(folder.glob(f"mlops-*-{first}-*")) == []
        left = {path.name for path in _files(running, second)}
        assert left == {f"mlops-client-{second}-{client}.json" for client in (CLIENT, OTHER)}
    assert list(folder.glob(f"mlops-*-{second}-*")) == []


def test_a_request_that_comes_while_the_server_stops_leaves_no_file(tmp_path: Path) -> None:
    writer = KernelFileWriter(lambda kernel: True)
    first, late = tmp_path / "first.json", tmp_path / "late.json"
    writer.write(first, "kernel", {})
    assert first.is_file()
    writer.close()
    with pytest.raises(UnavailableError, match="stopping"):
        writer.write(late, "kernel", {})
    assert list(tmp_path.iterdir()) == []
