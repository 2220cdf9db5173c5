"""Pointer files and gates of the project, once in a run."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jupyter_mlops.commands.verifications import Verification, write_verification
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.notebooks.verdict import VerdictWord
from tests.exporters.conftest import (
    RUN_IN_ORDER,
    STRIPPED,
    check,
    make_exporter,
    make_notebook,
    rules,
)
from tests.notebooks.journals import Ran, put_journal
from tests.support.data_project import DataProject, make_data_project
from tests.support.project import Project

GATE = '[[gate]]\nmetric = "metrics/m.json:acc"\n'


@pytest.fixture
def data(tmp_path: Path) -> DataProject:
    """A project with a kept file and a kept folder, and a notebook."""
    made = make_data_project(tmp_path / "data-project")
    made.write("model.bin", "model")
    made.write("data/a.csv", "1")
    made.write("data/b.csv", "22")
    made.snapshot("model.bin", "data")
    made.write("a.ipynb", STRIPPED)
    made.commit("with data")
    return made


class TestPointers:
    def test_content_in_the_store_is_fine(self, data: DataProject) -> None:
        data.remove("data")
        assert rules(check(data.root / "a.ipynb")) == []

    def test_lacking_content_is_found_once_for_each_path(
        self, data: DataProject, tmp_path: Path
    ) -> None:
        clone = data.clone(tmp_path / "clone")
        report = check(clone.root / "a.ipynb")
        assert rules(report) == ["pointer-unresolvable"] * 2
        folder, file = report["findings"]
        assert (folder["notebook"], folder["subject"]) == (None, "data")
        assert folder["why"] == "The store lacks 2 files (3 B) of data."
        assert file["why"] == "The store lacks 1 file (5 B) of model.bin."
        assert file["fix"] == "jupyter mlops pull model.bin"

    def test_copying_the_store_mends_it(self, data: DataProject, tmp_path: Path) -> None:
        clone = data.clone(tmp_path / "clone")
        shutil.copytree(data.root / ".git/mlops", clone.root / ".git/mlops")
        assert rules(check(clone.root / "a.ipynb")) == []

    def test_what_is_here_can_be_kept_again(self, data: DataProject) -> None:
        shutil.rmtree(data.root / ".git/mlops")
        data.write("model.bin", "another")
        report = check(data.root / "a.ipynb")
        assert [found["fix"] for found in report["findings"]] == [
            "jupyter mlops snapshot data",
            "jupyter mlops pull model.bin",
        ]
        assert data.mlops("snapshot", "data").returncode == 0
        assert [found["subject"] for found in check(data.root / "a.ipynb")["findings"]] == [
            "model.bin"
        ]

    def test_a_pointer_that_is_not_valid_is_found_beside_the_others(
        self, data: DataProject
    ) -> None:
        data.write("data.mlops", "format = 0\x1b")
        shutil.rmtree(data.root / ".git/mlops")
        report = check(data.root / "a.ipynb")
        assert [found["subject"] for found in report["findings"]] == ["data", "model.bin"]
        assert "is not valid" in report["findings"][0]["why"]
        assert report["findings"][0]["fix"] == "git checkout HEAD -- data.mlops"

    def test_a_pointer_in_a_merge_conflict_is_found(self, data: DataProject) -> None:
        data.write("data.mlops", "<<<<<<< HEAD\n")
        (found,) = check(data.root / "a.ipynb")["findings"]
        assert found["rule"] == "pointer-unresolvable"
        assert "merge conflict" in found["why"]

    def test_a_pointer_that_is_a_link_is_found(self, data: DataProject) -> None:
        data.remove("data.mlops")
        (data.root / "data.mlops").symlink_to("/etc/passwd")
        (found,) = check(data.root / "a.ipynb")["findings"]
        assert (found["rule"], found["subject"]) == ("pointer-unresolvable", "data")

    def test_nothing_is_written(self, data: DataProject) -> None:
        data.write("data/a.csv", "changed")
        shutil.rmtree(data.root / ".git/mlops/packs")
        before = {path: path.stat() for path in data.root.rglob("*") if path.is_file()}
        assert rules(check(data.root / "a.ipynb")) == ["pointer-unresolvable"] * 2
        after = {path: path.stat() for path in data.root.rglob("*") if path.is_file()}
        assert {p: (s.st_mtime_ns, s.st_size) for p, s in after.items()} == {
            p: (s.st_mtime_ns, s.st_size) for p, s in before.items()
        }


class TestGates:
    @pytest.fixture
    def gated(self, project: Project) -> Project:
        project.write("mlops.toml", GATE + 'min = 0.9\nagainst = "main"\ntolerance = 0.02\n')
        project.write("metrics/m.json", '{"acc": 0.95}')
        project.write("a.ipynb", STRIPPED)
        project.commit("0.95")
        return project

    def test_gates_that_are_kept(self, gated: Project) -> None:
        assert check(gated.root / "a.ipynb")["findings"] == []

    def test_within_the_tolerance(self, gated: Project) -> None:
        gated.git("switch", "--quiet", "-c", "worse")
        gated.write("metrics/m.json", '{"acc": 0.93}')
        gated.commit("0.93")
        assert check(gated.root / "a.ipynb")["findings"] == []

    def test_a_broken_gate_says_by_how_much_and_of_which_file(self, gated: Project) -> None:
        commit = gated.git("rev-parse", "--short", "HEAD").strip()
        gated.write("metrics/m.json", '{"acc": 0.5}')
        report = check(gated.root / "a.ipynb")
        assert [(found["value"], found["limit"]) for found in report["findings"]] == [
            (0.5, 0.9),
            (0.5, 0.95 - 0.02),
            (None, None),
        ]
        assert report["findings"][0]["why"] == (
            "metrics/m.json:acc is 0.5, 0.4 below the min 0.9"
            f" (working tree, changed since {commit})."
        )

    def test_committed_numbers_are_of_the_commit_that_last_changed_them(
        self, gated: Project
    ) -> None:
        gated.git("switch", "--quiet", "-c", "worse")
        gated.write("metrics/m.json", '{"acc": 0.5}')
        gated.commit("worse")
        commit = gated.git("rev-parse", "--short", "HEAD").strip()
        gated.write("other", "x")
        gated.commit("something else")
        found = check(gated.root / "a.ipynb")["findings"][1]
        assert f"(working tree, as of {commit})" in found["why"]
        assert "below the 0.95 of main (" in found["why"]

    def test_numbers_that_no_commit_has(self, gated: Project) -> None:
        gated.write("mlops.toml", '[[gate]]\nmetric = "metrics/new.json:acc"\nmin = 1\n')
        gated.write("metrics/new.json", '{"acc": 0}')
        found, dirty = check(gated.root / "a.ipynb")["findings"]
        assert "(working tree, not in HEAD)" in found["why"]
        assert dirty["rule"] == "gate-metric-uncommitted"

    def test_a_metrics_file_that_was_deleted_breaks_its_gate(self, gated: Project) -> None:
        (gated.root / "metrics/m.json").unlink()
        assert rules(check(gated.root / "a.ipynb")) == ["gate-without-metric"]

    def test_a_metrics_file_that_is_broken_is_named(self, gated: Project) -> None:
        gated.write("metrics/m.json", "{")
        (found,) = check(gated.root / "a.ipynb")["findings"]
        assert found["rule"] == "gate-without-metric"
        assert "metrics/m.json is not readable" in found["why"]

    def test_nan_is_null_in_json(self, gated: Project) -> None:
        gated.write("metrics/m.json", '{"acc": NaN}')
        report = check(gated.root / "a.ipynb")
        assert rules(report) == ["gate-broken", "gate-broken", "gate-metric-uncommitted"]
        assert [found["value"] for found in report["findings"]] == [None] * 3

    @pytest.mark.parametrize("revision", ["nowhere", "--output=x", "HEAD:metrics"])
    def test_a_revision_that_is_not_known_is_a_finding(self, gated: Project, revision: str) -> None:
        gated.write("mlops.toml", GATE + f'against = "{revision}"\n')
        assert rules(check(gated.root / "a.ipynb")) == ["gate-unmeasurable"]

    def test_a_snapshot_may_be_compared_with(self, gated: Project) -> None:
        gated.write("mlops.toml", GATE + 'against = "best"\n')
        gated.write("metrics/m.json", '{"acc": 0.99}')
        assert gated.mlops("snapshot", "--name", "best").returncode == 0
        gated.write("metrics/m.json", '{"acc": 0.98}')
        gated.commit("0.98")
        assert rules(check(gated.root / "a.ipynb")) == ["gate-broken"]

    def test_before_the_first_commit(self, tmp_path: Path) -> None:
        project = Project(tmp_path)
        project.git("init", "--quiet")
        project.write("mlops.toml", GATE + "min = 1\n")
        project.write("metrics/m.json", '{"acc": 0}')
        (found,) = check(project.write("a.ipynb", STRIPPED))["findings"]
        assert "(working tree, no commit yet)" in found["why"]

    def test_an_mlops_toml_that_is_not_valid_is_a_finding(self, gated: Project) -> None:
        gated.write("mlops.toml", "[[gate]]\n")
        (found,) = check(gated.root / "a.ipynb")["findings"]
        assert found["rule"] == "project-unreadable"
        assert "[[gate]] 1 has no metric" in found["why"]


def test_a_library_tells_of_the_project_with_its_first_notebook(project: Project) -> None:
    project.write("mlops.toml", GATE + "min = 1\n")
    one, two = project.write("1.ipynb", STRIPPED), project.write("2.ipynb", RUN_IN_ORDER)
    exporter = make_exporter()
    first, _ = exporter.from_filename(str(one))
    second, _ = exporter.from_filename(str(two))
    assert "gate-without-metric" in first
    assert "gate-without-metric" not in second


class TestRuns:
    def test_what_the_kernel_ran_decides(self, data: DataProject) -> None:
        notebook = make_notebook(("a = 1", 7), ("a", 5))
        data.write("a.ipynb", notebook)
        assert rules(check(data.root / "a.ipynb"))[-1] == "executed-out-of-order"
        first, second, gone = Ran("a = 1", "c1"), Ran("a", "c2"), Ran("a = 3", "gone")
        put_journal(data, first, second, notebook="a.ipynb")
        report = check(data.root / "a.ipynb")
        assert "executed-out-of-order" not in rules(report)
        assert "a.ipynb: clean. Its 2 cells ran once, in order, as in the file." in map(
            _without_folders, report["notes"]
        )
        put_journal(data, second, first, notebook="a.ipynb", later=1)
        found = check(data.root / "a.ipynb")["findings"][-1]
        assert found["rule"] == "executed-out-of-order"
        assert found["why"].startswith("out of order, replayable: cell 1 (c1) ran after")
        put_journal(data, first, gone, second, notebook="a.ipynb", later=2)
        found = check(data.root / "a.ipynb")["findings"][-1]
        assert found["rule"] == "executed-other-code"
        assert found["why"] == ("used deleted or edited code: “a = 3” ran and is no cell any more.")

    def test_a_replay_that_failed_is_an_error(self, data: DataProject) -> None:
        head = data.git("rev-parse", "HEAD").strip()
        repo = open_repository(data.root)
        at = datetime(2026, 5, 1, tzinfo=UTC)
        failed = Verification(head, "a.ipynb", VerdictWord.FAILED_REPLAY, "Cell 1 failed: X.", at)
        write_verification(repo, failed)
        (found,) = check(data.root / "a.ipynb")["findings"]
        assert (found["rule"], found["severity"]) == ("replay-failed", "error")
        assert found["why"] == "failed replay: cell 1 failed: X."


def _without_folders(note: str) -> str:
    return note.rpartition("/")[2]
