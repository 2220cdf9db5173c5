"""What the user chose in JupyterLab: how often to look, and in which language."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from jupyterlab_server import LabServerApp

from jupyter_mlops.server.settings import PLUGIN, UserSettings
from tests.architecture.sources import PACKAGE
from tests.support.data_project import make_data_project
from tests.support.lab import Lab, start_lab

SCHEMA = {
    "title": "MLOps",
    "type": "object",
    "properties": {"watchIntervalMilliseconds": {"type": "number", "default": 500}},
    "additionalProperties": False,
}


@pytest.fixture
def lab(tmp_path: Path) -> LabServerApp:
    """A JupyterLab that keeps settings in folders of this test."""
    return LabServerApp(
        app_settings_dir=str(tmp_path / "app"),
        schemas_dir=str(tmp_path / "schemas"),
        user_settings_dir=str(tmp_path / "user"),
        labextensions_path=[str(tmp_path / "labextensions")],
    )


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def _choose(tmp_path: Path, content: str) -> None:
    _write(tmp_path / "user/jupyter-mlops/plugin.jupyterlab-settings", content)


def _offer(tmp_path: Path, schema: Mapping[str, Any] = SCHEMA) -> None:
    folder = tmp_path / "labextensions/jupyter-mlops/schemas/jupyter-mlops"
    _write(folder / "plugin.json", json.dumps(schema))


def test_without_jupyterlab() -> None:
    settings = UserSettings(lambda: None)
    assert settings.read_interval_seconds() == 0.25
    assert settings.read_locale()


def test_without_a_schema(tmp_path: Path, lab: LabServerApp) -> None:
    _choose(tmp_path, '{"watchIntervalMilliseconds": 900}')
    assert UserSettings(lambda: lab).read_interval_seconds() == 0.25


def test_a_schemas_default(tmp_path: Path, lab: LabServerApp) -> None:
    _offer(tmp_path)
    assert UserSettings(lambda: lab).read_interval_seconds() == 0.5


def test_a_schema_that_knows_nothing_of_it(tmp_path: Path, lab: LabServerApp) -> None:
    _offer(tmp_path, {"title": "MLOps", "type": "object", "properties": {}})
    assert UserSettings(lambda: lab).read_interval_seconds() == 0.25


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('{"watchIntervalMilliseconds": 900}', 0.9),
        ('// slower\n{"watchIntervalMilliseconds": 1000,}', 1.0),
        ('{"watchIntervalMilliseconds": 1}', 0.1),
        ('{"watchIntervalMilliseconds": 1e12}', 60.0),
        ('{"watchIntervalMilliseconds": "often"}', 0.5),
        ('{"surprise": 1}', 0.5),
        ("{", 0.25),
        ("", 0.5),
    ],
)
def test_what_the_user_chose(tmp_path: Path, lab: LabServerApp, text: str, seconds: float) -> None:
    _offer(tmp_path)
    _choose(tmp_path, text)
    assert UserSettings(lambda: lab).read_interval_seconds() == seconds


def test_the_plugin_is_jupyterlabs_side() -> None:
    assert PLUGIN == "jupyter-mlops:plugin"


@pytest.fixture
def language_pack(tmp_path: Path) -> Iterator[Path]:
    """A folder that, on PYTHONPATH, brings German."""
    folder = tmp_path / "packages"
    module = folder / "jupyterlab_language_pack_de_DE"
    _write(module / "__init__.py", "")
    info = folder / "jupyterlab_language_pack_de_DE-1.dist-info"
    _write(
        info / "METADATA",
        "Metadata-Version: 2.1\nName: jupyterlab-language-pack-de-DE\nVersion: 1\n",
    )
    _write(
        info / "entry_points.txt",
        "[jupyterlab.languagepack]\nde_DE = jupyterlab_language_pack_de_DE\n",
    )
    catalog = module / "locale/de_DE/LC_MESSAGES/jupyter_mlops.mo"
    catalog.parent.mkdir(parents=True)
    catalog.write_bytes(
        _compile(
            {
                "": "Content-Type: text/plain; charset=UTF-8\n",
                "There is no such folder.": "Diesen Ordner gibt es nicht.",
                "There is nothing at this address.": "Unter dieser Adresse gibt es nichts.",
            }
        )
    )
    yield folder


def _compile(texts: Mapping[str, str]) -> bytes:
    """Return a catalog in gettext's binary form."""
    pairs = [(key.encode(), value.encode()) for key, value in sorted(texts.items())]
    at = 28 + 16 * len(pairs)
    tables: list[bytes] = []
    strings = b""
    for column in (0, 1):
        for pair in pairs:
            text = pair[column]
            tables.append(struct.pack("<II", len(text), at + len(strings)))
            strings += text + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, at)
    return head + b"".join(tables) + strings


@pytest.mark.slow
def test_a_server_speaks_the_users_language(tmp_path: Path, language_pack: Path) -> None:
    make_data_project(tmp_path / "root" / "project")
    settings = tmp_path / "settings"
    chosen = settings / "@jupyterlab/translation-extension/plugin.jupyterlab-settings"
    _write(chosen, '{"locale": "de_DE"}')
    environment = {
        "PYTHONPATH": str(language_pack),
        "JUPYTER_CONFIG_PATH": str(PACKAGE / "etc"),
        "LANGUAGE": "en",
    }
    with start_lab(tmp_path / "root", settings, environment) as lab:
        assert _told(lab, "status?at=nowhere") == "Diesen Ordner gibt es nicht."
        assert _told(lab, "nowhere") == "Unter dieser Adresse gibt es nichts."
        chosen.write_text('{"locale": "en"}')
        assert _told(lab, "status?at=nowhere") == "There is no such folder."
        chosen.write_text("{")
        assert _told(lab, "status?at=nowhere")


def _told(lab: Lab, path: str) -> str:
    """Return the message of the error that a GET is answered by."""
    request = Request(f"{lab.address}/mlops/api/v1/{path}")
    request.add_header("Authorization", f"token {lab.token}")
    with pytest.raises(HTTPError) as caught:
        urlopen(request, timeout=30)
    with caught.value as answer:
        return str(json.loads(answer.read())["message"])
