"""Notebooks merged by real Git, with our driver and without it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from jupyter_mlops.commands.doctor import doctor
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.snapshot import snapshot
from jupyter_mlops.commands.workspace import open_here, open_workspace
from jupyter_mlops.document.render_text import render_text
from tests.notebooks.conftest import OLD, code, notebook_bytes
from tests.support.project import IDENTITY, Project, make_project

pytestmark = pytest.mark.usefixtures("git_starts_forks")

BASE = {"imports": "import os\n", "load": "x = 1\ny = 2\nz = 3\n", "fit": "fit(x)\n"}
Sources = Mapping[str, str]


OURS = {**BASE, "load": "x = 10\ny = 2\nz = 3\n", "ours": "new\n"}
THEIRS = {**BASE, "load": "x = 1\ny = 2\nz = 30\n", "theirs": "also new\n"}
BOTH = {**BASE, "load": "x = 10\ny = 2\nz = 30\n", "ours": "new\n", "theirs": "also new\n"}
OTHER = {**BASE, "load": "x = 100\ny = 2\nz = 3\n"}
MARKED = "<<<<<<< ours\nx = 10\n=======\nx = 100\n>>>>>>> theirs\ny = 2\nz = 3\n"


def ran(sources: Sources, **fields: Any) -> bytes:
    """Return a notebook that was run: each cell tells its id, which its output repeats."""
    cells = []
    for name, source in sources.items():
        output = {"name": "stdout", "output_type": "stream", "text": [f"out of {name}"]}
        cells.append(code(source, id=name, outputs=[output], **fields))
    return notebook_bytes(cells)


@dataclass(frozen=True, slots=True)
class Merging(Project):
    """A project in which ``nb.ipynb`` is changed on several branches."""

    def branch(self, name: str, notebook: bytes, path: str = "nb.ipynb") -> str:
        """Commit the notebook on a branch, a new one from the first commit if there is none."""
        exists = bool(self.git("branch", "--list", name))
        self.git("switch", "-q", *((name,) if exists else ("-c", name, "base")))
        self.write(path, notebook)
        return self.commit(f"{name}: {path}")

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run Git, whatever its exit status."""
        return subprocess.run(
            ["git", *words],
            cwd=self.root,
            env={**os.environ, **IDENTITY, "GIT_EDITOR": "true", **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def sources(self, path: str = "nb.ipynb") -> dict[str, str]:
        """Return the sources in the file, by id, in order; it is a valid notebook."""
        tree = json.loads(self.read(path))
        nbformat.validate(tree)
        return {cell["id"]: "".join(cell["source"]) for cell in tree["cells"]}

    def outputs(self) -> list[str]:
        """Return the ids of the cells that have the output of their run."""
        cells = json.loads(self.read("nb.ipynb"))["cells"]
        return [cell["id"] for cell in cells if f"out of {cell['id']}" in json.dumps(cell)]

    def edit(self, name: str, source: str) -> None:
        """Change one cell, as somebody does who resolves a conflict in Jupyter."""
        tree = json.loads(self.read("nb.ipynb"))
        for cell in tree["cells"]:
            if cell["id"] == name:
                cell["source"] = source.splitlines(True)
        self.write("nb.ipynb", json.dumps(tree, indent=1))

    def unmerged(self) -> list[str]:
        """Return the files that Git's status shows as unmerged."""
        rows = self.git("status", "--porcelain").splitlines()
        return [row[3:] for row in rows if row[:2] in {"UU", "AA"}]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Merging:
    """A project that ``init`` has set up: a notebook that was run, changed on three branches.

    It is on main, which has what is ours; ``topic`` merges with it, ``other`` does not.
    """
    project = Merging(make_project(tmp_path_factory.mktemp("template") / "p", "--template=").root)
    init(open_here(project.root))
    project.write("nb.ipynb", ran(BASE))
    project.commit("Notebook")
    project.git("branch", "base")
    project.branch("topic", ran(THEIRS))
    project.branch("other", ran(OTHER))
    project.branch("main", ran(OURS))
    return project


@pytest.fixture
def merging(template: Merging, tmp_path: Path) -> Merging:
    """A copy of the template."""
    shutil.copytree(template.root, tmp_path / "p", symlinks=True)
    return Merging(tmp_path / "p")


def test_a_merge_brings_both_sides_and_the_outputs_whose_source_stands(merging: Merging) -> None:
    done = merging.run("merge", "--no-edit", "topic")
    assert done.returncode == 0, done.stdout + done.stderr
    assert merging.sources() == BOTH
    assert merging.outputs() == ["imports", "fit", "ours", "theirs"]
    assert merging.git("status", "--porcelain") == ""
    blob = merging.git("cat-file", "blob", "HEAD:nb.ipynb")
    assert "out of" not in blob
    assert merging.git("hash-object", "nb.ipynb") == merging.git("rev-parse", "HEAD:nb.ipynb")


def test_resolve_tells_how_a_notebook_is_resolved(merging: Merging) -> None:
    assert merging.run("merge", "other").returncode == 1
    for named in ((), ("nb.ipynb",)):
        done = merging.mlops("resolve", *named, "--ours")
        assert done.returncode == 3
        assert "nb.ipynb is a notebook" in done.stderr
        assert "git checkout --ours -- nb.ipynb" in done.stderr


def test_a_conflict_is_marked_in_its_cell_and_leaves_no_trace(merging: Merging) -> None:
    done = merging.run("merge", "other")
    assert done.returncode == 1
    assert "nb.ipynb: both sides changed cell 2 (load)." in done.stdout
    assert "Then: git add -- nb.ipynb" in done.stdout
    assert "CONFLICT (content): Merge conflict in nb.ipynb" in done.stdout
    assert merging.unmerged() == ["nb.ipynb"]
    assert merging.sources() == {**OURS, "load": MARKED}
    assert merging.outputs() == ["imports", "fit", "ours"]
    merging.edit("load", "x = 55\n")
    told = merging.run("add", "nb.ipynb")
    assert (told.returncode, told.stderr) == (0, "")
    merging.git("commit", "-q", "--no-edit")
    assert merging.sources() == {**OURS, "load": "x = 55\n"}
    assert merging.git("status", "--porcelain") == ""
    plain = merging.root.parent / "plain.ipynb"
    plain.write_bytes(ran({**OURS, "load": "x = 55\n"}))
    assert merging.git("hash-object", "--path=nb.ipynb", str(plain)) == merging.git(
        "rev-parse", "HEAD:nb.ipynb"
    )


def test_a_conflict_that_nobody_can_be_told_of_is_one_all_the_same(merging: Merging) -> None:
    with open("/dev/full", "wb") as full:
        env = {**os.environ, **IDENTITY}
        words = ["git", "merge", "other"]
        subprocess.run(words, cwd=merging.root, env=env, stdout=full, check=False)
    assert merging.sources() == {**OURS, "load": MARKED}


def test_what_no_longer_keeps_its_outputs_goes_stripped_into_git(merging: Merging) -> None:
    kept = {"metadata": {"tags": ["keep_output"]}}
    merging.git("switch", "-q", "-C", "base", "base")
    merging.write("nb.ipynb", ran(BASE, **kept))
    merging.commit("Kept")
    merging.git("switch", "-q", "-C", "topic", "base")
    merging.write("nb.ipynb", ran(BASE))
    merging.commit("Not kept")
    merging.git("switch", "-q", "-C", "main", "base")
    merging.write("nb.ipynb", ran(OURS, **kept))
    merging.commit("Run")
    assert merging.run("merge", "--no-edit", "topic").returncode == 0
    assert merging.git("show", "HEAD:nb.ipynb").count("out of") == 1


def test_marks_that_are_committed_are_told_everywhere(merging: Merging) -> None:
    merging.run("merge", "other")
    told = merging.run("add", "nb.ipynb").stderr
    assert "nb.ipynb has marks of a merge conflict in cell 2 (load)" in told
    merging.git("commit", "-q", "--no-edit")
    (finding,) = doctor(open_here(merging.root)).findings
    assert finding.code == "notebook-in-conflict"
    assert "nb.ipynb is in Git with marks of a merge conflict in cell 2 (load)" in finding.problem
    kept = snapshot(open_workspace(merging.root))
    assert kept.notebooks_in_conflict == ("nb.ipynb",)
    assert "nb.ipynb has marks of a merge conflict" in render_text(kept.describe(), width=100)
    merging.edit("load", "x = 1\n")
    merging.commit("Resolved")
    assert doctor(open_here(merging.root)).findings == ()
    assert snapshot(open_workspace(merging.root)).notebooks_in_conflict == ()


# --- Every command of Git that merges ------------------------------------------------------------


def test_rebase(merging: Merging) -> None:
    assert merging.run("rebase", "main", "topic").returncode == 0
    assert merging.sources() == BOTH
    assert merging.outputs() == ["imports", "fit", "ours", "theirs"]


def test_a_rebase_in_conflict_goes_on(merging: Merging) -> None:
    assert merging.run("rebase", "main", "other").returncode != 0
    assert merging.sources()["load"] == MARKED
    merging.edit("load", "x = 55\n")
    merging.git("add", "nb.ipynb")
    assert merging.run("rebase", "--continue").returncode == 0
    assert merging.sources() == {**OURS, "load": "x = 55\n"}


def test_cherry_pick_and_revert(merging: Merging) -> None:
    assert merging.run("cherry-pick", "topic").returncode == 0
    assert merging.sources() == BOTH
    assert merging.run("revert", "--no-edit", "HEAD~1").returncode == 0
    assert merging.sources() == THEIRS


def test_stash_pop(merging: Merging) -> None:
    merging.git("switch", "-q", "--detach", "base")
    merging.write("nb.ipynb", ran(THEIRS))
    merging.git("stash", "-q")
    merging.git("switch", "-q", "main")
    done = merging.run("stash", "pop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert merging.sources() == BOTH
    assert merging.outputs() == ["imports", "fit", "ours", "theirs"]


def test_a_conflict_can_be_had_again_or_decided_for_a_side(merging: Merging) -> None:
    merging.run("merge", "other")
    merging.write("nb.ipynb", ran({"all": "wrong"}))
    merging.git("checkout", "-m", "--", "nb.ipynb")
    assert merging.sources()["load"] == MARKED
    merging.git("checkout", "--theirs", "--", "nb.ipynb")
    assert merging.sources() == OTHER
    assert merging.outputs() == list(BASE)


def test_a_notebook_that_both_added_in_a_linked_worktree(merging: Merging, tmp_path: Path) -> None:
    path = "a folder/it's $(touch x) -n.ipynb"
    for name, side in (("topic", "theirs"), ("main", "ours")):
        merging.branch(name, ran({"a": "same\n", side: f"{side}\n"}), path)
    linked = Merging(merging.worktree(tmp_path / "linked", "main").root)
    done = linked.run("merge", "--no-edit", "topic")
    assert done.returncode == 0, done.stdout + done.stderr
    assert linked.sources() == BOTH
    assert linked.outputs() == ["imports", "fit", "ours", "theirs"]
    assert list(linked.sources(path)) == ["a", "ours", "theirs"]
    assert not list(tmp_path.rglob("x"))
    assert not list((merging.root / ".git").rglob("mlops-worktree/staging/*"))


def test_a_notebook_that_was_committed_with_outputs_keeps_them(merging: Merging) -> None:
    theirs = ran(THEIRS)
    merging.git("switch", "-q", "-C", "topic", "base")
    oid = merging.git("hash-object", "-w", "--no-filters", "--stdin", input=theirs.decode()).strip()
    merging.git("update-index", "--cacheinfo", f"100644,{oid},nb.ipynb")
    merging.git("commit", "-q", "-m", "Through a forge")
    merging.git("checkout", "-q", "-f", "main")
    assert merging.run("merge", "--no-edit", "topic").returncode == 0
    assert merging.sources() == BOTH
    assert "out of" not in merging.git("cat-file", "blob", "HEAD:nb.ipynb")
    assert merging.outputs() == ["imports", "fit", "ours", "theirs"]


def test_a_store_that_cannot_be_written_does_not_stop_a_merge(merging: Merging) -> None:
    theirs = ran({**THEIRS, "last": "1\n"})
    merging.git("switch", "-q", "-C", "topic", "base")
    oid = merging.git("hash-object", "-w", "--no-filters", "--stdin", input=theirs.decode()).strip()
    merging.git("update-index", "--cacheinfo", f"100644,{oid},nb.ipynb")
    merging.git("commit", "-q", "-m", "Through a forge")
    merging.git("checkout", "-q", "-f", "main")
    tmp = merging.root / ".git/mlops/tmp"
    shutil.rmtree(tmp, ignore_errors=True)
    tmp.write_text("in the way of staging")
    done = merging.run("merge", "--no-edit", "topic")
    assert done.returncode == 0, done.stderr
    assert "nb.ipynb is merged without outputs that Git had of it." in done.stderr
    assert merging.sources() == {**BOTH, "last": "1\n"}


# --- Without the driver --------------------------------------------------------------------------

BROKEN = {
    "the launcher is gone": "rm .git/mlops/launcher",
    "Python fails": "printf 'exit 1\\n' > .git/mlops/launcher",
    "Python is killed": "printf 'kill -9 $$\\n' > .git/mlops/launcher",
}


def without_filter(merging: Merging) -> None:
    """Take the filter away, which would need the same program as the driver."""
    merging.git("config", "--remove-section", "filter.mlops-notebook")
    merging.git("reset", "-q", "--hard")


@pytest.mark.parametrize("name", BROKEN)
def test_a_driver_that_cannot_run_leaves_gits_conflict(merging: Merging, name: str) -> None:
    """Also where Git's merge as text would be silent: nobody has looked whether it is right."""
    without_filter(merging)
    script = f"chmod u+w .git/mlops/launcher && {BROKEN[name]}"
    subprocess.run(["sh", "-c", script], cwd=merging.root, check=True)
    assert merging.run("merge", "topic").returncode == 1
    assert merging.unmerged() == ["nb.ipynb"]
    assert b"also new" in merging.read("nb.ipynb")
    assert b"x = 10" in merging.read("nb.ipynb")


def test_without_an_environment_it_is_said(merging: Merging) -> None:
    without_filter(merging)
    launcher = merging.root / ".git/mlops/launcher"
    launcher.chmod(0o644)
    launcher.write_text(launcher.read_text().replace("/__init__.py", "/gone.py"))
    done = merging.run("merge", "other", PATH="/usr/bin:/bin")
    assert done.returncode == 1
    assert "nor on PATH: nb.ipynb is merged as text." in done.stderr
    assert b"<<<<<<< ours\n" in merging.read("nb.ipynb")


def test_a_driver_that_is_killed_once_it_has_merged_leaves_a_conflict(merging: Merging) -> None:
    launcher = merging.root / ".git/mlops/launcher"
    launcher.rename(launcher.with_name("before"))
    launcher.write_text(
        'sh "${0%launcher}before" "$@"; status=$?\n'
        'if [ "$1" = notebook ]; then kill -9 $$; fi; exit $status\n'
    )
    assert merging.run("merge", "topic").returncode == 1
    launcher.with_name("before").replace(launcher)
    assert merging.unmerged() == ["nb.ipynb"]
    for line in (b"x = 10", b"z = 30", b"also new"):
        assert line in merging.read("nb.ipynb")


REFUSED = {
    "nbformat 3": (json.dumps(OLD, indent=1).encode(), "is of nbformat 3"),
    "emptied": (b"", "is empty"),
}


def test_a_side_that_is_no_notebook_is_gits_conflict_with_the_reason(merging: Merging) -> None:
    merging.branch("topic", b"{\n<<<<<<<\n")
    merging.git("switch", "-q", "main")
    done = merging.run("merge", "topic")
    assert done.returncode == 1
    assert "nb.ipynb is merged as text, as it is not JSON (theirs)." in done.stderr
    assert "Traceback" not in done.stderr
    assert merging.unmerged() == ["nb.ipynb"]
    assert merging.git("show", ":2:nb.ipynb") == merging.git("show", "main:nb.ipynb")
    merging.write("nb.ipynb", ran(BOTH))
    merging.commit("By hand")
    assert merging.sources() == BOTH


def drive(merging: Merging, *versions: bytes) -> subprocess.CompletedProcess[str]:
    """Run the driver on three versions; ours becomes the result."""
    names = ("base", "ours", "theirs")
    for name, version in zip(names, versions, strict=True):
        merging.write(name, version)
    return merging.mlops("notebook", "merge", "--", *names, "7", "-a\x1b\n.ipynb")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_merged_by_cells_stays_as_it_was(merging: Merging, name: str) -> None:
    theirs, why = REFUSED[name]
    done = drive(merging, ran(BASE), ran(OURS), theirs)
    assert done.returncode == 2
    assert f".ipynb is merged as text, as it {why}" in done.stderr
    assert "\x1b" not in done.stderr
    assert merging.read("ours") == ran(OURS)


def test_in_a_clone_without_the_settings_git_merges_as_text(merging: Merging) -> None:
    merging.git("config", "--remove-section", "merge.mlops-notebook")
    (finding,) = doctor(open_here(merging.root)).findings
    assert (finding.code, finding.mend) == ("merge-missing", "jupyter mlops init")
    assert merging.run("merge", "other").returncode == 1
    assert b"\n<<<<<<< HEAD\n" in merging.read("nb.ipynb")
    assert "notebooks" in merging.mlops("init").stdout
    merging.git("checkout", "-m", "--", "nb.ipynb")
    assert merging.sources()["load"] == MARKED


def test_a_big_notebook(merging: Merging, scale: int) -> None:
    picture = {"a.png": {"image/png": "A" * min(2_500_000 * scale, 50_000_000)}}
    big = {"attachments": picture, "cell_type": "markdown", "id": "big", "metadata": {}}

    def book(first: str, last: str) -> bytes:
        cells = [code(first, id="first"), big | {"source": "text"}, code(last, id="last")]
        return notebook_bytes(cells)

    done = drive(merging, book("a", "b"), book("a1", "b"), book("a", "b2"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert merging.sources("ours") == {"first": "a1", "big": "text", "last": "b2"}
