"""A project with a long history, made by ``git fast-import``: commits, branches, snapshots."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jupyter_mlops.formats.snapshot import RECORD_PATH, SnapshotRecord, encode_snapshot_record
from jupyter_mlops.ids import new_snapshot_id
from tests.support.project import Project, make_project

FILE = "metrics/train.json"
BEGAN_SECONDS = 1_700_000_000
_STEP_SECONDS = 60
_MERGE_EVERY = 25


@dataclass(frozen=True, slots=True)
class HistorySize:
    """How much a project has of each; every commit changes all of its metrics."""

    commits_count: int = 10_000
    branches_count: int = 200
    metrics_count: int = 50
    snapshots_count: int = 2_000


def make_history(root: Path, size: HistorySize) -> Project:
    """Make the project; the same commits and values for the same size."""
    project = make_project(root)
    chance = random.Random(size.commits_count)
    commits = _import(project, _iter_commits(size, chance))
    taken = [commits[chance.randrange(len(commits))] for _ in range(size.snapshots_count)]
    _import(project, _iter_snapshots(taken, size.metrics_count, chance))
    project.git("reset", "--quiet", "--hard", "main")
    project.write("mlops.toml", "")
    return project


def add_commit(project: Project, size: HistorySize) -> None:
    """Commit one more on the current branch."""
    project.write(FILE, _values(size.metrics_count, random.Random(project.head())))
    project.git("add", FILE)
    project.git("commit", "--quiet", "-m", "One more")


def _import(project: Project, stream: Iterator[str]) -> list[str]:
    """Return the ids of the commits, in the order of their marks."""
    marks = project.root / ".git" / "marks"
    words = ("fast-import", "--quiet", f"--export-marks={marks}")
    project.git(*words, input="".join(stream))
    rows = (line.split() for line in marks.read_text("ascii").splitlines())
    by_mark = {int(mark[1:]): oid for mark, oid in rows}
    marks.unlink()
    return [by_mark[mark] for mark in sorted(by_mark)]


def _iter_commits(size: HistorySize, chance: random.Random) -> Iterator[str]:
    """Yield commits on branches that fork from the main one, which at times merges them."""
    main, on_main = 0, 0
    tips: dict[str, int] = {}
    for mark in range(1, size.commits_count + 1):
        at = mark % max(2, size.branches_count)
        branch = f"feature/{at:04}" if at and size.branches_count > 1 and mark > 1 else "main"
        if chance.random() < 0.3:
            branch = "main"
        parent = main if branch == "main" else tips.get(branch, main)
        yield f"commit refs/heads/{branch}\nmark :{mark}\n{_who(mark)}"
        yield _data(f"Train with seed {mark} on {branch}\n")
        yield f"from :{parent}\n" if parent else ""
        if branch == "main":
            on_main += 1
            if tips and on_main % _MERGE_EVERY == 0:
                yield f"merge :{chance.choice(list(tips.values()))}\n"
            main = mark
        else:
            tips[branch] = mark
        yield f"M 100644 inline {FILE}\n{_data(_values(size.metrics_count, chance))}"
        yield f"M 100644 inline src/train.py\n{_data(f'seed = {mark}')}"


def _iter_snapshots(bases: list[str], metrics_count: int, chance: random.Random) -> Iterator[str]:
    for mark, base in enumerate(bases, 1):
        made_at = datetime.fromtimestamp(BEGAN_SECONDS, UTC) + timedelta(days=30, seconds=mark)
        record = SnapshotRecord(
            id=new_snapshot_id(),
            created_at=made_at,
            base=base,
            message=f"Try {mark}",
            metrics={
                f"{FILE}:{name}": float(value)
                for name, value in json.loads(_values(metrics_count, chance)).items()
            },
        )
        yield f"commit refs/mlops/snapshots/{record.id}\nmark :{mark}\n{_who(mark)}"
        yield f"{_data('snapshot')}from {base}\n"
        yield f"M 100644 inline {RECORD_PATH}\n{_data(encode_snapshot_record(record).decode())}"


def _values(count: int, chance: random.Random) -> str:
    values = {"val_acc": chance.random()}
    values.update((f"part{at % 7}/loss{at:03}", chance.random()) for at in range(1, count))
    return json.dumps(dict(sorted(values.items())), indent=1) + "\n"


def _who(mark: int) -> str:
    name = f"Person {mark % 9}"
    return f"committer {name} <p@example.org> {BEGAN_SECONDS + mark * _STEP_SECONDS} +0000\n"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
