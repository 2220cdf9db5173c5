"""Histories of commits made up in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from jupyter_mlops.git.history import CommitFiles, FileChange
from jupyter_mlops.metrics.facts import Facts, SnapshotPoint
from jupyter_mlops.metrics.gather import Gatherer
from jupyter_mlops.metrics.history import History, Point, read_history

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Story:
    """Commits by name, each with the whole of its metrics files; their ids are their names."""

    commits: list[CommitFiles] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    states: dict[str, dict[str, str]] = field(default_factory=dict)
    dvc: bool = False

    def commit(
        self,
        name: str,
        *parents: str,
        minute: int | None = None,
        files: Mapping[str, object] | None = None,
        **metrics: float,
    ) -> str:
        """Add a commit; without ``files`` or metrics it has those of its first parent."""
        before = self.states[parents[0]] if parents else {}
        wanted: Mapping[str, object] = {"metrics/m.json": metrics} if metrics else files or {}
        state = dict(before) if files is None and not metrics else {}
        for path, content in wanted.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            oid = data.hex()
            self.blobs[oid] = data
            state[path] = oid
        changes = [
            FileChange("D" if path not in state else "M", path, state.get(path))
            for path in sorted({*before, *state})
            if before.get(path) != state.get(path)
        ]
        at = BEGIN + timedelta(minutes=len(self.commits) if minute is None else minute)
        self.states[name] = state
        self.commits.append(CommitFiles(name, parents, at, "Ada", f"About {name}", tuple(changes)))
        return name

    def read(
        self,
        snapshots: Sequence[SnapshotPoint] = (),
        *,
        loose: bool = True,
        branches: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        **named: str,
    ) -> History:
        """Return the history of the branches: those named, then ``branches``."""

        facts = Facts()
        gatherer = Gatherer(facts, dvc=self.dvc)
        gatherer.add_commits(self.commits)
        for blob in gatherer.unread():
            gatherer.add_content(blob, self.blobs[facts.blobs.oids[blob]])
        return read_history(
            facts,
            {**named, **(branches or {})},
            snapshots,
            lambda path: path.startswith("metrics/"),
            tags=tags,
            loose=loose,
        )


def snapshot(id: str, base: str | None, minute: int = 0, **metrics: float) -> SnapshotPoint:
    """Return a snapshot of ``base``."""
    values = {f"metrics/m.json:{name}": value for name, value in metrics.items()}
    return SnapshotPoint(id, None, base, BEGIN + timedelta(minutes=minute), None, values)


def grow(count: int, value: Callable[[int], float], metrics: int = 1) -> History:
    """Return a history of ``count`` commits on two branches that grow side by side."""
    points = []
    for at in range(count):
        branch = "feat" if at % 2 else "main"
        before = at - 2 if at >= 2 else (0 if at else None)
        point = Point(
            commit=f"{at:040x}",
            snapshot=None,
            branches=("main", "feat") if at == 0 else (branch,),
            committed_at=BEGIN + timedelta(hours=at),
            subject=f"Try number {at}",
            values={f"metrics/m.json:acc{n or ''}": value(at) for n in range(metrics)},
            author="Ada",
            parents=() if before is None else (before,),
            previous=before,
            tags=(f"v{at // 1000}",) if at % 1000 == 500 else (),
        )
        points.append(point)
    return History(("main", "feat"), tuple(points))


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def branched(story: Story) -> Story:
    """Main with a branch that is merged twice, and one that is merged and deleted."""
    story.commit("a", acc=0.1)
    story.commit("b", "a", acc=0.2)
    story.commit("f1", "b", acc=0.5)
    story.commit("g1", "b", acc=0.05)
    story.commit("docs", "b")
    story.commit("m1", "docs", "f1", acc=0.5)
    story.commit("f2", "f1", acc=0.6)
    story.commit("g2", "g1", acc=0.07)
    story.commit("m2", "m1", "g2", acc=0.55)
    story.commit("m3", "m2", "f2", acc=0.6)
    return story
