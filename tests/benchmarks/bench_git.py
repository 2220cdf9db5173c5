"""What talking to Git costs: ``python -m tests.benchmarks.bench_git [FILES]``."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from jupyter_mlops.git.commits import commit_tree
from jupyter_mlops.git.history import iter_history, list_branches
from jupyter_mlops.git.refs import update_refs
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.staging import stage_paths
from jupyter_mlops.git.state_tree import write_state_tree
from jupyter_mlops.git.trees import open_tree
from tests.support.project import Project, hermetic_environment, make_project

RUNS_COUNT = 7
FILES_A_FOLDER = 100
COMMITS_COUNT = 300


def main(files_count: int) -> None:
    """Print each figure; the state tree's as a ratio to ``git status`` with its limit."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(hermetic_environment(Path(folder), os.environ))
        project = _make_project(Path(folder) / "project", files_count)
        repo = open_repository(project.root)
        _print_calls(repo)
        _print_state_tree(project, repo, files_count)
        _print_history(repo)


def _make_project(root: Path, files_count: int) -> Project:
    project = make_project(root)
    for number in range(files_count):
        folder = number // FILES_A_FOLDER
        project.write(f"d{folder // 50}/s{folder}/f{number}.py", f"number = {number}\n")
    project.commit("Files")
    begin = "from refs/heads/main^0\n"
    script = []
    for number in range(COMMITS_COUNT):
        content = f"{number:06}"
        script.append(
            f"commit refs/heads/main\ncommitter A <a@b> {1_700_000_000 + number} +0000\n"
            f"data 1\nx\n{begin}M 100644 inline metrics/a.json\ndata 6\n{content}\n"
        )
        begin = ""
    project.git("fast-import", "--quiet", input="".join(script))
    project.git("reset", "--quiet", "--hard")
    # A file that is not older than the index is compared by its content.
    for path in project.git("ls-files").splitlines():
        os.utime(root / path, ns=(10**18, 10**18))
    project.git("update-index", "--refresh", "-q")
    return project


def _print_calls(repo: Repository) -> None:
    _print("open_repository", _median(lambda: open_repository(repo.root)))
    _print("head", _median(lambda: head(repo)))


def _print_state_tree(project: Project, repo: Repository, files_count: int) -> None:
    status = _median(
        lambda: subprocess.run(["git", "status"], cwd=repo.root, capture_output=True, check=True)
    )
    _print(f"git status, {files_count:,} files", status)
    unchanged = _median(lambda: _write_state(repo))
    _print("write_state_tree, unchanged", unchanged, f"{unchanged / status:.2f} × status (≤ 2)")
    for number in range(100):
        project.write(f"new/{number}.txt", str(number))
    first = _time(lambda: _write_state(repo))
    _print("write_state_tree, 100 new files", first)
    _print("… and once more", _median(lambda: _write_state(repo)))
    _print("snapshot's commit and reference", _median(lambda: _commit_state(repo)))
    _print("stage_paths, 1 file", _median(lambda: _stage(project, repo)))


def _print_history(repo: Repository) -> None:
    tips = list(list_branches(repo).values())
    _print(
        f"iter_history, {COMMITS_COUNT} commits",
        _median(lambda: iter_history(repo, tips, ["metrics/**/*.json"])),
    )
    tree = open_tree(repo, tips[0])
    _print("open_tree, listed", _time(lambda: list(tree.iter_paths())))
    paths = list(tree.iter_paths())[:1000]
    _print("read_many, 1,000 files", _median(lambda: list(tree.read_many(paths))))


def _write_state(repo: Repository) -> str:
    return write_state_tree(
        repo,
        extra={".mlops/snapshot.json": os.urandom(16)},
        file_limit_bytes=10**7,
        untracked_limit_bytes=10**8,
    ).tree


def _commit_state(repo: Repository) -> None:
    commit = commit_tree(repo, "HEAD^{tree}", [], os.urandom(8).hex(), datetime.now(UTC))
    update_refs(repo, [(f"refs/mlops/snapshots/{commit}", commit, None)])


def _stage(project: Project, repo: Repository) -> None:
    project.write("staged", os.urandom(8))
    stage_paths(repo, ["staged"])


def _median(work: Callable[[], object]) -> float:
    work()
    return statistics.median(_time(work) for _ in range(RUNS_COUNT))


def _time(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _print(what: str, seconds: float, more: str = "") -> None:
    print(f"{what:<34}{seconds * 1000:9.1f} ms  {more}".rstrip(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
