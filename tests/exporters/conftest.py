"""Projects with notebooks, and nbconvert on them: as a program, and as a library."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nbconvert.exporters import get_exporter

from tests.notebooks.conftest import code, notebook_bytes
from tests.support.forked import run_python
from tests.support.project import Project, make_project

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def make_notebook(*cells: tuple[str, int | None], kernel: str = "python3", **fields: Any) -> bytes:
    """Return a notebook of code cells, each a source and the count of its run, with an output."""
    made = [
        code(
            source,
            id=f"c{number}",
            execution_count=count,
            outputs=[] if count is None else code("")["outputs"],
            **fields,
        )
        for number, (source, count) in enumerate(cells, start=1)
    ]
    return notebook_bytes(made, kernelspec=KERNEL | {"name": kernel})


STRIPPED = make_notebook(("a = 1", None), ("a", None))
RUN_IN_ORDER = make_notebook(("a = 1", 1), ("a", 2))


@dataclass(frozen=True, slots=True)
class Done:
    """How nbconvert ended."""

    status: int
    stdout: str
    stderr: str


def convert(folder: Path, *words: str, to: str = "mlops-check", input: bytes | None = None) -> Done:
    """Run ``jupyter nbconvert --to mlops-check``, or another exporter, in ``folder``."""
    program = ("-m", "nbconvert", "--to", to)
    done = run_python(*program, *words, cwd=folder, env=os.environ, input=input)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def make_exporter(**options: Any) -> Any:
    """Return the exporter as nbconvert finds it."""
    return get_exporter("mlops-check")(**options)  # type: ignore[no-untyped-call]


def check(path: Path, **options: Any) -> dict[str, Any]:
    """Return the report on a notebook as JSON, from the exporter used as a library."""
    output, _ = make_exporter(format="json", **options).from_filename(str(path))
    decoded: dict[str, Any] = json.loads(output)
    return decoded


def rules(report: dict[str, Any]) -> list[str]:
    """Return the rules that found something, in their order."""
    return [found["rule"] for found in report["findings"]]


@pytest.fixture
def plain(tmp_path: Path) -> Project:
    """A Git project with one commit and no ``mlops.toml``."""
    made = make_project(tmp_path / "plain")
    made.write("README.md", "A project.\n")
    made.commit("First commit")
    return made


@pytest.fixture
def ours(project: Project) -> Iterator[Project]:
    """A project that ``init`` was run in, committed."""
    done = project.mlops("init")
    assert done.returncode == 0, done.stderr
    project.commit("init")
    yield project
