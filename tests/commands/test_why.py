from __future__ import annotations

import json
import math
import shlex
from pathlib import Path

import pytest

from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.run import encode_result, run_invocation
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.why import WhyResult, why
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.explain.ranking import Difference
from jupyter_mlops.formats.run import (
    Began,
    Ended,
    Environment,
    Line,
    Metrics,
    format_line,
    format_series_name,
)
from tests.support.data_project import DataProject, make_data_project


def notebook(*cells: tuple[str, str, str]) -> str:
    listed: list[dict[str, object]] = [
        {"id": id, "cell_type": kind, "source": source, "metadata": {}}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for id, kind, source in cells
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": listed})


def table(*rows: str) -> str:
    return "id,age\n" + "".join(f"{row}\n" for row in rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DataProject:
    """A commit with one of everything that can differ."""
    made = make_data_project(tmp_path_factory.mktemp("why") / "project")
    made.write("data/train.csv", table(*(f"{i},{i % 70}" for i in range(100))))
    made.write("data/image.bin", b"1")
    made.write("metrics/m.json", '{"acc": 0.91, "rows": 100}')
    made.write("params/m.json", '{"depth": 4, "rate": 0.1, "seed": 1, "same": 2}')
    made.write("train.py", "import random\nrandom.seed(1)\n")
    made.write("README.md", "first\n")
    made.write("requirements.txt", "numpy==1.26.4\npandas==2.2.0\n")
    made.write("n.ipynb", notebook(("c1", "code", "depth = 4\nfit(depth)"), ("c2", "raw", "text")))
    made.snapshot("data")
    made.commit("one")
    return made


@pytest.fixture
def one(made: DataProject, tmp_path: Path) -> DataProject:
    """A copy of it."""
    return made.copy(tmp_path / "project")


def change(project: DataProject) -> None:
    rows = [f"{i},{i % 70}" for i in range(1, 101)]
    rows[5] = "6,99"
    project.write("data/train.csv", table(*rows))
    project.write("metrics/m.json", '{"acc": 0.88, "rows": 100}')
    project.write("params/m.json", '{"depth": 8, "rate": 0.11, "seed": 2, "same": 2}')
    project.write("train.py", "import random\nrandom.seed(7)\nx = 1\n")
    project.write("README.md", "second\n")
    project.write("requirements.txt", "numpy==2.0.1\npandas==2.2.0\n")
    cells = (("c1", "code", "depth = 8\nfit(depth)"), ("c2", "raw", "other"))
    project.write("n.ipynb", notebook(*cells))


EXPECTED = [
    ("parameter", "depth", "4 → 8"),
    ("parameter", "rate", "0.1 → 0.11"),
    ("data", "data/train.csv", "1 row added, 1 removed, 1 changed of 100"),
    ("seed", "seed", "1 → 2"),
    ("seed", "seed in train.py", "1 → 7"),
    ("code", "train.py", "edited, 2 lines added, 1 removed"),
    (
        "code",
        "n.ipynb · code cell 1",
        "edited, 1 line added, 1 removed: depth = 4 → depth = 8",
    ),
    ("code", "README.md", "edited, 1 line added, 1 removed"),
    ("environment", "requirements.txt", "edited, 1 package of another version"),
]


def told(result: WhyResult) -> list[tuple[str, str, str]]:
    return [(one.kind, one.name, one.change) for one in result.differences]


def find(result: WhyResult, name: str) -> Difference:
    (found,) = [one for one in result.differences if one.name == name]
    return found


def text_of(result: WhyResult, width: int | None = None) -> str:
    return render_text(result.describe(), width=width)


def test_the_working_tree_against_head(one: DataProject) -> None:
    change(one)
    result = why(one.open())
    assert told(result) == EXPECTED
    (metric,) = result.metrics
    assert (metric.name, metric.old, metric.new, metric.better) == (
        "metrics/m.json:acc",
        0.91,
        0.88,
        False,
    )


def test_two_commits_and_two_snapshots(one: DataProject) -> None:
    first = one.snapshot("data").id
    change(one)
    second = one.snapshot("data").id
    one.commit("two")
    assert told(why(one.open(), "HEAD~1", "HEAD")) == EXPECTED
    assert told(why(one.open(), first, second)) == EXPECTED
    assert told(why(one.open(), second)) == []
    backwards = dict((name, change) for _, name, change in told(why(one.open(), "HEAD", "HEAD~1")))
    assert backwards["depth"] == "8 → 4"


def test_what_is_equal_is_hidden(one: DataProject) -> None:
    result = why(one.open())
    assert (result.metrics, result.differences) == ((), ())
    assert "No metric differs between HEAD and the working tree." in text_of(result)
    assert "Nothing else that is known differs." in text_of(result)


def test_each_command_that_is_named_can_be_typed(one: DataProject) -> None:
    change(one)
    one.write("data/new file.bin", b"2")
    one.snapshot("data", name="mine")
    one.commit("two")
    for result in (why(one.open(), "HEAD~1"), why(one.open(), "HEAD~1", "mine")):
        commands = {one.command for one in result.differences if one.command is not None}
        assert len(commands) >= 5
        for command in commands:
            words = shlex.split(command)
            if words[0] == "git":
                assert one.git(*words[1:])
            else:
                shown = run_invocation(parse_words(words[2:], COMMANDS), start=one.root)
                assert shown is not None
                assert render_text(shown.describe())


def test_a_snapshot_knows_untracked_code(one: DataProject) -> None:
    one.write("new.py", "a = 1\n")
    id = one.snapshot("data").id
    assert told(why(one.open(), id)) == []
    assert told(why(one.open())) == [("code", "new.py", "added, 1 line")]
    one.write("new.py", "a = 1\nb = 2\n")
    assert told(why(one.open(), id))[0][:2] == ("code", "new.py")
    (one.root / "new.py").unlink()
    assert told(why(one.open(), id)) == [("code", "new.py", "removed, 1 line")]


def test_files_of_a_folder(one: DataProject) -> None:
    (one.root / "data/image.bin").rename(one.root / "data/other.bin")
    one.write("data/b.bin", b"b")
    (found,) = why(one.open()).differences
    assert (found.kind, found.name) == ("data", "data")
    assert found.change == "1 file added, 1 renamed; 3 files now"


def test_data_that_is_tracked_now_and_no_more(one: DataProject) -> None:
    one.write("model.bin", b"m")
    one.snapshot("model.bin")
    assert told(why(one.open())) == [("data", "model.bin", "tracked now, 1 file")]
    one.commit("two")
    assert find(why(one.open(), "HEAD", "HEAD~1"), "model.bin").change == (
        "not tracked any more, 1 file"
    )
    one.write("model.bin", b"more")
    assert find(why(one.open()), "model.bin").change == "changed, 1 → 4 bytes"


def test_a_table_that_git_has(one: DataProject) -> None:
    one.write("small.csv", table("1,1", "2,2"))
    one.commit("two")
    one.write("small.csv", table("1,1", "2,3", "3,3"))
    found = find(why(one.open()), "small.csv")
    assert (found.kind, found.change) == ("data", "1 row added, 1 changed of 3")


def test_rows_that_are_not_here_are_said(one: DataProject, tmp_path: Path) -> None:
    change(one)
    one.snapshot("data")
    one.commit("two")
    clone = DataProject(tmp_path / "clone")
    one.clone(clone.root)
    result = why(clone.open(), "HEAD~1", "HEAD")
    assert ("parameter", "depth", "4 → 8") in told(result)
    assert find(result, "data").change == "1 file modified; 2 files now"
    assert any("The rows of data/train.csv were not compared." in one for one in result.unknown)


def test_data_that_was_not_brought_yet_is_that_of_its_pointer(
    one: DataProject, tmp_path: Path
) -> None:
    change(one)
    one.snapshot("data")
    one.commit("two")
    clone = DataProject(tmp_path / "clone")
    one.clone(clone.root)
    assert not (clone.root / "data").exists()
    assert find(why(clone.open(), "HEAD~1"), "data").change == "1 file modified; 2 files now"
    assert [found for found in why(clone.open()).differences if found.kind == "data"] == []


def test_a_table_that_cannot_be_read_is_said(one: DataProject) -> None:
    one.write("data/train.csv", b"id,age\n\xff,1\n")
    result = why(one.open())
    assert find(result, "data").change == "1 file modified; 2 files now"
    assert "The rows of data/train.csv were not compared: one version is not UTF-8." in (
        result.unknown
    )


def test_packages_that_snapshots_recorded(one: DataProject) -> None:
    snapshot = one.snapshot("data")
    record = one.git("show", f"refs/mlops/snapshots/{snapshot.id}:.mlops/snapshot.json")
    assert '"package:' in record
    result = why(one.open(), snapshot.id)
    assert result.unrecorded == ()
    assert result.differences == ()


def test_a_commit_that_no_snapshot_is_tied_to(one: DataProject) -> None:
    one.git("commit", "--quiet", "--allow-empty", "-m", "two")
    one.write("requirements.txt", "numpy==2.0.1\n")
    one.commit("three")
    result = why(one.open(), "HEAD~1", "HEAD")
    assert [(one.name, one.change) for one in result.differences] == [
        ("requirements.txt", "edited, 2 packages of another version"),
        ("numpy", "1.26.4 → 2.0.1"),
        ("pandas", "2.2.0 no longer installed"),
    ]
    (first, second) = result.unrecorded
    assert first.startswith("Neither a run nor a snapshot tells what HEAD~1 ran in")
    assert second.endswith("requirements.txt tells of packages.")


def test_what_runs_ran_in_and_on_and_how_long(one: DataProject) -> None:
    """The run of each commit is the one whose last values its metrics file has."""
    run_of(one, "kindlysnap23", 1, {"acc": 0.5, "loss": 2.0}, "1.26", {"processors": "4"}, 60)
    one.write("metrics/train.json", '{"acc": 0.5, "loss": 2.0}')
    one.commit("two")
    gpu = {"processors": "4", "gpu0": "A100"}
    run_of(one, "kindlysnap24", 2, {"acc": math.nan, "loss": 1.0}, "2.0", gpu, 600)
    other = {"processors": "1"}
    run_of(one, "kindlysnap22", -1, {"acc": math.nan, "loss": 1.0}, "an older run", other, 1)
    run_of(one, "kindlysnap25", 3, {"acc": 0.1}, "other values", other, 1)
    run_of(one, "kindlysnap26", 10**9, {"acc": math.nan, "loss": 1.0}, "a later run", other, 1)
    one.write("metrics/train.json", '{"acc": "NaN", "loss": 1.0}')
    one.commit("three")
    result = why(one.open(), "HEAD~1", "HEAD")
    assert told(result) == [
        ("environment", "numpy", "1.26 → 2.0"),
        ("hardware", "gpu0", "none → A100"),
        ("duration", "run train", "1 min → 10 min"),
    ]
    assert result.unknown == ()
    assert find(result, "run train").command == "jupyter mlops runs show kindlysnap24"
    run_of(one, "kindlysnap27", 4, {"acc": 0.7, "loss": 1.0}, "2.1", {}, 600)
    one.write("metrics/train.json", '{"acc": 0.7, "loss": 1.0}')
    one.commit("four: nobody noted on what it ran")
    assert told(why(one.open(), "HEAD~1", "HEAD")) == [("environment", "numpy", "2.0 → 2.1")]


def run_of(
    project: DataProject,
    id: str,
    number: int,
    values: dict[str, float],
    numpy: str,
    hardware: dict[str, str],
    seconds: float,
) -> None:
    """Leave what a run leaves in the store."""
    began_at = 1_700_000_000.0 + number
    environment = {"python": "3.11.2", "package:numpy": numpy, "git": f"{number} changed"}
    lines: list[Line] = [
        Began("train", id, began_at, "1.2.3.4.5"),
        Metrics(began_at, 0, {"loss": 9.0}),
        Environment(began_at, {**environment, **hardware}),
        Metrics(began_at + seconds, 1, values),
        Ended(began_at + seconds, "done"),
    ]
    name = format_series_name(began_at, 1)
    project.write(f".git/mlops/runs/train/{name}", b"".join(map(format_line, lines)))


def test_cells_that_came_went_and_moved(one: DataProject) -> None:
    one.write("n.ipynb", notebook(("c1", "code", "a"), ("c2", "code", "b"), ("c3", "code", "c")))
    one.commit("two")
    one.write("n.ipynb", notebook(("c3", "code", "c"), ("c1", "code", "a"), ("c4", "code", "d")))
    assert {(one.name, one.change) for one in why(one.open()).differences} == {
        ("n.ipynb · code cell 1", "moved"),
        ("n.ipynb · code cell 2", "removed, 1 line"),
        ("n.ipynb · code cell 3", "added, 1 line"),
    }


def test_text_cells_explain_nothing_and_come_last(one: DataProject) -> None:
    cells = (("c1", "code", "depth = 4\nfit(depth)"), ("c2", "raw", "other"))
    one.write("n.ipynb", notebook(*cells))
    one.write("train.py", "import random\nrandom.seed(1)\n\n")
    assert told(why(one.open())) == [
        ("code", "train.py", "edited, 1 line added"),
        ("code", "n.ipynb", "text and metadata alone"),
    ]


def test_seeds_in_cells(one: DataProject) -> None:
    cells = (("c1", "code", "depth = 4\nfit(depth, random_state=3)"), ("c2", "raw", "text"))
    one.write("n.ipynb", notebook(*cells))
    found = find(why(one.open()), "random_state in n.ipynb")
    assert (found.kind, found.change, found.old, found.new) == ("seed", "not set → 3", None, "3")


def test_a_project_of_dvc(one: DataProject) -> None:
    for rate, md5 in ((0.1, "a"), (0.2, "b")):
        one.write("dvclive/metrics.json", json.dumps({"acc": 1 - rate, "step": 3}))
        one.write("params.yaml", f"rate: {rate}\n")
        one.write("raw.csv.dvc", f"outs:\n- md5: {md5 * 32}\n  path: raw.csv\n")
        one.commit(f"rate {rate}")
    result = why(one.open(), "HEAD~1", "HEAD")
    assert told(result) == [
        ("data", "raw.csv.dvc", "edited, 1 line added, 1 removed"),
        ("parameter", "rate", "0.1 → 0.2"),
    ]
    assert [change.name for change in result.metrics] == ["dvclive/metrics.json:acc"]


def test_before_the_first_commit(data_project: DataProject) -> None:
    data_project.git("update-ref", "-d", "HEAD")
    data_project.write("train.py", "a = 1\n")
    data_project.write("params/m.json", '{"depth": 4}')
    result = why(data_project.open())
    assert ("parameter", "depth", "not set → 4") in told(result)
    assert ("code", "train.py", "added, 1 line") in told(result)


def test_a_pointer_that_is_not_valid_hides_only_data(one: DataProject) -> None:
    change(one)
    one.write("data.mlops", "broken")
    one.commit("two")
    result = why(one.open(), "HEAD~1", "HEAD")
    assert told(result) == [
        *(row for row in EXPECTED if row[0] != "data"),
        ("environment", "numpy", "1.26.4 → 2.0.1"),
    ]
    assert any("Whether tracked data differs is not known." in one for one in result.unknown)


def test_a_file_that_cannot_be_read_is_named(one: DataProject) -> None:
    one.write("params/m.json", "{")
    assert "Left out params/m.json: it is not JSON" in text_of(why(one.open()))


def test_an_unknown_revision(one: DataProject) -> None:
    for revision in ("none", "--all", ""):
        with pytest.raises(NotFoundError) as raised:
            why(one.open(), revision)
        assert raised.value.code == "unknown-revision"


def test_long_lists_are_cut_and_json_has_all(one: DataProject) -> None:
    versions = "".join(f"package{i}==1\n" for i in range(50))
    one.write("requirements.txt", versions)
    one.commit("two")
    one.write("params/m.json", json.dumps({f"p{i}": i for i in range(40)}))
    one.write("requirements.txt", versions.replace("==1", "==2"))
    one.commit("three")
    result = why(one.open(), "HEAD~1", "HEAD")
    text = text_of(result, width=100)
    assert "70 more differences, and all commands: jupyter mlops why 'HEAD~1' HEAD --json" in text
    encoded = json.loads(encode_result(result))
    assert len(encoded["differences"]) == 25 + 70
    assert encoded["differences"][0].keys() >= {"kind", "name", "change", "share", "old", "new"}


def test_hostile_names_steer_nothing(one: DataProject) -> None:
    one.write("evil\x1b[31m.py", "a = 1\n")
    one.write("params/m.json", json.dumps({"\x1b]0;x\x07<b>": "\x1b[2J"}))
    text = text_of(why(one.open()))
    assert "\x1b" not in text
    assert "\\x1b[31m.py" in text
