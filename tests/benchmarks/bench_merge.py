"""Merges of notebooks beside nbdime: ``python -m tests.benchmarks.bench_merge PROGRAM [COUNT]``.

PROGRAM is nbdime's ``git-nbmergedriver``; the same COUNT random merges (200 by default) are given
to it, to our driver and to ``git merge-file``, each started as Git starts it, a process a merge.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.workspace import open_here
from tests.support.notebook_merges import Merge, find_lost, lines_of, make_merge
from tests.support.project import Project, hermetic_environment, make_project

COUNT = 200
_VERSIONS = ("base", "ours", "theirs")


@dataclass(slots=True)
class Result:
    """What a tool made of the merges, each count a number of them."""

    silent: int = 0
    conflicts: int = 0
    needless: int = 0
    failed: int = 0
    invalid: int = 0
    lost: int = 0
    back: int = 0
    seconds: list[float] = field(default_factory=list)


ROWS = (
    ("merged silently", "silent"),
    ("left a conflict", "conflicts"),
    ("… where the sides had changed different cells", "needless"),
    ("ended with another error", "failed"),
    ("left a file that is no valid notebook", "invalid"),
    ("lost a line that a side had added, or none had deleted", "lost"),
    ("silently brought back a deleted line", "back"),
)


def main(words: Sequence[str]) -> None:
    """Print a table in Markdown."""
    program, count = words[0], int(words[1]) if len(words) > 1 else COUNT
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(hermetic_environment(Path(folder), os.environ))
        project = make_project(Path(folder) / "project")
        init(open_here(project.root))
        driver = project.git("config", "merge.mlops-notebook.driver")
        tools = {
            "ours": driver.strip(),
            "nbdime": f"{program} merge %O %A %B %L %P",
            "`git merge-file`": "git merge-file %A %O %B",
        }
        cases = [make_merge(seed) for seed in range(count)]
        results = [_measure(project, command, cases) for command in tools.values()]
    apart = sum(case.apart for case in cases)
    print(f"| of {count} merges, {apart} with changes of different cells | {' | '.join(tools)} |")
    print("|---|" + "---|" * len(tools))
    for title, name in ROWS:
        _print_row(title, (str(getattr(result, name)) for result in results))
    for title, choose in _TIMES:
        _print_row(title, (f"{choose(result.seconds):.2f} s" for result in results))


_TIMES: tuple[tuple[str, Callable[[list[float]], float]], ...] = (
    ("median time of a merge", statistics.median),
    ("longest", max),
)


def _print_row(title: str, cells: Iterable[str]) -> None:
    print(f"| {title} | {' | '.join(cells)} |")


def _measure(project: Project, command: str, cases: Sequence[Merge]) -> Result:
    result = Result()
    for name, value in zip("OABLP", (*_VERSIONS, "7", "nb.ipynb"), strict=True):
        command = command.replace(f"%{name}", value)
    for case in cases:
        for name in _VERSIONS:
            project.write(name, getattr(case, name))
        began = time.perf_counter()
        done = subprocess.run(
            ["sh", "-c", command], cwd=project.root, capture_output=True, check=False
        )
        result.seconds.append(time.perf_counter() - began)
        _judge(result, case, done.returncode, project.read("ours"))
    return result


def _judge(result: Result, case: Merge, status: int, merged: bytes) -> None:
    result.silent += status == 0
    result.conflicts += 0 < status < 128
    result.needless += 0 < status < 128 and case.apart
    result.failed += status >= 128
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            nbformat.validate(json.loads(merged))
        lines = list(lines_of(merged))
    except (ValueError, KeyError, nbformat.ValidationError, Warning):
        result.invalid += 1
        lines = merged.decode().splitlines()
        lines = [line.strip().strip(",").strip('"').removesuffix("\\n") for line in lines]
    lost, back = find_lost(case, lines)
    result.lost += bool(lost)
    result.back += bool(back) and status == 0 and case.ids


if __name__ == "__main__":
    main(sys.argv[1:])
