"""What the demo promises, looked at with plain Git, BLAKE3 and the data sets themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3
from PIL import Image
from sklearn.datasets import load_digits

from tests.support.project import Project
from tests.support.second_reader import read_pointer, read_record_pack, read_tree

pytestmark = [
    *(pytest.mark.demo, pytest.mark.slow),
    pytest.mark.usefixtures("git_starts_forks"),
]


def commits(project: Project, *options: str) -> list[str]:
    return project.git("rev-list", *options, "--branches").split()


def pointers(project: Project, revision: str) -> dict[str, dict[str, Any]]:
    """Return the pointer files that a commit holds, by the path they name."""
    names = project.git("ls-tree", "-r", "-z", "--name-only", revision).split("\0")
    return {
        name.removesuffix(".mlops"): read_pointer(
            project.git("show", f"{revision}:{name}").encode()
        )
        for name in names
        if name.endswith(".mlops")
    }


def trees(project: Project) -> dict[str, bytes]:
    """Return every folder manifest in the packs by its hash, read by the second reader."""
    packs = (project.root / ".git/mlops/packs").glob("*/*.pack")
    return {
        record["id"]: record["plain"]
        for pack in packs
        for record in read_record_pack(pack.read_bytes())
        if record["kind"] == "TREE"
    }


def hashes(pointer: dict[str, Any], path: str, manifests: dict[str, bytes]) -> dict[str, str]:
    """Return the hash of every file that a pointer names, by the file's path."""
    if pointer["kind"] == "file":
        return {path: pointer["hash"].removeprefix("blake3:")}
    if "manifest" in pointer:
        content = pointer["manifest"].removeprefix("blake3:")
        waiting = [(path, {"hash": content, "mode": "040000"})]
    else:
        waiting = [(f"{path}/{entry['path']}", entry) for entry in pointer["entries"]]
    found = {}
    while waiting:
        name, entry = waiting.pop()
        content = entry["hash"].removeprefix("blake3:")
        if entry["mode"] == "040000":
            inner = read_tree(manifests[content])
            waiting += [(f"{name}/{child['name']}", child) for child in inner]
        else:
            found[name] = content
    return found


def metrics(project: Project, revision: str) -> dict[str, float]:
    """Return the metrics that a commit holds, by full name."""
    names = project.git("ls-tree", "-r", "-z", "--name-only", revision, "metrics/").split("\0")
    return {
        f"{name}:{key}": value
        for name in names
        if name.endswith(".json")
        for key, value in json.loads(project.git("show", f"{revision}:{name}")).items()
    }


def test_the_project_has_a_history(demo: Project) -> None:
    assert len(commits(demo)) >= 12
    assert len(commits(demo, "--merges")) >= 2
    branches = demo.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    assert branches == ["boosting", "digits", "main", "trees"]


def test_nothing_is_left_to_commit(demo: Project) -> None:
    assert demo.git("status", "--porcelain") == ""
    states = json.loads(demo.mlops("status", "--json").stdout)["tracked"]
    assert {tracked["path"]: tracked["state"] for tracked in states} == {
        "data/cancer.csv": "clean",
        "data/digits": "clean",
        "models/cancer.json": "clean",
        "models/digits.npz": "clean",
    }


def test_the_notebooks_ran_and_git_holds_them_stripped(demo: Project) -> None:
    for path in demo.git("ls-files", "*.ipynb").split():
        ran = json.loads(demo.read(path))
        kept = json.loads(demo.git("show", f"HEAD:{path}"))
        code = [cell for cell in kept["cells"] if cell["cell_type"] == "code"]
        assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
        assert [cell["source"] for cell in kept["cells"]] == [c["source"] for c in ran["cells"]]
    shown = json.loads(demo.read("start-here.ipynb"))
    assert any(cell.get("outputs") for cell in shown["cells"])
    history = demo.git("log", "-p", "--branches", "--", "*.ipynb")
    assert not re.search(r'^\+.*"(execution_count": [0-9]|image/png|output_type)', history, re.M)


@pytest.mark.parametrize("path", ["data/cancer.csv", "models/cancer.json", "models/digits.npz"])
def test_a_pointer_names_the_blake3_of_the_file(demo: Project, path: str) -> None:
    pointer = read_pointer(demo.read(f"{path}.mlops"))
    assert pointer["hash"] == f"blake3:{blake3(demo.read(path)).hexdigest()}"
    assert pointer["size_bytes"] == len(demo.read(path))


def test_commits_can_be_restored_in_a_worktree(demo: Project, tmp_path: Path, scale: int) -> None:
    manifests = trees(demo)
    for commit in commits(demo) if scale > 1 else commits(demo)[::4]:
        linked = demo.worktree(tmp_path / commit, commit)
        done = linked.mlops("restore")
        assert done.returncode == 0, done.stderr
        wanted: dict[str, str] = {}
        for path, pointer in pointers(demo, commit).items():
            wanted |= hashes(pointer, path, manifests)
        assert wanted == {
            path.relative_to(linked.root).as_posix(): blake3(path.read_bytes()).hexdigest()
            for folder in ("data", "models")
            for path in (linked.root / folder).rglob("*")
            if path.is_file() and path.suffix != ".mlops" and path.name != ".gitignore"
        }
        demo.git("worktree", "remove", "--force", str(linked.root))


def test_the_pictures_come_back(linked: Project) -> None:
    assert not (linked.root / "data/digits").exists()
    done = linked.mlops("restore", "--json")
    assert json.loads(done.stdout)["written"] == 1797 + 2, done.stderr
    digits = load_digits()
    for number, (picture, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        part = "test" if number % 4 == 0 else "train"
        file = linked.root / f"data/digits/{part}/{digit}/{number:04}.png"
        assert np.array_equal(np.asarray(Image.open(file)), picture * 15)


def test_data_and_model_follow_the_branch(demo: Project) -> None:
    wide, narrow = 31, 21
    assert len(demo.read("data/cancer.csv").split(b"\n")[0].split(b",")) == narrow
    demo.git("switch", "-q", "trees")
    assert len(demo.read("data/cancer.csv").split(b"\n")[0].split(b",")) == wide
    assert json.loads(demo.read("models/cancer.json"))["kind"] == "trees"
    demo.git("switch", "-q", "main")
    assert json.loads(demo.read("models/cancer.json"))["kind"] == "boosting"
    assert demo.git("status", "--porcelain") == ""


def test_the_history_is_what_git_holds(demo: Project) -> None:
    history = json.loads(demo.mlops("metrics", "history", "--json").stdout)
    points = [point for point in history["points"] if point["snapshot"] is None]
    changed = {
        commit
        for commit in commits(demo)
        if metrics(demo, commit) != metrics(demo, first_parent(demo, commit))
    }
    assert {point["commit"] for point in points} == changed
    for point in points:
        assert point["values"] == metrics(demo, point["commit"])
    assert sorted(history["branches"]) == ["boosting", "digits", "main", "trees"]


def first_parent(project: Project, commit: str) -> str:
    """Return the first parent, or the empty tree before the first commit."""
    parents = project.git("rev-list", "--parents", "-n", "1", commit).split()[1:]
    return parents[0] if parents else project.git("hash-object", "-t", "tree", "/dev/null").strip()


def test_snapshots_stand_at_their_base(demo: Project) -> None:
    history = json.loads(demo.mlops("metrics", "history", "--json").stdout)
    drawn = {p["snapshot"]: p for p in history["points"] if p["snapshot"] is not None}
    kept = json.loads(demo.mlops("log", "--json").stdout)["snapshots"]
    with_metrics = [snapshot for snapshot in kept if snapshot["metrics"]]
    assert len(with_metrics) >= 12
    for snapshot in with_metrics:
        point = drawn[snapshot["id"]]
        commit = demo.git("rev-parse", f"refs/mlops/snapshots/{snapshot['id']}^").strip()
        assert point["commit"] == snapshot["base"] == commit
        assert point["values"] == snapshot["metrics"]


def test_the_walk_restored_and_compared(made: tuple[Project, dict[str, Any]]) -> None:
    demo, walk = made
    assert walk["made"] is True
    assert walk["restored"]["written"] == 1797 + 2
    assert {tracked["state"] for tracked in walk["state"]["tracked"]} == {"clean"}
    old, new = metrics(demo, "v1"), metrics(demo, "v2")
    changes = {change["name"]: change for change in walk["metrics"]["changes"]}
    accuracy = changes["metrics/cancer.json:accuracy"]
    assert (accuracy["old"], accuracy["new"]) == (
        old["metrics/cancer.json:accuracy"],
        new["metrics/cancer.json:accuracy"],
    )
    assert demo.git("worktree", "list", "--porcelain").count("worktree ") == 1


def test_the_walk_shows_why_and_the_curves_of_runs(made: tuple[Project, dict[str, Any]]) -> None:
    _, walk = made
    causes = {one["name"]: one["change"] for one in walk["why"]["differences"]}
    assert causes["model"] == "linear → boosting"
    assert {one["name"] for one in walk["runs"]["runs"]} == {"cancer", "digits"}
    assert {one["state"] for one in walk["runs"]["runs"]} == {"done"}
    stages = [len(trace["x"]) for plot in walk["plots"]["plots"] for trace in plot["traces"]]
    assert stages == [60, 200]
    assert len(walk["run"]["series"][0]["steps"]) == 200


def test_the_walk_pushed_all_and_a_colleague_pulled(made: tuple[Project, dict[str, Any]]) -> None:
    demo, walk = made
    assert (walk["pushed"]["remote"], walk["pushed"]["absent"]) == ("shared", 0)
    assert walk["pulled"]["written"] == 1797 + 3
    assert walk["pulled"]["outputs"] != []
    here = json.loads(demo.mlops("status", "--json").stdout)
    assert walk["state"]["not_pushed"] == here["not_pushed"] == 0


def test_a_clone_of_the_demo_can_be_pulled(demo: Project, tmp_path: Path) -> None:
    clone = demo.clone(tmp_path / "clone")
    done = clone.mlops("pull")
    assert done.returncode == 0, done.stderr
    for path in ("data/cancer.csv", "models/cancer.json", "models/digits.npz"):
        assert clone.read(path) == demo.read(path)


def test_the_chart_is_a_page_by_itself(made: tuple[Project, dict[str, Any]]) -> None:
    page = Path(made[1]["chart"]).read_text("utf-8")
    assert "Bokeh" in page
    assert "boosting" in page
    assert not re.search(r'<(script|link)[^>]+(src|href)="http', page)


def test_a_demo_that_is_there_is_only_shown(demo: Project) -> None:
    before = demo.git("for-each-ref"), demo.head(), demo.git("status", "--porcelain")
    again = demo.mlops("demo", ".", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["made"] is False
    assert (demo.git("for-each-ref"), demo.head(), demo.git("status", "--porcelain")) == before


def test_no_model_is_a_pickle(demo: Project, tmp_path: Path) -> None:
    for commit in ("v1", "v2", "trees"):
        linked = demo.worktree(tmp_path / commit, commit)
        linked.mlops("restore")
        json.loads(linked.read("models/cancer.json"))
        demo.git("worktree", "remove", "--force", str(linked.root))
    with np.load(demo.root / "models/digits.npz", allow_pickle=False) as weights:
        assert weights["weights"].shape == (64, 10)
