"""A notebook that Jupyter saves counts as unchanged for Git where it was only run."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from tests.notebooks.conftest import code
from tests.notebooks.test_secrets import AWS, stream
from tests.support.data_project import DataProject
from tests.support.server import PATIENCE_SECONDS, Running


@pytest.fixture(scope="module")
def tracked(served: DataProject) -> DataProject:
    """The project, with the filter and two committed notebooks."""
    assert served.mlops("init").returncode == 0
    served.write("run.ipynb", json.dumps(_notebook("one")))
    served.write("deep/other.ipynb", json.dumps(_notebook("one", source="z")))
    served.commit("Notebooks")
    return served


def _notebook(*texts: str, source: str = "x") -> dict[str, Any]:
    cell = code(source, id="a", outputs=[stream(text) for text in texts])
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def save(server: Running, path: str, notebook: dict[str, Any]) -> None:
    """Save by the route that every front end uses, and wait for what follows."""
    body = {"type": "notebook", "format": "json", "content": notebook}
    target = f"{server.app.base_url}api/contents/{path}"
    assert server.request("PUT", target, body=body).status in (200, 201)
    ended = asyncio.run_coroutine_threadsafe(server.services.saves.ended(), server.loop)
    ended.result(PATIENCE_SECONDS)


def test_a_notebook_that_was_only_run_is_unchanged(server: Running, tracked: DataProject) -> None:
    tracked.write("deep/other.ipynb", json.dumps(_notebook("another program ran it", source="z")))
    save(server, "project/run.ipynb", _notebook("two", "three"))
    assert tracked.git("status", "--porcelain") == ""
    (tracked.root / "run.ipynb").unlink()
    tracked.git("checkout", "-q", "--", ".")
    assert b"three" in tracked.read("run.ipynb")


def test_a_notebook_that_was_edited_is_changed(server: Running, tracked: DataProject) -> None:
    save(server, "project/run.ipynb", _notebook("two", source="y"))
    assert tracked.git("status", "--porcelain") == " M run.ipynb\n"
    save(server, "project/run.ipynb", _notebook("back"))
    assert tracked.git("status", "--porcelain") == ""


def test_a_secret_is_told_of_in_the_servers_log(
    server: Running, tracked: DataProject, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "jupyter_mlops"):
        save(server, "project/run.ipynb", _notebook(AWS))
    (said,) = (record.message for record in caplog.records if "secrets" in record.message)
    assert "AWS Access Key in cell 1 (a)" in said
    assert AWS not in said
    assert tracked.git("status", "--porcelain") == " M run.ipynb\n"


@pytest.mark.parametrize("path", ["outside.ipynb", "plain/nb.ipynb"])
def test_notebooks_outside_of_projects_are_saved_as_ever(server: Running, path: str) -> None:
    save(server, path, _notebook("one"))
    assert b"one" in (server.root / path).read_bytes()
