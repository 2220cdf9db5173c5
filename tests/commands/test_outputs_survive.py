"""Outputs stay with the cells that made them, whatever real Git does with the notebook's code."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.notebooks.conftest import code, notebook_bytes
from tests.notebooks.test_secrets import AWS, stream
from tests.support.project import Project, make_project

pytestmark = pytest.mark.usefixtures("git_starts_forks")

NAMES = ("first", "second", "third")


def notebook(**sources: str) -> bytes:
    """Return a notebook of three cells that ran; those that are given have another source."""
    cells = []
    for name in NAMES:
        source = sources.get(name, f"{name} = 1") + "\n# by itself\n" * 5
        cells.append(code(source, id=name, outputs=[stream(f"{name} ran {source[:20]!r}\n")]))
    return notebook_bytes(cells)


def outputs(project: Project, path: str = "nb.ipynb") -> dict[str, str]:
    """Return what each cell shows; nothing for those that show nothing."""
    cells = json.loads(project.read(path))["cells"]
    return {
        cell["id"]: "".join(text for one in cell["outputs"] for text in one["text"])
        for cell in cells
    }


def ran(**sources: str) -> dict[str, str]:
    texts = {name: sources.get(name, f"{name} = 1") + "\n# by itself\n" * 5 for name in NAMES}
    return {name: f"{name} ran {source[:20]!r}\n" for name, source in texts.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on ``main``, which changed the first cell; ``topic`` changed the last one."""
    project = make_project(tmp_path_factory.mktemp("made") / "project")
    assert project.mlops("init").returncode == 0
    project.write("nb.ipynb", notebook())
    project.commit("Notebook")
    project.git("switch", "-q", "-c", "topic")
    project.write("nb.ipynb", notebook(third="third = 3"))
    project.commit("Third")
    project.git("switch", "-q", "main")
    project.write("nb.ipynb", notebook(first="first = 11"))
    project.commit("First")
    return project


@pytest.fixture
def parted(made: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    return Project(shutil.copytree(made.root, tmp_path / "project", symlinks=True))


BOTH = {"first": "first = 11", "third": "third = 3"}


def test_both_sides_keep_theirs(parted: Project) -> None:
    parted.git("cherry-pick", "topic")
    assert outputs(parted) == ran(**BOTH)
    parted.git("reset", "-q", "--hard", "HEAD~1")
    assert outputs(parted) == ran(first="first = 11")
    parted.git("switch", "-q", "topic")
    assert outputs(parted) == ran(third="third = 3")
    parted.git("rebase", "-q", "main")
    assert outputs(parted) == ran(**BOTH)
    assert parted.git("status", "--porcelain") == ""


def with_scratch(content: bytes, after: str) -> bytes:
    """Return a notebook with one cell more, which Git never sees, behind the cell ``after``."""
    tree = json.loads(content)
    place = [cell["id"] for cell in tree["cells"]].index(after) + 1
    tags = {"tags": ["scratch"]}
    shown = [stream(f"scratch behind {after}")]
    cell = code(f"look at {after}", id=f"scratch-{after}", metadata=tags, outputs=shown)
    tree["cells"].insert(place, cell)
    return notebook_bytes(tree["cells"])


def test_cells_that_are_dropped_by_their_tag_and_all_outputs_stay(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    assert project.mlops("init").returncode == 0
    project.git("config", "filter.nbstripout.clean", "nbstripout --drop-tagged-cells scratch")
    project.write("nb.ipynb", notebook())
    project.commit("Notebook")
    project.git("switch", "-q", "-c", "topic")
    project.write("nb.ipynb", with_scratch(notebook(third="third = 3"), "third"))
    project.commit("Third")
    project.git("switch", "-q", "main")
    project.write("nb.ipynb", with_scratch(notebook(first="first = 11"), "first"))
    project.commit("First")
    project.git("merge", "-q", "--no-edit", "topic")
    scratch = {f"scratch-{name}": f"scratch behind {name}" for name in ("first", "third")}
    assert outputs(project) == ran(**BOTH) | scratch
    assert list(outputs(project)) == ["first", "scratch-first", "second", "third", "scratch-third"]
    assert "scratch" not in project.git("show", "HEAD:nb.ipynb")
    assert project.git("status", "--porcelain") == ""
    tree = json.loads(project.read("nb.ipynb"))
    tree["cells"] = [cell for cell in tree["cells"] if cell["id"] != "second"]
    project.write("nb.ipynb", notebook_bytes(tree["cells"]))
    project.commit("Without the second")
    project.git("switch", "-q", "topic")
    project.git("switch", "-q", "main")
    assert list(outputs(project)) == ["first", "scratch-first", "third", "scratch-third"]


def test_a_stash_that_meets_other_code_keeps_its_outputs(parted: Project) -> None:
    parted.write("nb.ipynb", notebook(first="first = 11", second="second = 22"))
    parted.write("new.ipynb", notebook())
    parted.git("stash", "-q", "--include-untracked")
    assert outputs(parted) == ran(first="first = 11")
    parted.git("switch", "-q", "topic")
    parted.git("stash", "pop", "-q")
    assert outputs(parted) == ran(second="second = 22", third="third = 3")
    assert outputs(parted, "new.ipynb") == ran()


def test_a_run_that_shows_what_another_version_did_is_kept(parted: Project) -> None:
    failed = notebook(first="first = 11").replace(b"first ran", b"failed:")
    parted.write("nb.ipynb", failed)
    parted.git("add", "nb.ipynb")
    parted.git("diff", "topic", "main")
    parted.write("nb.ipynb", notebook(first="first = 11"))
    parted.git("add", "nb.ipynb")
    (parted.root / "nb.ipynb").unlink()
    parted.git("checkout", "--", "nb.ipynb")
    assert outputs(parted) == ran(first="first = 11")


def test_a_cell_whose_code_is_new_gets_nothing(parted: Project) -> None:
    lines = parted.git("show", "HEAD:nb.ipynb").replace("second = 1", "second = 5")
    env = {"GIT_INDEX_FILE": os.fspath(parted.root / ".git/other-index")}
    parted.git("read-tree", "HEAD", env=env)
    blob = parted.git("hash-object", "-w", "--stdin", input=lines).strip()
    parted.git("update-index", "--cacheinfo", f"100644,{blob},nb.ipynb", env=env)
    tree = parted.git("write-tree", env=env).strip()
    commit = parted.git("commit-tree", tree, "-p", "HEAD", "-m", "By a forge").strip()
    parted.git("merge", "-q", "--ff-only", commit)
    assert outputs(parted) == {**ran(first="first = 11"), "second": ""}


@pytest.fixture
def shared(parted: Project, tmp_path: Path) -> Project:
    """The project with a remote that has everything, both changes merged on ``main`` and run."""
    (tmp_path / "remote").mkdir()
    parted.write("mlops.toml", f'[remotes.shared]\nurl = "{(tmp_path / "remote").as_posix()}"\n')
    parted.git("merge", "-q", "--no-edit", "topic")
    parted.write("nb.ipynb", notebook(**BOTH))
    parted.commit("Run again")
    done = parted.mlops("push", "--all-branches", "--yes")
    assert done.returncode == 0, done.stderr
    return parted


def test_a_colleague_has_the_outputs_and_keeps_them(shared: Project, tmp_path: Path) -> None:
    for first in ([], ["init"]):
        clone = shared.clone(tmp_path / f"clone{len(first)}")
        clone.git("branch", "-q", "topic", "origin/topic")
        assert set(outputs(clone).values()) == {""}
        for words in (*first, "pull --yes --all-branches"):
            done = clone.mlops(*words.split())
            assert done.returncode == 0, done.stderr
        assert outputs(clone) == ran(**BOTH)
        assert clone.git("status", "--porcelain") == ""
    clone.git("switch", "-q", "topic")
    assert outputs(clone) == ran(third="third = 3")
    clone.git("switch", "-q", "main")
    assert outputs(clone) == ran(**BOTH)

    newer = notebook(second="second = 2").replace(b"first ran", b"first ran there")
    shared.write("nb.ipynb", newer)
    shared.commit("Second")
    assert shared.mlops("push").returncode == 0
    clone.git("switch", "-q", "topic")
    mine = notebook(third="third = 3").replace(b"first ran", b"first ran here")
    clone.write("nb.ipynb", mine)  # later, but of another version
    assert clone.mlops("status").returncode == 0
    clone.git("switch", "-q", "main")
    clone.git("pull", "-q")
    assert "first ran here" in outputs(clone)["first"]
    assert clone.mlops("status").returncode == 0
    assert clone.mlops("pull").returncode == 0
    assert "first ran there" in outputs(clone)["first"]


def test_a_named_notebook_gets_the_outputs_of_a_revision(parted: Project) -> None:
    edited = json.loads(notebook(first="first = 11", third="third = 4"))
    for cell in edited["cells"][1:]:
        cell["outputs"] = []
    parted.write("nb.ipynb", json.dumps(edited))
    parted.write("other.ipynb", notebook())
    done = parted.mlops("restore", "topic", "nb.ipynb", "--outputs")
    assert done.returncode == 0, done.stderr
    shown = {**ran(first="first = 11"), "third": ""}
    assert outputs(parted) == shown
    assert parted.git("diff").count("third = 4") == 1
    missing = parted.mlops("restore", "topic", "other.ipynb", "--outputs")
    assert missing.returncode == 3
    assert "other.ipynb" in missing.stderr


def test_outputs_that_the_store_does_not_take_are_not_overwritten(parted: Project) -> None:
    cells = json.loads(notebook(first="first = 11"))["cells"]
    cells[0]["outputs"] = [stream(AWS)]
    mine = parted.write("nb.ipynb", notebook_bytes(cells)).read_bytes()
    done = parted.mlops("restore", "topic", "nb.ipynb", "--outputs")
    assert done.returncode == 4
    assert "nb.ipynb has outputs that are not kept" in " ".join(done.stderr.split())
    assert parted.read("nb.ipynb") == mine


def test_secrets_stay_on_this_machine_unless_somebody_lets_them_go(shared: Project) -> None:
    shared.git("config", "mlops.allowSecrets", "true")
    loose = code("loose", id="loose", outputs=[stream(AWS)])
    tagged = code("tagged", id="t", outputs=[stream(AWS)], metadata={"tags": ["allow_secrets"]})
    shared.write("loose.ipynb", notebook_bytes([loose, tagged]))
    shared.write("tagged.ipynb", notebook_bytes([tagged]))
    shared.commit("Keys")
    pushed = shared.mlops("push")
    told = " ".join(pushed.stdout.split())
    assert pushed.returncode == 0
    assert "loose.ipynb has outputs that stay here" in told
    assert "AWS Access Key in cell 1 (loose)." in told
    assert "tagged.ipynb" not in told
    assert AWS not in pushed.stdout + pushed.stderr
    first, second = (
        json.loads(shared.mlops("push", "--json", *words).stdout)
        for words in ((), ("--allow-secrets",))
    )
    assert (first["chunks"], len(first["held_back"])) == (0, 1)
    assert (second["chunks"], second["held_back"]) == (1, [])
