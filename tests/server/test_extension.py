"""How Jupyter finds the extension, and what it looks for in vain."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_server.extension.manager import ExtensionPackage

import jupyter_mlops
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.server.places import relative_to_root, resolve_root
from tests.architecture.sources import PACKAGE
from tests.support.project import make_project
from tests.support.server import Running, start_server


def test_the_package_names_its_extension() -> None:
    package = ExtensionPackage(name="jupyter_mlops", enabled=True)  # type: ignore[no-untyped-call]
    assert package.validate()  # type: ignore[no-untyped-call]
    assert list(package.extension_points) == ["jupyter_mlops"]
    assert package.version == jupyter_mlops.__version__


def test_the_package_names_jupyterlabs_side() -> None:
    paths = vars(jupyter_mlops)["_jupyter_labextension_paths"]()
    assert paths == [{"src": "labextension", "dest": "jupyter-mlops"}]


def test_the_settings_enable_it() -> None:
    settings = PACKAGE / "etc/jupyter_server_config.d/jupyter_mlops.json"
    enabled = json.loads(settings.read_bytes())["ServerApp"]["jpserver_extensions"]
    assert enabled == {"jupyter_mlops": True}


def test_importing_the_package_loads_no_server() -> None:
    code = "import jupyter_mlops, sys; sys.exit('jupyter_server' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_command_stands_in_the_way_of_another_route() -> None:
    words = {command.words[0] for command in COMMANDS}
    assert not words & {"jobs", "watch", "kernels", "bokehjs"}


def test_the_root_is_spelled_without_links(tmp_path: Path) -> None:
    (tmp_path / "real" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    root = resolve_root(str(tmp_path / "link"))
    assert root == tmp_path.resolve() / "real"
    assert relative_to_root(root, tmp_path / "link" / "a") == "a"
    assert relative_to_root(root, root) == ""


@pytest.mark.slow
def test_a_root_that_is_a_link(tmp_path: Path) -> None:
    make_project(tmp_path / "real" / "project")
    (tmp_path / "link").symlink_to("real")
    with start_server(tmp_path / "link") as running:
        assert running.post("init", at="project").status == 200
        watched = running.post("watch", {"client": "c"}, at="project").json
        assert watched["project"] == "project"
    assert (tmp_path / "real/project/mlops.toml").exists()


@pytest.mark.slow
def test_bokehjs(server: Running) -> None:
    version = server.get("bokehjs").json["version"]
    script = server.get(f"bokehjs/{version}/bokeh.min.js")
    assert script.status == 200
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert script.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert f'"{version}"'.encode() in script.body
    reply = server.get("bokehjs/0.0.0/bokeh.min.js")
    assert (reply.status, reply.code) == (404, "bokeh-missing")
    for name in ("..%2fbokeh.min.js", "bokeh.js", "../../../x"):
        assert server.get(f"bokehjs/{version}/{name}").status == 404
