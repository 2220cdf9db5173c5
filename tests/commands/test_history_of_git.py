"""Every point of a history is what Git has there, whatever became of files and commits."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from jupyter_mlops.commands.metrics_history import MetricsHistoryResult, metrics_history
from jupyter_mlops.commands.workspace import open_workspace
from jupyter_mlops.formats.snapshot import RECORD_PATH, SnapshotRecord, encode_snapshot_record
from jupyter_mlops.ids import new_snapshot_id
from jupyter_mlops.metrics.known_facts import CACHE_FOLDER
from tests.support.project import Project, make_project

NAMES = ("a.json", "b.json", "deep/c.json", "ü ß/größe.json", "tab\there.json", "[1]*?.json")
KEYS = ("acc", "val.loss", "val/acc", "größe", "a.b.c", "x:y", "")
BROKEN = ('{"acc": 1', "<<<<<<< HEAD\n", '{"acc": 1}}', "[" * 2000, "\x00", "", "null", "[1]", "3")

Tree = dict[str, tuple[str, str]]
"""Mode and content by path."""


def read(project: Project) -> MetricsHistoryResult:
    return metrics_history(open_workspace(project.root))


def some_content(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.1:
        return chance.choice(BROKEN)
    values: dict[str, object] = {}
    for key in chance.sample(KEYS, chance.randrange(1, 5)):
        values[key] = chance.choice(
            [chance.randrange(9), chance.random(), -(2**70), 1e-300, True, None, "NaN", "a text"]
        )
    if chance.random() < 0.3:
        values["val"] = {"acc": chance.random(), "deep": {"er": 1}, "list": [1, 2]}
    return json.dumps(values, ensure_ascii=chance.random() < 0.5)


def change(tree: Tree, chance: random.Random) -> Tree:
    """Return what a commit makes of its first parent's files: in one of five it changes nothing."""
    after = dict(tree)
    there = sorted(after)
    kind = chance.random()
    path = "metrics/" + chance.choice(NAMES)
    if kind < 0.2:
        after["src/code.py"] = ("100644", str(chance.random()))
    elif kind < 0.3 and there:
        del after[chance.choice(there)]
    elif kind < 0.4 and there:
        after[path] = after.pop(chance.choice(there))
    elif kind < 0.45:
        after[path] = ("120000", "elsewhere.json")
    elif kind < 0.5:
        after = {name: one for name, one in after.items() if not name.startswith(path)}
        after[f"{path}/inner.json"] = ("100644", some_content(chance))
    elif kind < 0.55 and there:
        name = chance.choice(there)
        after[name] = ("100755" if after[name][0] == "100644" else "100644", after[name][1])
    else:
        after[path] = ("100644", some_content(chance))
    folders = {
        "/".join(name.split("/")[:n]) for name in after for n in range(1, name.count("/") + 1)
    }
    return {name: one for name, one in after.items() if name not in folders}


def iter_stream(count: int, chance: random.Random) -> Iterator[str]:
    """Yield what ``git fast-import`` takes: any graph, on a dozen branches."""
    trees: dict[int, Tree] = {}
    tips: dict[str, int] = {}
    for mark in range(1, count + 1):
        branch = f"b{chance.randrange(12)}"
        parents = []
        if trees and chance.random() > 0.02:
            parents = [tips.get(branch) or chance.choice(list(trees))]
            while chance.random() < 0.25:
                parents.append(chance.choice(list(trees)))
        parents = list(dict.fromkeys(parents))
        tree = trees[parents[0]] if parents else {}
        for other in parents[1:]:
            if chance.random() < 0.5:
                tree = trees[other]
        tree = change(tree, chance)
        when = 1_700_000_000 + chance.choice(
            [mark * 60, mark // 5 * 300, chance.randrange(count) * 60]
        )
        yield f"reset refs/heads/{branch}\n" if not parents else ""
        yield f"commit refs/heads/{branch}\nmark :{mark}\n"
        yield f"committer Ada <ada@example.org> {when} +0000\n{data(f'About {mark}')}"
        yield "".join(
            f"{'merge' if at else 'from'} :{parent}\n" for at, parent in enumerate(parents)
        )
        yield "deleteall\n"
        for path, (mode, content) in tree.items():
            yield f"M {mode} inline {quote(path)}\n{data(content)}"
        trees[mark] = tree
        tips[branch] = mark


def data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def quote(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


def flatten(path: str, content: bytes) -> dict[str, float]:
    """Return the numbers of a file by full name, shallow spellings first; broken ones have none."""
    try:
        level = [("", json.loads(content))]
    except (ValueError, RecursionError):
        return {}
    found: dict[str, float] = {}
    while level:
        deeper = []
        for prefix, table in level:
            for key, value in table.items() if isinstance(table, dict) else ():
                if isinstance(value, dict):
                    deeper.append((f"{prefix}{key}.", value))
                elif value == "NaN" or (
                    isinstance(value, int | float) and not isinstance(value, bool)
                ):
                    found.setdefault(f"{path}:{prefix}{key}", float(value))
        level = deeper
    return found


class Git:
    """What Git itself says of commits, asked file by file."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._values: dict[str, dict[str, float]] = {}

    def files(self, commit: str) -> dict[str, str]:
        """Return the blobs of metrics files by path."""
        rows = self.project.git("ls-tree", "-r", "-z", commit, "--", "metrics").split("\0")
        split = [row.split("\t", 1) for row in rows if row]
        return {
            path: said.split(" ")[2]
            for said, path in split
            if said.startswith("100") and path.endswith(".json")
        }

    def values(self, commit: str, files: Mapping[str, str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for path in sorted(files):
            blob = f"{path}\0{files[path]}"
            if blob not in self._values:
                shown = self.project.git("show", f"{commit}:{path}")
                self._values[blob] = flatten(path, shown.encode("utf-8", "surrogateescape"))
            found.update(self._values[blob])
        return found


def test_every_point_is_what_git_shows(tmp_path: Path, scale: int) -> None:
    count = min(1000, 100 * scale)
    chance = random.Random(1)
    project = make_project(tmp_path / "project")
    project.git("fast-import", "--quiet", input="".join(iter_stream(count, chance)))
    project.git("symbolic-ref", "HEAD", "refs/heads/b0")
    project.write("mlops.toml", "")
    git = Git(project)
    result = read(project)
    points = {point.commit: point for point in result.points}
    parents = {
        one: rest
        for one, *rest in map(
            str.split,
            project.git("rev-list", "--parents", "--topo-order", "--branches").splitlines(),
        )
    }
    files = {commit: git.files(commit) for commit in parents}
    changed = {
        commit for commit, of in parents.items() if files[commit] != (files[of[0]] if of else {})
    }
    assert points.keys() == changed
    broken: dict[str, set[str]] = {}
    for commit, point in points.items():
        assert commit is not None
        values = git.values(commit, files[commit])
        assert point.values.keys() == values.keys()
        assert [repr(float(value)) for value in point.values.values()] == [
            repr(values[name]) for name in point.values
        ]
        for path, blob in files[commit].items():
            if project_is_broken(git, commit, path):
                broken.setdefault(path, set()).add(blob)
    check_links(result, parents)
    for branch in result.branches:
        line = set(project.git("rev-list", "--first-parent", branch).split())
        assert {c for c, p in points.items() if branch in p.branches} == line & changed
    problems = {one.path: one.versions for one in result.problems if ".json:" not in one.path}
    assert problems == {path: len(blobs) for path, blobs in broken.items()}
    assert repr(read(project)) == repr(result)


def check_links(result: MetricsHistoryResult, parents: Mapping[str, list[str]]) -> None:
    """Compare what points grew from with what is found by going through all ancestors."""
    order = [one.commit or "" for one in result.points]
    at = {commit: number for number, commit in enumerate(order)}
    ancestors: dict[str, set[str]] = {}
    nearest: dict[str, set[str]] = {}
    before: dict[str, str | None] = {}
    for commit in reversed(list(parents)):
        above = parents[commit]
        ancestors[commit] = set(above).union(*(ancestors[one] for one in above))
        reached = set().union(*(nearest[one] for one in above))
        heads = {one for one in reached if not any(one in ancestors[two] for two in reached)}
        last = before[above[0]] if above else None
        if commit in at:
            point = result.points[at[commit]]
            assert {order[one] for one in point.parents} == heads
            assert (None if point.previous is None else order[point.previous]) == last
            assert all(one < at[commit] for one in point.parents)
            heads, last = {commit}, commit
        nearest[commit], before[commit] = heads, last


def project_is_broken(git: Git, commit: str, path: str) -> bool:
    try:
        json.loads(git.project.git("show", f"{commit}:{path}"))
    except (ValueError, RecursionError):
        return True
    return False


def cold(project: Project) -> MetricsHistoryResult:
    """Return the history as it is read where nothing was kept, and put back what was."""
    kept = project.root / ".git" / "mlops" / CACHE_FOLDER
    aside = kept.with_name("aside")
    if kept.exists():
        kept.rename(aside)
    result = read(project)
    shutil.rmtree(kept, ignore_errors=True)
    if aside.exists():
        aside.rename(kept)
    return result


class Walk:
    """A clone of a project, to both of which all may happen that Git can do."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.theirs = make_project(folder / "theirs")
        self.theirs.write("mlops.toml", "")
        for _ in range(6):
            self.commit(self.theirs)
        self.theirs.git("branch", "side", "HEAD~2")
        url = (folder / "theirs").as_uri()
        words = ("clone", "--quiet", "--no-single-branch", "--depth=2", url, "mine")
        Project(folder).git(*words)
        self.mine = Project(folder / "mine")
        self.minute = 0

    def steps(self) -> list[Callable[[], object]]:
        mine, theirs = self.mine, self.theirs
        return [
            lambda: self.commit(mine),
            lambda: self.commit(mine),
            lambda: self.commit(theirs),
            lambda: self.amend(mine),
            lambda: self.amend(theirs),
            lambda: self.rebase(),
            lambda: mine.git("switch", "--quiet", "--create", f"new{self.chance.random()}"),
            lambda: mine.git("switch", "--quiet", "main"),
            lambda: self.drop_branch(),
            lambda: self.merge(),
            lambda: self.collect(),
            lambda: mine.git(
                "fetch", "--quiet", "--force", "origin", "+main:refs/heads/their-main"
            ),
            lambda: mine.git("fetch", "--quiet", "--deepen=1"),
            lambda: mine.git("fetch", "--quiet", "--depth=1"),
            lambda: mine.git("fetch", "--quiet", "--depth=1000"),
            lambda: self.replace(),
            lambda: mine.git("replace", "-d", *mine.git("replace", "-l").split(), check=False),
            lambda: self.take_snapshot(),
            lambda: mine.git("pack-refs", "--all"),
        ]

    def commit(self, project: Project) -> None:
        path = self.chance.choice(["metrics/a.json", "metrics/b.json", "other.json", "dvc.yaml"])
        content = json.dumps({"acc": self.chance.random()})
        if path == "dvc.yaml":
            content = self.chance.choice(["metrics: [other.json]\n", "metrics: []\n"])
        project.write(path, content)
        project.commit(f"Changed {path}")

    def amend(self, project: Project) -> None:
        project.write("metrics/a.json", json.dumps({"acc": self.chance.random()}))
        project.git("add", "--all")
        project.git("commit", "--quiet", "--amend", "-m", f"Amended {self.chance.random()}")

    def rebase(self) -> None:
        words = ("rebase", "--quiet", "-X", "ours", "origin/main")
        self.mine.git("fetch", "--quiet")
        self.mine.git(*words, check=False)
        self.mine.git("rebase", "--abort", check=False)

    def merge(self) -> None:
        branches = self.mine.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        other = self.chance.choice(branches)
        words = ("merge", "--quiet", "--no-ff", "-X", "ours", "-m", f"Merged {other}", other)
        self.mine.git(*words, check=False)
        self.mine.git("merge", "--abort", check=False)

    def drop_branch(self) -> None:
        self.mine.git("switch", "--quiet", "main")
        branches = self.mine.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        others = [one for one in branches if one != "main"]
        if others:
            self.mine.git("branch", "--quiet", "-D", self.chance.choice(others))

    def collect(self) -> None:
        self.mine.git("reflog", "expire", "--expire=now", "--all")
        self.mine.git("gc", "--quiet", "--prune=now")

    def replace(self) -> None:
        commits = self.mine.git("rev-list", "--branches").split()
        self.mine.git("replace", "--force", *self.chance.sample(commits, 2), check=False)

    def take_snapshot(self) -> None:
        self.minute += 1
        record = SnapshotRecord(
            id=new_snapshot_id(),
            created_at=datetime(2026, 1, 1, 12, self.minute % 60, tzinfo=UTC),
            base=self.mine.head(),
            metrics={"metrics/a.json:acc": self.chance.random()},
        )
        encoded = encode_snapshot_record(record).decode()
        stream = f"commit refs/mlops/snapshots/{record.id}\ncommitter A <a@b> 1 +0000\ndata 1\nx\n"
        stream += f"from {record.base}\nM 644 inline {RECORD_PATH}\n{data(encoded)}"
        self.mine.git("fast-import", "--quiet", input=stream)


def test_what_was_kept_never_shows(tmp_path: Path, scale: int) -> None:
    walk = Walk(tmp_path, seed=3)
    steps = walk.steps()
    order = [*walk.chance.sample(steps, len(steps))]
    order += walk.chance.choices(steps, k=50 * (scale - 1))
    for step in order:
        step()
        warm = read(walk.mine)
        assert warm == cold(walk.mine)


def test_many_may_read_at_once(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    project.git("fast-import", "--quiet", input="".join(iter_stream(60, random.Random(2))))
    project.git("symbolic-ref", "HEAD", "refs/heads/b0")
    project.write("mlops.toml", "")
    with ThreadPoolExecutor(6) as threads:
        found = set(threads.map(lambda _: repr(read(project)), range(12)))
    assert len(found) == 1
    kept = project.root / ".git" / "mlops" / CACHE_FOLDER
    assert [path.suffix for path in kept.iterdir()] == [".facts"]
