"""``check-notebooks``: notebooks and the project that they lie in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.commands.check_notebooks import CheckNotebooksResult, check_notebooks
from jupyter_mlops.commands.push import push
from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.commands.remote_add import remote_add
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import NotFoundError, UsageError
from tests.notebooks.conftest import code, notebook_bytes
from tests.notebooks.journals import Ran, put_journal
from tests.support.data_project import DataProject, make_data_project

pytestmark = pytest.mark.usefixtures("git_starts_forks")

TOKEN = "ghp_" + "a1B2c3D4e5" * 4


def notebook(*sources: str, outputs: dict[int, str] | None = None, **fields: Any) -> bytes:
    """Return a notebook of cells that were not run, but for those with ``outputs``."""
    cells, ran = [], 0
    for number, source in enumerate(sources):
        text = (outputs or {}).get(number)
        ran += text is not None
        stream = {"output_type": "stream", "name": "stdout", "text": text}
        cells.append(
            code(
                source,
                id=f"c{number}",
                outputs=[] if text is None else [stream],
                execution_count=None if text is None else ran,
                **fields,
            )
        )
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook_bytes(cells, kernelspec=kernel)


@pytest.fixture
def project(tmp_path: Path) -> DataProject:
    made = make_data_project(tmp_path / "p")
    made.write("a.ipynb", notebook("x = 1", "x"))
    made.commit("a notebook")
    return made


def check(project: DataProject, *paths: str, **options: Any) -> CheckNotebooksResult:
    return check_notebooks(open_here(project.root), paths, **options)


def rules(result: CheckNotebooksResult) -> list[str]:
    return [found.rule for report in result.reports for found in report.findings]


def notes(result: CheckNotebooksResult) -> str:
    return "\n".join(note for report in result.reports for note in report.notes)


def test_nothing_found_is_status_0(project: DataProject) -> None:
    result = check(project)
    assert (rules(result), result.exit_status) == ([], 0)
    assert result.text == "a.ipynb: no findings\nmlops-check: 1 notebook, no findings.\n"


def test_each_notebook_of_a_folder_is_looked_at(project: DataProject) -> None:
    project.write("sub/b.ipynb", notebook("y"))
    project.write("c.ipynb", "{")
    project.write("ignored.ipynb", "{")
    project.write(".gitignore", "ignored.ipynb\n")
    result = check(project)
    found = {report.notebook: [one.rule for one in report.findings] for report in result.reports}
    assert found == {
        "a.ipynb": [],
        "c.ipynb": ["notebook-invalid"],
        "sub/b.ipynb": ["name-undefined"],
    }
    assert result.exit_status == 1
    here = check_notebooks(open_here(project.root / "sub"), ("b.ipynb", "../a.ipynb"))
    assert [report.notebook for report in here.reports] == ["b.ipynb", "../a.ipynb"]
    sarif = json.loads(check_notebooks(open_here(project.root / "sub"), format="sarif").text)
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "sub/b.ipynb"
    assert place["region"]["startLine"] > 1


def test_a_project_without_notebooks_has_gates_all_the_same(tmp_path: Path) -> None:
    made = make_data_project(tmp_path / "p")
    made.write("mlops.toml", '[[gate]]\nmetric = "metrics/m.json:acc"\nmin = 1\n')
    made.commit("a gate")
    assert rules(check(made)) == ["gate-without-metric"]
    with pytest.raises(NotFoundError):
        check(made, "no.ipynb")


class TestSelection:
    def test_by_the_command_line_and_by_mlops_toml(self, project: DataProject) -> None:
        project.write("a.ipynb", notebook(f"token = '{TOKEN}'", "later", "later = 1"))
        project.commit("two faults")
        both = {"secret-in-source", "name-before-definition"}
        assert set(rules(check(project))) == both
        assert set(rules(check(project, select=("secret-*",)))) == {"secret-in-source"}
        assert set(rules(check(project, ignore=("secret-*",)))) == {"name-before-definition"}
        project.write("mlops.toml", '[checks]\nignore = ["name-*"]\n')
        assert set(rules(check(project))) == {"secret-in-source"}
        assert set(rules(check(project, select=("name-*", "secret-*")))) == {"secret-in-source"}
        project.write("mlops.toml", '[checks]\nselect = ["name-*"]\n')
        assert set(rules(check(project))) == {"name-before-definition"}

    def test_by_comments_in_cells(self, project: DataProject) -> None:
        project.write(
            "a.ipynb",
            notebook("y  # mlops: ignore[name-undefined]", f"t = '{TOKEN}'", "z"),
        )
        result = check(project)
        assert rules(result) == ["name-undefined", "secret-in-source"]
        assert "1 finding ignored by comments in cells." in notes(result)

    def test_rules_that_do_not_exist(self, project: DataProject) -> None:
        with pytest.raises(UsageError) as raised:
            check(project, select=("no-such-rule",))
        assert raised.value.code == "unknown-rule"
        project.write("mlops.toml", '[checks]\nignore = ["no-such-rule"]\n')
        result = check(project)
        assert rules(result) == ["project-unreadable"]
        assert "no-such-rule" in result.reports[0].findings[0].why

    def test_options_of_runs_want_a_run(self, project: DataProject) -> None:
        for options in ({"repeat": 2}, {"parameter": ("a=1",)}):
            with pytest.raises(UsageError):
                check(project, **options)
        for wrong in ({"repeat": 0}, {"tolerance": -1.0}, {"parameter": ("1a=1",)}):
            with pytest.raises(UsageError):
                check(project, execute=True, **wrong)


class TestNotebooks:
    def test_a_name_of_a_cell_that_is_gone_is_told_with_that_cell(
        self, project: DataProject
    ) -> None:
        project.write("a.ipynb", notebook("x = 1", "print(rows)"))
        ran = Ran("rows = load()", "gone"), Ran("x = 1", "c0"), Ran("print(rows)", "c1")
        put_journal(project, *ran, notebook="a.ipynb")
        result = check(project, select=("name-undefined",))
        (found,) = result.reports[0].findings
        assert found.why == (
            "cell 2 (c1) uses rows, which no cell defines; it ran in a cell that is gone:"
            " “rows = load()”."
        )

    def test_secrets_are_found_and_never_told(self, project: DataProject) -> None:
        project.write("a.ipynb", notebook(f"t = '{TOKEN}'", "1", outputs={1: f"token: {TOKEN}\n"}))
        result = check(project)
        assert rules(result) == ["secret-in-source", "secret-in-output"]
        for format in ("text", "json", "junit", "sarif", "github", "codequality"):
            text = check(project, format=format).text
            assert "cell 1 (c0)" in text or "secret-in-source" in text
            assert TOKEN not in text

    def test_hostile_notebooks_are_findings(self, project: DataProject) -> None:
        deep = b'{"cells": [{"cell_type": "code", "source": ' + b"[" * 100_000
        for number, content in enumerate((deep, b"\xff", b"[]", b"NaN", b'{"cells": {"a": 1}}')):
            project.write(f"{number}.ipynb", content)
        project.write("5.ipynb", notebook("(" * 10_000, "x = " + "-" * 100_000 + "1"))
        result = check(project)
        assert rules(result) == ["notebook-invalid"] * 5


class TestPointers:
    @pytest.fixture
    def data(self, project: DataProject, tmp_path: Path) -> DataProject:
        """Data in the store, and a remote that has none of it yet."""
        project.write("data/a.csv", "1")
        project.write("data/b.csv", "22")
        project.snapshot("data")
        remote_add(project.open(), "there", str(tmp_path / "remote"))
        project.commit("data")
        return project

    def test_what_was_not_pushed_is_found(self, data: DataProject) -> None:
        (found,) = check(data).reports[0].findings
        assert (found.rule, found.file) == ("pointer-not-pushed", "data.mlops")
        assert found.why == "The remote there lacks 2 files (3 B) of data."
        assert found.fix == "jupyter mlops push data"
        assert rules(check(data, fast=True)) == []
        push(data.open())
        assert rules(check(data)) == []

    def test_a_clone_needs_no_content_where_the_remote_has_it(
        self, data: DataProject, tmp_path: Path
    ) -> None:
        push(data.open())
        clone = DataProject(data.clone(tmp_path / "clone").root)
        assert rules(check(clone)) == []
        assert not (clone.root / ".git/mlops/packs").exists()

    def test_what_is_nowhere_is_found(self, data: DataProject, tmp_path: Path) -> None:
        clone = DataProject(data.clone(tmp_path / "clone").root)
        (found,) = check(clone).reports[0].findings
        assert found.rule == "pointer-unresolvable"
        assert found.why == "Neither the store nor the remote there has 2 files (3 B) of data."

    def test_a_remote_that_does_not_answer_is_a_note(
        self, data: DataProject, tmp_path: Path
    ) -> None:
        shutil.rmtree(tmp_path / "remote")
        result = check(data)
        assert rules(result) == []
        assert "The remote could not be asked for data" in notes(result)

    def test_a_place_that_nobody_confirmed_is_not_asked(
        self, data: DataProject, tmp_path: Path
    ) -> None:
        data.write("mlops.toml", f'[remotes.other]\nurl = "{tmp_path / "elsewhere"}"\n')
        result = check(data)
        assert rules(result) == []
        assert "which you have not used before" in notes(result)
        check(data, yes=True)
        known_places().require_place(str(tmp_path / "elsewhere"), "It", "")


class TestProject:
    def test_large_files_in_git(self, project: DataProject) -> None:
        project.write("mlops.toml", '[hooks]\nbig_file = "10 kB"\n')
        project.write("model.bin", b"x" * 20_000)
        project.commit("a model")
        (found,) = check(project).reports[0].findings
        assert (found.rule, found.subject) == ("large-file-in-git", "model.bin")
        assert found.fix == "git rm --cached -- model.bin && jupyter mlops snapshot model.bin"

    def test_packages_of_the_lock_file(self, project: DataProject) -> None:
        project.write("requirements.txt", "pytest==0.0.1\nno-such-package-here==1\n")
        (found,) = check(project).reports[0].findings
        assert found.rule == "environment-differs"
        assert "no-such-package-here 1 is not installed; pytest is " in found.why
        assert found.fix == "pip install -r requirements.txt"

    def test_a_commit_that_lacks_the_code_of_its_snapshot(self, project: DataProject) -> None:
        project.write("a.ipynb", notebook("x = 2", "x"))
        project.write("metrics/a.json", '{"acc": 1}')
        kept = project.snapshot(name="best")
        project.commit("the numbers alone", "metrics")
        (found,) = check(project, select=("snapshot-*",)).reports[0].findings
        assert "records the metrics of snapshot best" in found.why
        assert "other code: a.ipynb." in found.why
        assert found.fix.startswith("git diff ")
        assert kept.id
        project.git("commit", "--quiet", "--amend", "--no-edit", "--all")
        assert rules(check(project, select=("snapshot-*",))) == []

    def test_metrics_of_a_notebook_that_changed_since(self, project: DataProject) -> None:
        project.write("metrics/a.json", '{"acc": 1}')
        project.write("metrics/gone.json", '{"acc": 1}')
        project.commit("numbers")
        assert rules(check(project)) == []
        project.write("a.ipynb", notebook("x = 2", "x"))
        project.commit("another notebook")
        (found,) = check(project).reports[0].findings
        assert (found.rule, found.subject) == ("metrics-of-other-code", "metrics/a.json")


@pytest.mark.slow
class TestRuns:
    LOGS = (
        "import json, pathlib\n"
        "pathlib.Path('metrics').mkdir(exist_ok=True)\n"
        "pathlib.Path('metrics/a.json').write_text(json.dumps({'acc': %s}))"
    )

    def test_outputs_that_drift(self, project: DataProject) -> None:
        stored = {0: "acc 0.9\n", 1: "same\n"}
        project.write("a.ipynb", notebook("print('acc', 0.7)", "print('same')", outputs=stored))
        before = project.read("a.ipynb")
        (found,) = check(project, execute=True).reports[0].findings
        assert found.rule == "output-drift"
        assert found.why == (
            "cell 1 (c0) put out something else than is stored: 0.7 instead of 0.9,"
            " tolerance 0.001."
        )
        assert project.read("a.ipynb") == before
        assert rules(check(project, execute=True, tolerance=0.5)) == []

    def test_two_runs_that_come_to_different_ends(self, project: DataProject) -> None:
        count = "from pathlib import Path\np = Path('.git/count')\n"
        count += "n = int(p.read_text()) + 1 if p.exists() else 1\np.write_text(str(n))\n"
        project.write("a.ipynb", notebook(count + "print('run', n)", self.LOGS % "n"))
        result = check(project, execute=True, repeat=2)
        (first, second) = result.reports[0].findings
        assert first.why.endswith("when it ran again: 2 instead of 1, tolerance 0.001.")
        assert second.why == "metrics/a.json:acc came out as 1 and as 2."
        assert {first.rule, second.rule} == {"non-deterministic"}

    def test_parameters_time_and_kernel(self, project: DataProject) -> None:
        tagged = code("n = 1", id="p", outputs=[], execution_count=None)
        tagged["metadata"] = {"tags": ["parameters"]}
        told = {"output_type": "stream", "name": "stdout", "text": "n is 1\n"}
        stored = code("print('n is', n)", id="s", outputs=[told], execution_count=1)
        wants = code("assert n == 'two', n", id="q", outputs=[], execution_count=None)
        cells = [tagged, stored, wants]
        project.write("a.ipynb", notebook_bytes(cells))
        assert rules(check(project, execute=True)) == ["cell-failed"]
        assert rules(check(project, execute=True, parameter=("n=two",))) == []
        project.write("mlops.toml", '[checks]\nkernel = "no-such-kernel"\n')
        assert rules(check(project, execute=True)) == ["run-failed"]
        project.write("mlops.toml", "[checks]\ntimeout = 1\n")
        project.write("a.ipynb", notebook("import threading", "threading.Event().wait()"))
        (found,) = check(project, execute=True).reports[0].findings
        assert found.rule == "run-failed"
        assert found.why.startswith("The run ended in cell 2 (c1): CellTimeoutError")

    def test_data_is_brought_first_and_what_the_run_logs_counts(
        self, project: DataProject, tmp_path: Path
    ) -> None:
        project.write("mlops.toml", '[[gate]]\nmetric = "metrics/a.json:acc"\nmin = 0.9\n')
        project.write("data.csv", "0.95")
        project.snapshot("data.csv")
        remote_add(project.open(), "there", str(tmp_path / "remote"))
        project.write("a.ipynb", notebook(self.LOGS % "float(open('data.csv').read())"))
        project.commit("a run that reads data")
        push(project.open())
        clone = DataProject(project.clone(tmp_path / "clone").root)
        assert rules(check(clone, execute=True)) == []
        assert clone.read("data.csv") == b"0.95"
        clone.write("a.ipynb", notebook(self.LOGS % "float(open('data.csv').read()) + 1"))
        assert rules(check(clone, execute=True)) == ["gate-metric-uncommitted"]
