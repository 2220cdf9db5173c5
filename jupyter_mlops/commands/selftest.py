"""The command ``selftest``."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated

from jupyter_mlops.clock import Clock
from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.selftest_project import PARTS, TrialProject, decode_id, open_trial
from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Block, Document, Hint, Note, Table
from jupyter_mlops.errors import MlopsError, UsageError
from jupyter_mlops.git.own_process import OwnProcess
from jupyter_mlops.units import format_duration

_TOGETHER = len(PARTS)
_LONGEST_SECONDS = 1.2
"""About how long a snapshot or restore of the project takes; a kill comes before."""


@dataclass(frozen=True, slots=True)
class SelftestLine:
    """One sort of fault: how often it was tried, and what was lost, a sentence each."""

    fault: str
    tried: int
    losses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SelftestResult:
    """What a self-test tried on the file system of ``folder``; ``seed`` makes it try the same."""

    folder: str
    seconds: int
    seed: int
    lines: tuple[SelftestLine, ...]

    @property
    def exit_status(self) -> int:
        """1 when something was lost."""
        return int(any(line.losses for line in self.lines))

    def describe(self) -> Document:
        """Return the scoreboard."""
        rows = tuple((line.fault, line.tried, len(line.losses)) for line in self.lines)
        blocks: list[Block] = [Table(("fault", "tried", "lost"), rows)]
        losses = [loss for line in self.lines for loss in line.losses]
        where = f"in {self.folder}, {format_duration(self.seconds)}"
        if not losses:
            return Document((*blocks, Note(f"Nothing was lost ({where}).", "good")))
        blocks.append(Note(f"Something was lost ({where}); please report it.", "bad"))
        blocks += [Note(loss, "bad") for loss in losses[:10]]
        again = f"{PROGRAM} selftest --seed {self.seed} --seconds {self.seconds}"
        return Document((*blocks, Hint("Try the same again", again)))


def selftest(
    here: Here,
    folder: Annotated[
        Path,
        Arg("On whose file system to test; it is made when missing.", "DIR", complete="path"),
    ] = Path(),
    *,
    seconds: Annotated[int, Arg("For how long.", metavar="N")] = 60,
    seed: Annotated[int | None, Arg("Make the same choices as an earlier one.", "N")] = None,
) -> SelftestResult:
    """Kill, damage and hurry commands on this disk, and see whether anything is lost.

    The project is made in a new folder in DIR and removed at the end; nothing else is touched.
    Snapshots and restores are killed at random moments and done again, files of the store are
    damaged in every way and must be found out, and processes take snapshots at once. After each
    fault every snapshot must give back what it kept. The exit status is 1 when something was lost.
    """
    if seconds < 1:
        raise UsageError(f"--seconds is {seconds}, and must be 1 or more.", code="limit-invalid")
    chosen = secrets.randbits(31) if seed is None else seed
    shares: tuple[tuple[str, float, Callable[[TrialProject], list[str]]], ...] = (
        ("command killed", 0.55, _kill_one),
        ("file of the store damaged", 0.25, _damage_one),
        (f"{_TOGETHER} snapshots at once", 0.2, _hurry),
    )
    lines = []
    with (
        open_trial(here, here.cwd / folder, Random(chosen)) as project,
        here.progress.task("Testing", seconds, "seconds") as task,
    ):
        for fault, share, try_one in shares:
            watch = _Watch(here.clock, seconds * share)
            losses: list[str] = []
            tried = 0
            while not tried or not watch.is_over():
                losses += try_one(project)
                tried += 1
                task.advance(watch.whole_seconds())
            lines.append(SelftestLine(fault, tried, tuple(losses)))
    return SelftestResult(str(here.cwd / folder), seconds, chosen, tuple(lines))


class _Watch:
    """Tells when a stretch of time is over, and which seconds of it were not counted yet."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock.monotonic_seconds() + seconds
        self._counted = clock.monotonic_seconds()

    def is_over(self) -> bool:
        return self._clock.monotonic_seconds() >= self._end

    def whole_seconds(self) -> int:
        gone = int(self._clock.monotonic_seconds() - self._counted)
        self._counted += gone
        return gone


def _kill_one(project: TrialProject) -> list[str]:
    """Kill a snapshot or a restore at some moment, and do it again."""
    project.edit()
    before = project.state()
    target = project.random.choice(sorted(project.known))
    restores = project.random.random() < 0.4
    words = ("restore", target) if restores else ("snapshot", "--keep-mine", "--json")
    moment = project.random.uniform(0.05, _LONGEST_SECONDS)
    ended = OwnProcess(project.root, *words).wait(kill_after=moment)
    what = f"{words[0]}, killed after {moment:.3f} s" if ended.status < 0 else words[0]
    if ended.status > 0:
        return [f"{what}: {ended.said.decode(errors='replace').strip()}"]
    if ended.status == 0 and not restores:
        project.known[decode_id(ended.printed)] = before
    after = project.state()
    losses = []
    wanted = project.known[target] if restores else before
    for path in before.keys() | after.keys() | wanted.keys():
        if after.get(path) not in (before.get(path), wanted.get(path)):
            losses.append(f"{what}: {path} is neither as before nor as wanted")
    try:
        if restores:
            project.bring_back(target)
        else:
            project.keep()
    except MlopsError as error:
        return [*losses, f"{what}: the same again failed: {error.message}"]
    if project.state() != wanted:
        losses.append(f"{what}: the same again did not bring what was wanted")
    if restores and not project.keeps_all(before):
        losses.append(f"{what}: something that was overwritten is in no snapshot")
    return losses + _look_at_all(project, what)


def _damage_one(project: TrialProject) -> list[str]:
    """Damage a file of the store: it must be found, and nothing wrong be read."""
    path = project.random.choice(project.stored_files())
    is_cache = path.parent.name == "index"
    losses = []
    with project.damaged(path) as how:
        what = f"{how} in {path.name}"
        gone = is_cache and not path.exists()  # made anew from the packs, silently
        if check(project.open(), read_data=True).ok and not gone:
            losses.append(f"{what} was not found")
        for id in project.sample():
            try:
                found = project.read_snapshot(id)
            except MlopsError:
                continue
            if found != project.known[id]:
                losses.append(f"{what}: snapshot {id} was read wrongly")
    return losses + _look_at_all(project, f"after {what}")


def _hurry(project: TrialProject) -> list[str]:
    """Let several processes take snapshots at once, each of a part."""
    project.edit()
    before = project.state()
    running = [
        OwnProcess(project.root, "snapshot", part, "--keep-mine", "--json") for part in PARTS
    ]
    losses = []
    for part, ended in zip(PARTS, [process.wait() for process in running], strict=True):
        if ended.status != 0:
            losses.append(f"snapshot of {part}: {ended.said.decode(errors='replace').strip()}")
            continue
        id = decode_id(ended.printed)
        read = project.read_snapshot(id)
        mine = {path: hash for path, hash in before.items() if path.startswith(f"{part}/")}
        if mine != {path: hash for path, hash in read.items() if path.startswith(f"{part}/")}:
            losses.append(f"snapshot {id} of {part} does not keep it")
        project.known[id] = read
    return losses + _look_at_all(project, f"after {_TOGETHER} snapshots at once")


def _look_at_all(project: TrialProject, what: str) -> list[str]:
    """Return what is wrong with the project as a whole, and with some of its snapshots."""
    found = check(project.open())
    losses = [f"{what}: check found {one.what} {one.id}: {one.why}" for one in found.damaged]
    losses += [f"{what}: {path} was left behind" for path in project.leftovers()]
    for id in project.sample():
        if not project.gives_back(id):
            losses.append(f"{what}: snapshot {id} does not give back what it kept")
    return losses
