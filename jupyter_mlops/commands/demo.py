"""The command ``demo``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from jupyter_mlops.commands.demo_build import build_demo, open_demo
from jupyter_mlops.commands.diff import DiffResult, diff
from jupyter_mlops.commands.log import LogResult, log
from jupyter_mlops.commands.metrics_diff import MetricsDiffResult, metrics_diff
from jupyter_mlops.commands.metrics_history import MetricsHistoryResult, metrics_history
from jupyter_mlops.commands.plot_results import PlotsResult
from jupyter_mlops.commands.plots_diff import plots_diff
from jupyter_mlops.commands.pull import PullResult, pull
from jupyter_mlops.commands.push import PushResult, push
from jupyter_mlops.commands.restore import RestoreResult, restore
from jupyter_mlops.commands.runs_list import RunsListResult, runs_list
from jupyter_mlops.commands.runs_show import RunsShowResult, runs_show
from jupyter_mlops.commands.spec import Arg, Result
from jupyter_mlops.commands.status import StatusResult, status
from jupyter_mlops.commands.why import WhyResult, why
from jupyter_mlops.commands.workspace import Here, Workspace, open_workspace
from jupyter_mlops.document import Block, Document, Hint, Note
from jupyter_mlops.git.process import run_git, run_git_in
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.units import plural

METRIC = "metrics/cancer.json:accuracy"
OLD, NEW = "v1", "v2"
RUN, CURVE = "cancer", "loss"
FAST, SLOW = "boosting~1", "boosting"
"""Two commits of one idea, whose runs have a curve each."""

CHART = Path("history.html")


@dataclass(frozen=True, slots=True)
class DemoResult:
    """A demo project and a walk through it; ``made`` is false where it was there already.

    ``restored`` and ``state`` are of a linked worktree of the older version, ``pulled`` is of a
    colleague's clone; both are removed again.
    """

    folder: str
    made: bool
    commits: int
    history: MetricsHistoryResult
    chart: str
    snapshots: LogResult
    restored: RestoreResult
    state: StatusResult
    data: DiffResult
    metrics: MetricsDiffResult
    why: WhyResult
    runs: RunsListResult
    run: RunsShowResult
    plots: PlotsResult
    pushed: PushResult
    pulled: PullResult

    def describe(self) -> Document:
        """Return the walk: each command as it would be typed, and what it says."""
        did = "Made" if self.made else "Found"
        whole = plural(self.commits, "commit"), plural(len(self.snapshots.snapshots), "snapshot")
        go = f"cd {shlex.quote(self.folder)} && jupyter lab start-here.ipynb"
        return Document(
            (
                Note(f"{did} {self.folder}: {' and '.join(whole)}.", "good"),
                *_shown(f"jupyter mlops metrics history --metric {METRIC}", self.history),
                *_shown("jupyter mlops log", self.snapshots),
                *_shown("jupyter mlops push --all-branches", self.pushed),
                *_shown(f"git worktree add ../older {OLD} && cd ../older", None),
                *_shown("jupyter mlops restore", self.restored),
                *_shown("jupyter mlops status", self.state),
                *_shown(f"jupyter mlops diff {OLD} {NEW}", self.data),
                *_shown(f"jupyter mlops metrics diff {OLD} {NEW}", self.metrics),
                *_shown(f"jupyter mlops why {OLD} {NEW}", self.why),
                *_shown("jupyter mlops runs list --latest", self.runs),
                *_shown(f"jupyter mlops runs show {RUN}", self.run),
                *_shown(f"jupyter mlops plots diff {FAST} {SLOW} --plot {CURVE}", self.plots),
                *_shown("git clone . ../colleague && cd ../colleague", None),
                *_shown("jupyter mlops pull", self.pulled),
                Hint("Go on there", go),
            )
        )


def demo(
    here: Here,
    folder: Annotated[
        Path, Arg("The folder to make; it must be empty or not there.", "DIR", complete="path")
    ] = Path("mlops-demo"),
) -> DemoResult:
    """Make a project with real data and real runs to look at.

    Two data sets that come with scikit-learn, and notebooks that train on them in a kernel, on
    branches that are merged. Then it shows the metrics of all branches and the snapshots, pushes
    all data to a remote, a folder in DIR, restores and compares an older version, says why it is
    worse, shows runs and their curves, and pulls into a colleague's clone. Where DIR holds a demo
    already, only that is done.
    """
    root = here.cwd / folder
    found = open_demo(root)
    repo = found or build_demo(here, root)
    ws = open_workspace(repo.root, clock=here.clock, progress=here.progress)
    chart = repo.root / CHART
    pushed = push(ws, all_branches=True)
    with _open_older(repo, here) as older:
        restored = restore(older)
        state = status(older)
    with _open_colleague(repo, here) as colleague:
        pulled = pull(colleague)
    return DemoResult(
        folder=str(folder),
        made=found is None,
        commits=int(run_git(repo, "rev-list", "--count", "--branches")),
        history=metrics_history(ws, metric=(METRIC,), html=chart),
        chart=str(chart),
        snapshots=log(ws),
        restored=restored,
        state=state,
        data=diff(ws, OLD, NEW),
        metrics=metrics_diff(ws, OLD, NEW),
        why=why(ws, OLD, NEW),
        runs=runs_list(ws, latest=True),
        run=runs_show(ws, RUN),
        plots=plots_diff(ws, FAST, (SLOW,), plot=(CURVE,)),
        pushed=pushed,
        pulled=pulled,
    )


def _shown(command: str, result: Result | None) -> tuple[Block, ...]:
    return (Note(f"$ {command}", "quiet"), *(result.describe().blocks if result else ()))


@contextmanager
def _open_older(repo: Repository, here: Here) -> Iterator[Workspace]:
    """Yield a linked worktree of the older version, without its data; it is removed afterwards.

    Hooks would restore the data at once; they are left out, so that ``restore`` has it to do.
    """
    with TemporaryDirectory(prefix="mlops-demo-") as folder:
        place = Path(folder) / "older"
        without_hooks = ("-c", f"core.hooksPath={folder}")
        run_git(repo, *without_hooks, "worktree", "add", "--quiet", "--detach", str(place), OLD)
        try:
            yield open_workspace(place, clock=here.clock, progress=here.progress)
        finally:
            run_git_in(repo.root, "worktree", "remove", "--force", str(place))


@contextmanager
def _open_colleague(repo: Repository, here: Here) -> Iterator[Workspace]:
    """Yield a clone that has no data yet; it is removed afterwards."""
    with TemporaryDirectory(prefix="mlops-demo-") as folder:
        place = Path(folder) / "colleague"
        run_git_in(repo.root, "clone", "--quiet", "--no-hardlinks", "--", ".", str(place))
        yield open_workspace(place, clock=here.clock, progress=here.progress)
