"""Running a scenario with a fault in it, and judging what it leaves."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.crash.errors import ERRORS
from tests.crash.judge import (
    REMOTE,
    State,
    check_done,
    check_gone,
    check_left_clean,
    check_manners,
    check_nothing_lost,
    check_remote_gives_all,
    check_remote_names,
    leftovers,
    read_state,
)
from tests.crash.runner import OURS, Counted, Outcome, Runner
from tests.crash.scenarios import Bases, Scenario
from tests.support.data_project import DataProject
from tests.support.system_calls import SYNCS, Call, Fault

_T = TypeVar("_T")

_TYPING_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario's project, and what the command makes of it without a fault."""

    scenario: Scenario
    start: Path
    before: State
    after: State
    calls: tuple[Call, ...]


class Cutter:
    """Runs scenarios in copies of their projects."""

    def __init__(self, folder: Path, runner: Runner) -> None:
        self.folder = folder
        self.runner = runner
        self._bases = Bases(folder / "bases", runner)
        self._prepared: dict[str, Prepared] = {}
        self._remotes: set[int] = set()
        self._count = 0

    def prepare(self, scenario: Scenario) -> Prepared:
        """Make the scenario's project once, and run its command once without a fault."""
        if scenario.name in self._prepared:
            return self._prepared[scenario.name]
        start = self.folder / scenario.name.replace(" ", "-")
        project = self._bases.copy(scenario.base, start)
        scenario.build(project, self.runner)
        with self.copy(start) as copy:
            before = read_state(copy, damaged=scenario.damaged)
            done = self.runner.run(copy, scenario.command, counted="changes")
            assert done.status == 0, done.told
            outside = [call for call in done.calls if not call.path.startswith(str(copy))]
            assert outside == [], "it writes outside of the project"
            if scenario.is_ours:
                locks = [call for call in done.calls if _locks_index(call)]
                assert locks == [], "Git would leave the lock of the index when it is killed"
            found = Prepared(scenario, start, before, read_state(copy), done.calls)
        self._prepared[scenario.name] = found
        return found

    @contextmanager
    def copy(self, start: Path) -> Iterator[Path]:
        """Yield a copy of a project, which is removed afterwards."""
        self._count += 1
        target = self.folder / f"copy-{self._count}"
        copy_project(start, target)
        try:
            yield target
        finally:
            shutil.rmtree(target)

    def count_reads(self, prepared: Prepared) -> list[int]:
        """Return the numbers of those calls by which the command reads files of the project."""
        with self.copy(prepared.start) as root:
            done = self.runner.run(root, prepared.scenario.command, counted="reads")
        return [
            number
            for number, call in enumerate(done.calls, 1)
            if call.by.startswith("python") or not prepared.scenario.ours_only
        ]

    def check(self, prepared: Prepared, fault: Fault, counted: Counted = "changes") -> Outcome:
        """Run the command with ``fault`` and judge what it leaves, then run it again and judge.

        Raises:
            AssertionError: something was lost, or the command cannot be run again.
        """
        with self.copy(prepared.start) as root:
            command = prepared.scenario.command
            outcome = self.runner.run(root, command, fault=fault, counted=counted)
            try:
                self._judge(prepared, root, outcome, fault)
            except AssertionError as error:
                said = outcome.told.strip()
                raise AssertionError(
                    f"{prepared.scenario.name}, {fault}, hit {outcome.hit}: {error}\n{said}"
                ) from error
        return outcome

    def _judge(self, prepared: Prepared, root: Path, outcome: Outcome, fault: Fault) -> None:
        scenario, before, after = prepared.scenario, prepared.before, prepared.after
        if scenario.is_ours:
            check_manners(outcome)
        let_time_pass(root)
        now = read_state(root, statuses=False, damaged=scenario.damaged)
        check_nothing_lost(now, before, after, scenario.data, scenario.passing)
        if not scenario.remote_damaged:
            check_remote_names(root)
        complained = scenario.complaint and re.search(scenario.complaint, outcome.told)
        if outcome.status == 0 and not complained and not _was_hidden(scenario, outcome):
            check_done(read_state(root), after, outcome)
            check_gone(root, scenario.gone)
            failed = outcome.hit if fault.how == "fail" else None
            if failed is not None and failed.name in SYNCS and not _may_be_lost(failed):
                assert fault.error not in ERRORS[failed.name], "it passed over what was not synced"
        again = self.runner.run(root, scenario.again or scenario.command)
        if scenario.is_ours:
            check_manners(again)
        self._judge_again(prepared, root, again)
        if scenario.damaged:
            self.runner.ours(root, "check", "--read-data")
        if not scenario.is_ours:
            self.runner.run(root, (OURS, "snapshot"))  # Git may have had nothing for us to do
        check_left_clean(root)
        if (root / REMOTE).exists():
            self._judge_remote(root)

    def _judge_remote(self, root: Path) -> None:
        """Judge what the remote gives, where not the same remote was judged beside this project."""
        here = DataProject(root)
        files, stored = (frozenset(here.files(folder).items()) for folder in ("", REMOTE))
        seen = hash((here.head(), files, stored))
        if seen in self._remotes:
            return
        clone = self.folder / "clone"
        try:
            check_remote_gives_all(root, clone, self.runner)
        finally:
            shutil.rmtree(clone, ignore_errors=True)
        self._remotes.add(seen)

    def _judge_again(self, prepared: Prepared, root: Path, again: Outcome) -> None:
        scenario, before, after = prepared.scenario, prepared.before, prepared.after
        left = leftovers(root) if scenario.is_ours and again.status == 0 else []
        assert not left, f"left behind: {left}"
        now = read_state(root)
        check_nothing_lost(now, before, after, scenario.data, scenario.passing)
        if again.status != 0:
            assert scenario.repeated, again.told
        if scenario.back_and_forth and now.files == before.files:
            assert now.tracked == before.tracked
            return
        check_done(now, after, again)
        check_gone(root, scenario.gone)


def _may_be_lost(call: Call) -> bool:
    """Return whether a call is about what no success promises.

    A note of damage, which others get as far as it can be put; what is remembered of remotes.
    """
    return f"{REMOTE}/damaged" in call.path or call.path.endswith("/.git/mlops/remotes")


def copy_project(start: Path, target: Path) -> None:
    """Copy a project; a setting that names a folder of it names that of the copy there."""
    shutil.copytree(start, target, symlinks=True)
    settings = target / ".git/config"
    settings.write_text(settings.read_text().replace(f"{start}/", f"{target}/"))


def let_time_pass(root: Path) -> None:
    """Make locks of Git as old as they are once somebody has typed the next command."""
    for lock in (root / ".git").rglob("*.lock"):
        os.utime(lock, (time.time() - _TYPING_SECONDS,) * 2)


def _locks_index(call: Call) -> bool:
    return call.by.startswith("git") and call.path.endswith("/.git/index.lock")


def _was_hidden(scenario: Scenario, outcome: Outcome) -> bool:
    """Return whether a process of ours was killed beneath a program that goes on without it."""
    return scenario.ours_only and bool(scenario.again) and "Killed" in outcome.told


def points_of(prepared: Prepared, names: frozenset[str]) -> list[int]:
    """Return the numbers of those calls of the command that are called one of ``names``."""
    ours_only = prepared.scenario.ours_only
    return [
        number
        for number, call in enumerate(prepared.calls, 1)
        if call.name in names and (call.by.startswith("python") or not ours_only)
    ]


def count_of(scale: int, quick: int, deep: int) -> int:
    """Return how many faults to try: ``quick`` with a change, a multiple of ``deep`` else."""
    return quick if scale == 1 else scale * deep


def spread(points: Sequence[_T], count: int) -> list[_T]:
    """Return ``count`` of ``points``, evenly chosen; all of them when there are not more.

    Each is the one in the middle of an equal part of them.
    """
    if len(points) <= count:
        return list(points)
    return [points[(2 * number + 1) * len(points) // (2 * count)] for number in range(count)]
