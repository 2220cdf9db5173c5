"""``gates``: bounds, what they compare with, and bars that rise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mlops.commands.gate_evidence import GateOptions, read_numbers
from jupyter_mlops.commands.gates import GatesResult, gates
from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.formats.bars import BARS_NAME, parse_bars
from jupyter_mlops.formats.run import (
    Began,
    Ended,
    Environment,
    Line,
    Metrics,
    format_line,
    format_series_name,
)
from jupyter_mlops.reports.gates import check_gates
from tests.notebooks.conftest import code, notebook_bytes
from tests.support.data_project import DataProject, make_data_project

GATE = '[[gate]]\nmetric = "metrics/train.json:acc"\n'


def notebook(source: str) -> bytes:
    return notebook_bytes([code(source, id="a", outputs=[], execution_count=None)])


@pytest.fixture
def project(tmp_path: Path) -> DataProject:
    """A notebook, a module that it imports, and what it came to."""
    made = make_data_project(tmp_path / "p")
    made.write("train.ipynb", notebook("import helper\nhelper.train()"))
    made.write("helper.py", "def train(): ...\n")
    made.write("other.py", "")
    return made


def record(project: DataProject, acc: float, gate: str | None = None) -> str:
    """Commit a value of the metric, and the gate on it."""
    if gate is not None:
        project.write("mlops.toml", GATE + gate)
    project.write("metrics/train.json", json.dumps({"acc": acc}))
    return project.commit(f"acc {acc}")


def judge(project: DataProject, **options: object) -> GatesResult:
    return gates(project.open(), **options)  # type: ignore[arg-type]


def rules(result: GatesResult) -> list[str]:
    return [found.rule for found in result.findings]


class TestBase:
    def test_a_branch_is_compared_with_where_it_began(self, project: DataProject) -> None:
        record(project, 0.9, 'against = "base"\n')
        project.git("switch", "--quiet", "-c", "topic")
        record(project, 0.85)
        project.git("switch", "--quiet", "main")
        record(project, 0.2)  # what main came to since does not matter
        project.git("switch", "--quiet", "topic")
        result = judge(project)
        assert rules(result) == ["gate-broken"]
        assert "0.05 below the 0.9 of base (" in result.findings[0].why
        assert result.exit_status == 1
        assert rules(judge(project, base="HEAD")) == ["gate-broken"]

    def test_the_first_commit_has_nothing_to_be_compared_with(self, project: DataProject) -> None:
        record(project, 0.9, 'against = "base"\n')
        project.git("checkout", "--quiet", "--orphan", "alone")
        project.commit("alone")
        result = judge(project, base="alone")
        assert (rules(result), len(result.notes)) == ([], 1)

    def test_a_base_that_does_not_exist_is_told(self, project: DataProject) -> None:
        record(project, 0.9, 'against = "base"\n')
        with pytest.raises(NotFoundError):
            judge(project, base="nowhere")
        job = {"JENKINS_URL": "https://jenkins.example.org", "CHANGE_TARGET": "nowhere"}
        options = GateOptions(environ=job)
        ws = project.open()
        (found,) = check_gates(ws.config.gates, read_numbers(ws, options)).findings
        assert found.rule == "gate-unmeasurable"
        assert "nowhere, as Jenkins says, which this clone does not know" in found.why


class TestTolerance:
    @pytest.mark.parametrize(
        ("tolerance", "kept"), [("6%", True), ("5%", False), ("0.06", True), ("0.04", False)]
    )
    def test_a_number_or_a_percentage(
        self, project: DataProject, tolerance: str, kept: bool
    ) -> None:
        written = f'"{tolerance}"' if "%" in tolerance else tolerance
        record(project, 0.9, f'against = "HEAD~1"\ntolerance = {written}\n')
        record(project, 0.85)
        assert (rules(judge(project)) == []) is kept

    def test_deviations_over_snapshots_of_the_commit(self, project: DataProject) -> None:
        record(project, 0.9, 'against = "HEAD~1"\ntolerance = "2sd"\n')
        unknown = record(project, 0.85)
        (found,) = judge(project).findings
        assert found.rule == "gate-unmeasurable"
        assert "1 runs that tell how much it varies, where 3 are needed" in found.why
        assert found.fix.endswith("jupyter mlops snapshot")
        project.git("switch", "--quiet", "--detach", "HEAD~1")
        for acc in (0.86, 0.94, 0.9):
            project.write("metrics/train.json", json.dumps({"acc": acc}))
            project.snapshot()
        project.git("restore", "metrics")
        project.git("switch", "--quiet", "--detach", unknown)
        result = judge(project)  # the deviation of 0.86, 0.9, 0.94 is 0.04
        assert rules(result) == []
        assert result.judged[0].limit == pytest.approx(0.9 - 2 * 0.04)

    def test_snapshots_of_other_code_tell_nothing(self, project: DataProject) -> None:
        record(project, 0.9, 'against = "HEAD~1"\ntolerance = "2sd"\n')
        record(project, 0.85)
        for acc in (0.5, 0.7, 0.6):
            project.write("helper.py", f"# {acc}\n")
            project.write("metrics/train.json", json.dumps({"acc": acc}))
            project.snapshot()
        project.git("restore", ".")
        assert rules(judge(project)) == ["gate-unmeasurable"]


def log_run(project: DataProject, number: int, acc: float, **environment: str) -> None:
    """Leave the series of a run that began at HEAD."""
    began = Began("train", "g" + chr(ord("a") + number) * 11, 1.0 + number, OWNER, project.head())
    lines: list[Line] = [began, Environment(2.0, environment), Metrics(3.0, 0, {"acc": 0.1})]
    lines += [Metrics(4.0, 1, {"acc": acc}), Ended(5.0, "done")]
    name = format_series_name(1.0 + number, number)
    content = b"".join(map(format_line, lines)) + b'{"cut'
    project.write(f".git/mlops/runs/train/{name}", content)


OWNER = "1.2.3.4.5"


class TestRunsInTheStore:
    def test_they_tell_how_much_a_metric_varies(self, project: DataProject) -> None:
        record(project, 0.9, 'against = "HEAD~1"\ntolerance = "2sd"\n')
        for number, acc in enumerate((0.86, 0.94, 0.9), 1):
            log_run(project, number, acc, git="clean")
        record(project, 0.83)
        assert rules(judge(project)) == []
        record(project, 0.81)
        assert rules(judge(project)) == ["gate-unmeasurable"]  # HEAD~1 has no runs

    def test_runs_of_changed_code_tell_nothing(self, project: DataProject) -> None:
        record(project, 0.9, 'against = "HEAD~1"\ntolerance = "2sd"\n')
        changed = {"git": "1 changed", "git:changed": "helper.py"}
        for number, acc in enumerate((0.86, 0.94, 0.9), 1):
            log_run(project, number, acc, **changed)
        record(project, 0.85)
        assert rules(judge(project)) == ["gate-unmeasurable"]

    def test_a_metric_that_a_run_of_this_commit_logged_counts(self, project: DataProject) -> None:
        record(project, 0.9, "min = 0.5\n")
        project.write("metrics/train.json", '{"acc": 0.99}')
        assert rules(judge(project)) == ["gate-metric-uncommitted"]
        log_run(project, 1, 0.99, **{"git": "1 changed", "git:changed": "metrics/train.json"})
        assert rules(judge(project)) == []
        project.write("helper.py", "def train(): return 2\n")
        assert rules(judge(project)) == ["gate-metric-uncommitted"]


class TestProvenance:
    def test_a_metric_of_a_dirty_tree_is_no_pass(self, project: DataProject) -> None:
        record(project, 0.9, "min = 0.5\n")
        project.write("metrics/train.json", '{"acc": 0.99}')
        (found,) = judge(project).findings
        assert found.rule == "gate-metric-uncommitted"
        assert found.file == "metrics/train.json"

    @pytest.mark.parametrize("path", ["helper.py", "train.ipynb"])
    def test_a_metric_of_other_code_is_no_pass(self, project: DataProject, path: str) -> None:
        record(project, 0.9, "min = 0.5\n")
        content = notebook("other = 1") if path.endswith(".ipynb") else b"def train(): return 1\n"
        project.write(path, content)
        (found,) = judge(project).findings
        assert (found.rule, path in found.why) == ("gate-metric-outdated", True)
        project.commit("other code")
        (found,) = judge(project).findings
        assert (found.rule, path in found.why) == ("gate-metric-outdated", True)
        record(project, 0.91)
        assert rules(judge(project)) == []

    def test_code_that_it_does_not_use_does_not_matter(self, project: DataProject) -> None:
        record(project, 0.9, "min = 0.5\n")
        project.write("other.py", "changed")
        project.write("README.md", "changed")
        project.commit("something else")
        assert rules(judge(project)) == []

    def test_whatever_begins_a_run_of_its_name_decides(self, project: DataProject) -> None:
        for name in ("train.ipynb", "train.py"):
            (project.root / name).unlink()
        project.write("study.ipynb", notebook('import jupyter_mlops\njupyter_mlops.run("train")'))
        record(project, 0.9, "min = 0.5\n")
        project.write("other.ipynb", notebook("changed = 1"))
        project.commit("something else")
        assert rules(judge(project)) == []
        project.write("study.ipynb", notebook('jupyter_mlops.run(name="train")'))
        project.commit("another study")
        assert rules(judge(project)) == ["gate-metric-outdated"]

    def test_a_notebook_that_was_committed_with_its_outputs_is_not_changed(
        self, project: DataProject
    ) -> None:
        ran = json.loads(notebook("other = 1"))
        ran["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
        project.write("train.ipynb", json.dumps(ran))
        record(project, 0.9, "min = 0.5\n")
        ran["cells"][0]["outputs"] = []
        project.write("train.ipynb", json.dumps(ran))
        assert rules(judge(project)) == []
        project.write("train.ipynb", notebook("other = 2"))
        assert rules(judge(project)) == ["gate-metric-outdated"]

    @pytest.mark.parametrize("is_committed", [True, False])
    def test_a_metrics_file_that_was_removed_is_told(
        self, project: DataProject, is_committed: bool
    ) -> None:
        record(project, 0.9, "min = 0.5\n")
        project.write("metrics/other.json", '{"acc": 1}')
        project.commit("another of that name")
        (project.root / "metrics/train.json").unlink()
        where = f"in {project.commit('gone')[:7]}" if is_committed else "here, in no commit"
        (found,) = judge(project).findings
        assert found.rule == "gate-without-metric"
        assert f"metrics/train.json was removed {where}" in found.why

    def test_a_snapshot_of_the_run_tells_that_the_code_came_later(
        self, project: DataProject
    ) -> None:
        record(project, 0.9, "min = 0.5\n")
        project.write("helper.py", "def train(): return 1\n")
        project.write("metrics/train.json", '{"acc": 0.91}')
        project.snapshot()
        project.commit("its numbers", "metrics")
        assert rules(judge(project)) == ["gate-metric-outdated"]
        project.commit("its code")
        assert rules(judge(project)) == []

    def test_data_that_it_names_matters(self, project: DataProject) -> None:
        project.write("data.csv", "1")
        project.snapshot("data.csv")
        project.write("helper.py", "def train(): open('data.csv')\n")
        record(project, 0.9, "min = 0.5\n")
        project.write("data.csv", "2")
        project.snapshot("data.csv")
        project.commit("other data")
        (found,) = judge(project).findings
        assert found.rule == "gate-metric-outdated"
        assert "data.csv.mlops" in found.why


class TestProduction:
    def test_a_revision(self, project: DataProject) -> None:
        record(project, 0.9, 'against = "production"\n[production]\nref = "model/churn@prod"\n')
        project.git("tag", "model/churn@prod")
        record(project, 0.8)
        (found,) = judge(project).findings
        assert found.rule == "gate-broken"
        assert "the 0.9 of production (model/churn@prod, " in found.why

    @pytest.mark.parametrize(
        "content", ['{"acc": 0.9}', '{"metrics/train.json:acc": 0.9, "acc": 0.1}']
    )
    def test_a_file_of_the_project(self, project: DataProject, content: str) -> None:
        project.write("prod.json", content)
        record(project, 0.8, 'against = "production"\n[production]\nfile = "prod.json"\n')
        (found,) = judge(project).findings
        assert "0.1 below the 0.9 of production (prod.json)" in found.why

    def test_what_lies_outside_is_not_read(self, project: DataProject, tmp_path: Path) -> None:
        (tmp_path / "secret.json").write_text('{"acc": 0.9}')
        (project.root / "prod.json").symlink_to(tmp_path / "secret.json")
        record(project, 0.8, 'against = "production"\n[production]\nfile = "prod.json"\n')
        assert rules(judge(project)) == ["gate-unmeasurable"]

    @pytest.mark.parametrize("content", ["{", "[1]", '{"acc": "no"}', "\xff"])
    def test_content_that_says_nothing(self, project: DataProject, content: str) -> None:
        project.write("prod.json", content.encode("latin-1"))
        record(project, 0.8, 'against = "production"\n[production]\nfile = "prod.json"\n')
        result = judge(project)
        assert rules(result) == ["gate-unmeasurable"] or result.notes

    def test_a_place_that_nobody_confirmed_is_not_asked(self, project: DataProject) -> None:
        url = "http://127.0.0.1:9/metrics.json"
        record(project, 0.8, f'against = "production"\n[production]\nurl = "{url}"\n')
        (found,) = judge(project).findings
        assert "which you have not used before" in found.why
        assert found.fix == "jupyter mlops gates --yes"
        known_places().add_place("http://127.0.0.1:9")
        (found,) = judge(project).findings
        assert "cannot be reached" in found.why

    def test_without_production_it_is_a_branch_like_others(self, project: DataProject) -> None:
        record(project, 0.9, 'against = "production"\n')
        project.git("branch", "production")
        record(project, 0.8)
        assert rules(judge(project)) == ["gate-broken"]


class TestRatchet:
    GATE = "ratchet = true\n"

    def test_a_bar_rises_and_never_falls(self, project: DataProject) -> None:
        first = record(project, 0.9, self.GATE)
        assert rules(judge(project)) == []
        (raised,) = judge(project, update_ratchet=True).raised
        assert (raised.old, raised.new) == (None, 0.9)
        project.commit("bars")
        assert parse_bars(project.read(BARS_NAME))["metrics/train.json:acc"].commit == first
        record(project, 0.8)
        before = project.read(BARS_NAME)
        result = judge(project, update_ratchet=True)
        assert (rules(result), result.raised) == (["gate-broken"], ())
        assert "0.1 below the 0.9 of its bar (" in result.findings[0].why
        assert project.read(BARS_NAME) == before
        record(project, 0.95)
        (raised,) = judge(project, update_ratchet=True).raised
        assert (raised.old, raised.new) == (0.9, 0.95)

    def test_within_the_tolerance_the_bar_stays(self, project: DataProject) -> None:
        record(project, 0.9, self.GATE + "tolerance = 0.02\n")
        judge(project, update_ratchet=True)
        project.commit("bars")
        record(project, 0.89)
        result = judge(project, update_ratchet=True)
        assert (rules(result), result.raised) == ([], ())

    def test_numbers_that_count_for_nothing_raise_nothing(self, project: DataProject) -> None:
        record(project, 0.9, self.GATE)
        project.write("metrics/train.json", '{"acc": 0.99}')
        assert judge(project, update_ratchet=True).raised == ()
        record(project, float("nan"))
        assert judge(project, update_ratchet=True).raised == ()
        assert not (project.root / BARS_NAME).exists()

    def test_bars_that_are_not_valid_are_not_written_over(self, project: DataProject) -> None:
        record(project, 0.9, self.GATE)
        project.write(BARS_NAME, "<<<<<<< HEAD\n")
        with pytest.raises(UsageError):
            judge(project, update_ratchet=True)
        assert project.read(BARS_NAME) == b"<<<<<<< HEAD\n"


def test_no_gates_are_fine(project: DataProject) -> None:
    project.commit("nothing")
    result = judge(project)
    assert (result.exit_status, result.judged) == (0, ())
