"""Five pull requests, as CI judges them and as their reviewers read of them.

What the reports say stands in ``tests/demo/reports``; ``pytest tests/demo/test_pull_requests.py
--golden`` writes them anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from jupyter_mlops.commands.check_notebooks import check_notebooks
from jupyter_mlops.commands.gates import gates
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.pull import pull
from jupyter_mlops.commands.report import report
from jupyter_mlops.commands.workspace import Here, open_here, open_workspace
from jupyter_mlops.errors import NotFoundError
from tests.support.project import Project
from tests.support.pull_requests import Team, make_team, metrics

pytestmark = [pytest.mark.demo, pytest.mark.slow]

REPORTS = Path(__file__).parent / "reports"


@pytest.fixture(scope="module")
def team(demo: Project, tmp_path_factory: pytest.TempPathFactory) -> Team:
    return make_team(demo, tmp_path_factory.mktemp("team"))


@dataclass(frozen=True)
class Review:
    """The jobs that CI runs for pull requests, one in a test."""

    team: Team
    folder: Path
    environ: pytest.MonkeyPatch
    writes_golden: bool

    @property
    def here(self) -> Here:
        return open_here(self.folder / "job")

    def check_out(
        self, branch: str, changes: Mapping[str, str | None], like: str = "main~1"
    ) -> None:
        """Open a pull request, and run the first steps of its job, but for the data."""
        number = len(list(self.team.hub.git("for-each-ref", "refs/pull").splitlines())) + 1
        self.team.open_pull_request(number, branch, changes, like=like)
        self.team.check_out(number, self.folder / "job")
        for name, value in self.team.variables(number, branch, self.folder).items():
            self.environ.setenv(name, value)
        init(self.here)

    def pull(self) -> None:
        pull(open_workspace(self.here.cwd), yes=True)

    def judge(self, name: str) -> tuple[list[str], dict[str, int]]:
        """Return the rules that found something, and how the commands end, each on its own.

        The report must read as the one that is kept under ``name``.
        """
        checked = check_notebooks(self.here)
        told = report(self.here, format="md")
        text = self.team.steady(told.text, Project(self.here.cwd))
        kept = REPORTS / f"{name}.md"
        if self.writes_golden:
            kept.write_text(text, "utf-8")
        assert text == kept.read_text("utf-8")
        statuses = {
            "check-notebooks": checked.exit_status,
            "gates": gates(open_workspace(self.here.cwd)).exit_status,
            "report": told.exit_status,
        }
        return [found.rule for one in checked.reports for found in one.findings], statuses


@pytest.fixture
def review(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Review:
    return Review(team, tmp_path, monkeypatch, request.config.getoption("--golden"))


def test_one_that_improves(review: Review) -> None:
    review.check_out("boosting", metrics(0.97076, 0.0714), like="boosting")
    review.pull()
    rules, statuses = review.judge("improves")
    assert rules == []
    assert statuses == {"check-notebooks": 0, "gates": 0, "report": 0}


def test_one_that_breaks_a_gate(review: Review) -> None:
    notebook = review.team.read("cancer-linear.ipynb").replace("scale = True", "scale = False")
    worse = {"cancer-linear.ipynb": notebook, **metrics(0.935673, 0.148201)}
    review.check_out("unscaled", worse)
    review.pull()
    rules, statuses = review.judge("breaks-a-gate")
    assert rules == ["gate-broken"]
    assert statuses == {"check-notebooks": 1, "gates": 1, "report": 1}


def test_one_whose_data_was_not_pushed(review: Review) -> None:
    pointer = review.team.read("data/cancer.csv.mlops")
    lacking = re.sub('"blake3:[0-9a-f]{64}"', f'"blake3:{"0" * 64}"', pointer)
    review.check_out("more-rows", {"data/cancer.csv.mlops": lacking, **metrics(0.959064, 0.0801)})
    with pytest.raises(NotFoundError):
        review.pull()
    rules, statuses = review.judge("data-not-pushed")
    assert rules == ["pointer-unresolvable"]
    assert statuses == {"check-notebooks": 1, "gates": 0, "report": 1}


def test_one_with_a_notebook_out_of_order(review: Review) -> None:
    notebook = json.loads(review.team.read("digits.ipynb"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for count, cell in zip((1, 2, 5, 3, 4, 6, 7), code, strict=True):
        cell["execution_count"] = count
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [f"{count}\n"]}]
    text = json.dumps(notebook, indent=1) + "\n"
    better = {"digits.ipynb": text, "metrics/digits.json": '{\n "accuracy": 0.973333\n}\n'}
    review.check_out("digits-again", better)
    review.pull()
    rules, statuses = review.judge("out-of-order")
    assert rules == ["outputs-in-git", "executed-out-of-order"]
    assert statuses == {"check-notebooks": 1, "gates": 0, "report": 1}


def test_one_that_deletes_a_metric(review: Review) -> None:
    review.check_out("without-digits", {"metrics/digits.json": None})
    review.pull()
    rules, statuses = review.judge("deletes-a-metric")
    assert rules == ["gate-without-metric"]
    assert statuses == {"check-notebooks": 1, "gates": 1, "report": 1}
