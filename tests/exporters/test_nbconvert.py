"""``jupyter nbconvert --to mlops-check`` as a program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.commands.journals import read_journals
from jupyter_mlops.git.repository import open_repository
from tests.exporters.conftest import RUN_IN_ORDER, STRIPPED, convert, make_notebook
from tests.notebooks.conftest import code, notebook_bytes
from tests.support.project import Project, make_project

pytestmark = pytest.mark.slow

RAISES = make_notebook(("print('before')", None), ("1 / 0", None), ("open('after', 'w')", None))
LOGS = make_notebook(
    (
        "import pathlib, json\n"
        "pathlib.Path('metrics').mkdir(exist_ok=True)\n"
        "pathlib.Path('metrics/m.json').write_text(json.dumps({'acc': 0.5}))",
        None,
    )
)
GATE = '[[gate]]\nmetric = "metrics/m.json:acc"\nmin = 0.9\n'


@pytest.fixture
def clean(ours: Project) -> Project:
    """A project with one notebook in which nothing is wrong."""
    ours.write("a.ipynb", STRIPPED)
    ours.commit("a notebook")
    return ours


def test_a_gate_judges_what_the_run_logs_under_the_notebooks_name(clean: Project) -> None:
    clean.write("metrics/train.json", '{"acc": 0.95}')
    clean.write("mlops.toml", '[[gate]]\nmetric = "metrics/train.json:acc"\nmin = 0.9\n')
    clean.write(
        "train.ipynb",
        make_notebook(
            ("%load_ext jupyter_mlops\nimport jupyter_mlops\njupyter_mlops.log(acc=0.1)", None)
        ),
    )
    clean.commit("a gate that is kept")
    assert convert(clean.root, "train.ipynb").status == 0
    done = convert(clean.root, "--execute", "train.ipynb")
    assert done.status == 1
    assert json.loads(clean.read("metrics/train.json"))["acc"] == 0.1
    # Its outputs are not the file's, and so it is none of its runs.
    assert read_journals(open_repository(clean.root)).sessions == ()


def test_three_notebooks_of_which_one_raises(clean: Project) -> None:
    clean.write("mlops.toml", GATE)
    clean.write("b.ipynb", RAISES)
    clean.write("c.ipynb", LOGS)
    clean.commit("three notebooks")
    done = convert(
        clean.root, "--execute", "--CheckExporter.format=json", "a.ipynb", "b.ipynb", "c.ipynb"
    )
    assert done.status == 1
    reports = [json.loads(clean.read(f"{name}.mlops-check.json")) for name in "abc"]
    assert [report["executed"] for report in reports] == [True] * 3
    found = [[one["rule"] for one in report["findings"]] for report in reports]
    # The gate is judged last, by the metrics that the last notebook has just written.
    assert found == [[], ["cell-failed"], ["gate-broken"]]
    (failed,) = reports[1]["findings"]
    assert failed["cell"] == {"index": 1, "id": "c2"}
    assert failed["why"] == "cell 2 (c2) raised ZeroDivisionError: division by zero."
    assert not (clean.root / "after").exists()
    for line in ("cell-failed  cell 2 (c2) raised", "metrics/m.json:acc is 0.5, 0.4 below the min"):
        assert done.stderr.count(line) == 1
    assert done.stderr.endswith("mlops-check: 3 notebooks, 2 findings.\n")
    assert clean.read("b.ipynb") == RAISES


def test_nothing_found_is_status_0(clean: Project) -> None:
    before = clean.git("status", "--porcelain")
    done = convert(clean.root, "a.ipynb")
    assert done.status == 0, done.stderr
    assert done.stderr.endswith("mlops-check: 1 notebook, no findings.\n")
    assert clean.read("a.mlops-check.txt") == b"a.ipynb: no findings\n"
    assert clean.git("status", "--porcelain") == f"{before}?? a.mlops-check.txt\n"


def test_broken_files_do_not_stop_the_others(clean: Project) -> None:
    clean.write("0.ipynb", "{")
    clean.write("1.ipynb", "")
    (clean.root / "2.ipynb").mkdir()
    done = convert(clean.root, "0.ipynb", "1.ipynb", "2.ipynb", "a.ipynb")
    assert done.status == 1
    assert "Traceback" not in done.stderr
    shown = [clean.read(f"{name}.mlops-check.txt").decode() for name in "012a"]
    assert ["notebook-invalid" in one for one in shown] == [True, True, True, False]


def test_nothing_runs_unless_it_is_asked_for(clean: Project) -> None:
    clean.write("b.ipynb", make_notebook(("open('ran', 'w')", None)))
    clean.commit("b")
    assert convert(clean.root, "b.ipynb").status == 0
    assert not (clean.root / "ran").exists()
    assert convert(clean.root, "--execute", "b.ipynb").status == 0
    assert (clean.root / "ran").exists()


def test_standard_input_and_output(clean: Project) -> None:
    done = convert(
        clean.root,
        "--stdin",
        "--stdout",
        "--CheckExporter.format=json",
        input=make_notebook(("1", 2), ("2", 1)),
    )
    assert done.status == 1
    assert [one["rule"] for one in json.loads(done.stdout)["findings"]] == ["executed-out-of-order"]
    assert "executed-out-of-order" in done.stderr
    assert convert(clean.root, "--stdin", "--stdout", input=RUN_IN_ORDER).status == 0
    invalid = convert(clean.root, "--stdin", "--stdout", input=b"\xff")
    assert (invalid.status, "notebook-invalid" in invalid.stdout) == (1, True)
    assert not list(clean.root.glob("*mlops-check*"))


def test_another_folder_for_what_is_written(clean: Project) -> None:
    assert convert(clean.root, "--output-dir", "reports", "a.ipynb").status == 0
    assert [path.name for path in (clean.root / "reports").iterdir()] == ["a.mlops-check.txt"]


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (
            "--CheckExporter.format=yaml",
            "'yaml' is no format of a report; allowed: text, json, junit,",
        ),
        ("--CheckExporter.fromat=json", "CheckExporter has no option fromat."),
    ],
)
def test_options_that_are_not_known_end_the_run(clean: Project, option: str, told: str) -> None:
    done = convert(clean.root, option, "a.ipynb")
    assert done.status == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(clean.root.glob("*mlops-check*"))


def test_a_run_that_may_go_on_tells_every_cell_that_raised(tmp_path: Path) -> None:
    content = make_notebook(("1 / 0", None), ("a = 1", None), ("{}['\x1b[31m']", None))
    (tmp_path / "a.ipynb").write_bytes(content)
    done = convert(tmp_path, "--execute", "--allow-errors", "--stdout", "a.ipynb")
    assert done.status == 1
    assert done.stdout.count("cell-failed") == 2
    assert "cell 3 (c3) raised KeyError: " in done.stdout
    assert "\x1b" not in done.stdout


def test_cells_that_are_meant_to_raise_are_fine(tmp_path: Path) -> None:
    unrun: dict[str, Any] = {"outputs": [], "execution_count": None}
    tagged = code("1 / 0", id="a", metadata={"tags": ["raises-exception"]}, **unrun)
    (tmp_path / "a.ipynb").write_bytes(notebook_bytes([tagged]))
    assert convert(tmp_path, "--execute", "a.ipynb").status == 0
    plain = code("1 / 0", id="a", **unrun)
    (tmp_path / "a.ipynb").write_bytes(notebook_bytes([plain]))
    allowed = "--ExecutePreprocessor.allow_error_names=ZeroDivisionError"
    assert convert(tmp_path, "--execute", allowed, "a.ipynb").status == 0


def test_runs_that_come_to_no_end(tmp_path: Path) -> None:
    notebooks = {
        "kernel": make_notebook(("a = 1", None), kernel="no-such-kernel"),
        "dead": make_notebook(("a = 1", None), ("import os; os._exit(1)", None)),
        "time": make_notebook(("import threading; threading.Event().wait()", None)),
        "fine": STRIPPED,
    }
    for name, content in notebooks.items():
        (tmp_path / f"{name}.ipynb").write_bytes(content)
    done = convert(
        tmp_path,
        "--execute",
        "--ExecutePreprocessor.timeout=5",
        *(f"{name}.ipynb" for name in notebooks),
    )
    assert done.status == 1
    shown = {name: (tmp_path / f"{name}.mlops-check.txt").read_text() for name in notebooks}
    assert "could not be run: there is no kernel 'no-such-kernel' here." in shown["kernel"]
    assert "→ jupyter kernelspec list" in shown["kernel"]
    assert "The run ended in cell 2 (c2): DeadKernelError: Kernel died." in shown["dead"]
    assert "The run ended in cell 1 (c1): CellTimeoutError: " in shown["time"]
    assert shown["fine"].startswith("fine.ipynb: no findings\n")


def test_each_project_is_told_of_once(clean: Project, tmp_path: Path) -> None:
    clean.write("mlops.toml", GATE)
    clean.write("folder/b.ipynb", STRIPPED)
    other = make_project(tmp_path / "other")
    other.write("mlops.toml", GATE)
    other.write("c.ipynb", STRIPPED)
    names = [str(path) for path in (clean.root / "a.ipynb", other.root / "c.ipynb")]
    done = convert(tmp_path, *names, str(clean.root / "folder/b.ipynb"))
    assert done.status == 1
    assert done.stderr.count("gate-without-metric") == 2
    assert "project: " not in (clean.root / "a.mlops-check.txt").read_text()
    for path in (other.root / "c", clean.root / "folder/b"):
        assert "project: 1 finding\n" in path.with_suffix(".mlops-check.txt").read_text()


HARD = ["two words.ipynb", "a\nb.ipynb", "<b>&.ipynb", "::error::x.ipynb", "'q\".ipynb"]


def test_names_of_all_kinds(plain: Project) -> None:
    for name in HARD:
        plain.write(name, RUN_IN_ORDER)
    plain.commit("with outputs")
    done = convert(plain.root, *HARD)
    assert done.status == 1
    assert done.stderr.count("  outputs-in-git  ") == len(HARD)
    for name in HARD:
        assert (plain.root / name.replace(".ipynb", ".mlops-check.txt")).is_file()
    assert "\\::error::x.ipynb: 1 finding\n" in done.stderr
    assert "$'a\\nb.ipynb'" in done.stderr


def test_a_postprocessor_of_the_users_is_called_first(clean: Project) -> None:
    clean.write(
        "post.py",
        "from nbconvert.postprocessors import PostProcessorBase\n"
        "class Tell(PostProcessorBase):\n"
        "    def postprocess(self, path):\n"
        "        print('written', path)\n",
    )
    clean.write("b.ipynb", "{")
    done = convert(clean.root, "--post", "post.Tell", "a.ipynb", "b.ipynb")
    assert done.status == 1
    assert done.stdout == "written a.mlops-check.txt\nwritten b.mlops-check.txt\n"


def test_other_exporters_are_as_they_were(clean: Project) -> None:
    clean.write("b.ipynb", RUN_IN_ORDER)
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "markdown", "b.ipynb"],
        cwd=clean.root,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (clean.root / "b.md").is_file()
