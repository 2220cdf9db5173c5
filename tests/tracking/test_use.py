from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.formats.run import Uses
from jupyter_mlops.ids import format_hash, hash_bytes
from jupyter_mlops.tracking.executions import new_execution
from jupyter_mlops.tracking.place import resolve_place
from jupyter_mlops.tracking.run import Run
from jupyter_mlops.tracking.run_files import RunFiles
from tests.support.data_project import DataProject, make_data_project
from tests.tracking.scripts import series


@pytest.fixture
def data(tmp_path: Path) -> DataProject:
    project = make_data_project(tmp_path / "project")
    project.write("data/train.csv", "a,b\n1,2\n")
    project.write("data/more/test.csv", "a,b\n")
    project.write("plain.csv", "a\n")
    project.snapshot("data")
    return project


def test_tracked_data_that_a_run_reads(data: DataProject, caplog: pytest.LogCaptureFixture) -> None:
    run = Run("train", RunFiles(resolve_place(data.root), new_execution("train", 1.5)))
    run.use_data(data.root / "data")
    data.write("data/train.csv", "changed\n")
    run.use_data(str(data.root / "data/more/test.csv"))
    pointer = format_hash(hash_bytes((data.root / "data.mlops").read_bytes()))
    (lines,) = series(data, "train")
    assert [(u.path, u.hash, u.state) for u in lines if isinstance(u, Uses)] == [
        ("data", pointer, "clean"),
        ("data", pointer, "changed"),
    ]
    assert not caplog.records
    run.use_data(data.root / "plain.csv")
    run.use_data("/etc/passwd")
    first, second = [record.getMessage() for record in caplog.records]
    assert first.endswith("plain.csv is not tracked. To mend it: jupyter mlops snapshot plain.csv")
    assert "outside the project" in second
