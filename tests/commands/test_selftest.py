from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlops.commands.selftest import SelftestResult, selftest
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import UsageError

_BLIND = """
from jupyter_mlops.commands import selftest
from jupyter_mlops.commands.check import CheckResult
from jupyter_mlops.cli.main import main
selftest.check = lambda ws, read_data=False: CheckResult(True, 0, 0, (), 0, 0, read_data)
raise SystemExit(main(["selftest", "--seconds", "4"]))  # one damage may be harmless
"""
_CARELESS = """
from jupyter_mlops.commands import selftest_project
from jupyter_mlops.cli.main import main
import os
trial = selftest_project.TrialProject
keep, bring_back = trial.keep, trial.bring_back
def lose(project):
    for path in project.root.glob("data/sub*/*.bin"):
        path.write_bytes(os.urandom(9))
def keep_less(project):
    lose(project)
    return keep(project)
def bring_back_less(project, id):
    bring_back(project, id)
    lose(project)
trial.keep, trial.bring_back = keep_less, bring_back_less
raise SystemExit(main(["selftest", "--seconds", "1"]))
"""


def _run(folder: Path, *, seconds: int = 1, seed: int | None = None) -> SelftestResult:
    return selftest(open_here(folder), seconds=seconds, seed=seed)


@pytest.mark.slow
def test_every_fault_is_tried_and_nothing_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    result = _run(tmp_path, seed=7)
    assert [line.fault for line in result.lines if line.tried] == [
        "command killed",
        "file of the store damaged",
        "3 snapshots at once",
    ]
    assert [loss for line in result.lines for loss in line.losses] == []
    assert result.exit_status == 0 and result.seed == 7
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.slow
@pytest.mark.parametrize("broken", [_BLIND, _CARELESS], ids=["blind", "careless"])
def test_what_is_lost_is_told(tmp_path: Path, broken: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", broken], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "Something was lost" in done.stdout
    assert "jupyter mlops selftest --seed" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_no_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        _run(tmp_path, seconds=0)
    assert list(tmp_path.iterdir()) == []
