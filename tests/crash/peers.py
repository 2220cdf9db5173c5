"""Ours and other tools under the same faults; ``python -m tests.crash.peers``.

A project lies on a disk of its own and was kept once. The user changes files and syncs them, so
that they are durable, and runs the tool's command. The command is killed at one of its system
calls, or ends with status 0; in all experiments but the first the disk loses power then. Each round
begins with the same image of the disk, and each question is put to a copy of what the fault left.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from tests.crash.cutting import spread
from tests.crash.runner import Runner
from tests.support.disks import Disk, Kind, make_disk
from tests.support.project import IDENTITY, hermetic_environment
from tests.support.system_calls import Fault

Files = dict[str, bytes]

SIZES = {
    **{"data/a.csv": 100, "data/b.csv": 5_000, "data/sub/c.csv": 40_000},
    **{"data/table.csv": 2 << 20, "model.bin": 20 << 20},
}
"""What is kept; the largest is big enough to be cloned where a tool can."""

Power = Literal["stays", "goes", "goes, journal first"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool, as scripts of the shell that are run in the project.

    Attributes:
        name: what it is called in the table.
        version: tells which version it is.
        begin: sets it up and keeps the files, as the version called ``old``.
        keep: keeps the files as they are now; the command under test.
        again: the same, where there may be nothing left to do.
        old: brings back the earlier version.
        new: brings back the newest version.
        check: its own check, with status 0 where it finds nothing wrong.
        by_hand: what a user can do to help it on: takes away locks, caches and empty objects.
        out: where versions are brought back to.
        rounds: how many times as many rounds as asked for it gets.
    """

    name: str
    version: str
    begin: str
    keep: str
    again: str
    old: str
    new: str
    check: str
    by_hand: str
    out: str = "."
    rounds: int = 1


def _ours() -> Tool:
    clear = "rm -rf data model.bin; "
    return Tool(
        name="jupyter mlops snapshot",
        version="jupyter mlops --version",
        begin="git init -q && jupyter mlops init && git add train.py mlops.toml .git?* && "
        "git commit -qm first && "
        "jupyter mlops snapshot data model.bin --name old && git add -A && git commit -qm old",
        keep="jupyter mlops snapshot",
        again="jupyter mlops snapshot",
        old=clear + "jupyter mlops restore old",
        new=clear + "jupyter mlops restore",
        check="jupyter mlops check --read-data",
        by_hand="true",
        rounds=2,
    )


def _dvc(name: str, settings: str) -> Tool:
    clear = "rm -rf data model.bin; "
    return Tool(
        name=name,
        version="echo dvc $(dvc --version)",
        begin=f"git init -q && dvc init -q && {settings} && dvc add -q data model.bin && "
        "git add -A && git commit -qm old && git tag old",
        keep="dvc add data model.bin",
        again="dvc add data model.bin",
        old=clear + "git checkout -q old -- data.dvc model.bin.dvc && dvc checkout --force",
        new=clear + "dvc checkout --force",
        check='said=$(dvc status) && echo "$said" && echo "$said" | grep -q \'up to date\'',
        by_hand="rm -rf .dvc/tmp ../site; find .dvc/cache -type f -size 0 -delete",
    )


def _git_lfs(name: str, settings: str) -> Tool:
    back = (
        "rm -rf ../out ../index; mkdir ../out && "
        "GIT_INDEX_FILE=../index git --work-tree=../out checkout --force {} -- ."
    )
    return Tool(
        name=name,
        version="git --version && git lfs version",
        begin=f"git init -q && {settings} && git lfs install --local && "
        "git lfs track '*.csv' '*.bin' && git add -A && git commit -qm old && git tag old",
        keep="git add -A && git commit -qm new",
        again="git add -A && { git diff --cached --quiet HEAD || git commit -qm new; }",
        old=back.format("old"),
        new=back.format("HEAD"),
        check="git fsck && git lfs fsck",
        by_hand="find .git -name '*.lock' -delete; git ls-files > ../names || rm -f .git/index; "
        "find .git/objects .git/lfs/objects -type f -size 0 -delete",
        out="../out",
        rounds=2,
    )


def _restic() -> Tool:
    return Tool(
        name="restic backup",
        version="restic version",
        begin="restic init && restic backup --tag old .",
        keep="restic backup .",
        again="restic backup .",
        old="rm -rf ../out; restic restore latest --tag old --target ../out",
        new="rm -rf ../out; restic restore latest --target ../out",
        check="restic check --read-data",
        by_hand="restic unlock; rm -rf ~/.cache/restic",
        out="../out",
        rounds=2,
    )


TOOLS = {
    "ours": _ours(),
    "restic": _restic(),
    "lfs": _git_lfs("git add, git commit with git-lfs", "true"),
    "lfs-fsync": _git_lfs("the same with core.fsync=all", "git config core.fsync all"),
    "dvc": _dvc("dvc add", "true"),
    "dvc-copy": _dvc("dvc add with cache.type=copy", "dvc config cache.type copy"),
}


@dataclass(slots=True)
class Counts:
    """How many rounds there were, and in how many of them something was wrong.

    Attributes:
        rounds: those in which the fault came about.
        files: a file of the user is missing or is not what the user wrote.
        lost: besides, what it held lies nowhere in the project, under no other name either.
        old: the earlier version does not come back, even with help by hand.
        undone: the command said that it was done, but the tool only knows the earlier version.
        new: the command said that it was done, but neither version comes back as the newest.
        refused: the same command again fails.
        stuck: it fails even with help by hand.
        unkept: the same command again says that it is done, but what it kept does not come back.
        unnoticed: something is damaged, and the tool's own check finds nothing wrong.
    """

    rounds: int = 0
    files: int = 0
    lost: int = 0
    old: int = 0
    undone: int = 0
    new: int = 0
    refused: int = 0
    stuck: int = 0
    unkept: int = 0
    unnoticed: int = 0


class Trial:
    """One tool on one disk."""

    def __init__(self, tool: Tool, disk: Disk, runner: Runner, place: Path) -> None:
        self.tool = tool
        self.disk = disk
        self.runner = runner
        self._before, self._after = place / "before.image", place / "after.image"
        for folder in ("home", "project"):
            (disk.folder / folder).mkdir()
        rng = random.Random("old")
        self._old = {path: rng.randbytes(size) for path, size in SIZES.items()}
        self._write(self._old | {"train.py": b"print()\n"})
        done = self._run(tool.begin)
        assert done.returncode == 0, done.stdout
        self._save(self._before)
        self._change("kill")
        done_whole = runner.run(self.root, ("sh", "-c", tool.keep), counted="changes")
        assert done_whole.status == 0, done_whole.told
        self.calls = len(done_whole.calls)
        print(f"{tool.name}: {self.calls} calls", file=sys.stderr)

    @property
    def root(self) -> Path:
        """Where the project is."""
        return self.disk.folder / "project"

    def kill(self, count: int, power: Sequence[Power], note: str) -> Counts:
        """Kill the command at ``count`` of its system calls; ``power`` takes turns."""
        counts = Counts()
        points = spread(range(1, self.calls + 1), count)
        for number, point in enumerate(points):
            new = self._change("kill")
            done = self.runner.run(self.root, ("sh", "-c", self.tool.keep), fault=Fault(point))
            if done.hit is not None:
                words = f"{note}, call {point} of {self.calls}, {done.hit.name} {done.hit.path}"
                self._judge(counts, new, power[number % len(power)], False, words)
        return counts

    def succeed(self, count: int, power: Power, note: str) -> Counts:
        """Let the command end with status 0, then the power goes at once."""
        counts = Counts()
        for number in range(count):
            new = self._change(f"succeed {number}")
            done = self._run(self.tool.keep)
            assert done.returncode == 0, done.stdout
            self._judge(counts, new, power, True, f"{note}, round {number}")
        return counts

    def _judge(self, counts: Counts, new: Files, power: Power, kept: bool, note: str) -> None:
        """Put all questions to what a fault has left, and count what is wrong."""
        if power != "stays":
            self.disk.lose_power(journal_first=power == "goes, journal first")
        gone = [path for path in new if not self._holds(self.root, {path: new[path]})]
        wrong = ["files"] if gone else []
        if not all(self._lies_anywhere(new[path]) for path in gone):
            wrong.append("lost")
        self._save(self._after)
        if not self._comes_back(self.tool.old, self._old):
            wrong.append("old")
        if kept and not self._comes_back(self.tool.new, new):
            wrong.append("undone" if self._comes_back(self.tool.new, self._old) else "new")
        wrong += self._keep_again(new, "files" in wrong)
        if set(wrong) & {"files", "old", "new", "unkept"}:
            self._load(self._after)
            if self._run(self.tool.check).returncode == 0:
                wrong.append("unnoticed")
        counts.rounds += 1
        for what in dict.fromkeys(wrong):
            setattr(counts, what, getattr(counts, what) + 1)
        if wrong:
            print(f"{self.tool.name}: {note}: {wrong}", file=sys.stderr, flush=True)

    def _keep_again(self, new: Files, damaged: bool) -> list[str]:
        """Run the same command again on what a fault has left; return what is wrong then."""
        self._load(self._after)
        wrong = []
        done = self._run(self.tool.again)
        if done.returncode:
            wrong.append("refused")
            self._tell(done)
            self._run(self.tool.by_hand)
            done = self._run(self.tool.again)
        if done.returncode:
            wrong.append("stuck")
            self._tell(done)
        if not damaged and not self._holds(self.root, new):
            wrong.append("files")
        if "stuck" not in wrong and not damaged:
            done = self._run(self.tool.new)
            if not self._holds(self.root / self.tool.out, new):
                wrong.append("unkept")
                self._tell(done)
        return wrong

    def _tell(self, done: subprocess.CompletedProcess[str]) -> None:
        """Tell on standard error what a tool said."""
        for line in done.stdout.strip().splitlines()[-6:]:
            print(f"    {line[:200]}", file=sys.stderr, flush=True)

    def _comes_back(self, script: str, files: Files) -> bool:
        """Return whether a version comes back whole from what a fault has left."""
        for help_first in ("true", self.tool.by_hand):
            self._load(self._after)
            self._run(help_first)
            self._run(script)
            if self._holds(self.root / self.tool.out, files):
                return True
        return False

    def _change(self, seed: str) -> Files:
        """Change files of the project as it was before, durably; return what all are now."""
        self._load(self._before)
        rng = random.Random(seed)
        small = rng.sample(list(SIZES)[:3], 2)
        changed = {path: rng.randbytes(SIZES[path]) for path in (*small, *list(SIZES)[3:])}
        self._write(changed)
        self.disk.sync()
        return self._old | changed

    def _write(self, files: Files) -> None:
        for path, content in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())

    def _holds(self, folder: Path, files: Files) -> bool:
        try:
            return all((folder / path).read_bytes() == files[path] for path in files)
        except OSError:
            return False

    def _lies_anywhere(self, content: bytes) -> bool:
        return any(
            path.stat().st_size == len(content) and path.read_bytes() == content
            for path in self.root.rglob("*")
            if path.is_file()
        )

    def _save(self, image: Path) -> None:
        self.disk.unmount()
        _copy(self.disk.image, image)
        self.disk.mount()

    def _load(self, image: Path) -> None:
        self.disk.unmount()
        _copy(image, self.disk.image)
        self.disk.mount()

    def _run(self, script: str) -> subprocess.CompletedProcess[str]:
        return _run(script, self.root)


def _copy(image: Path, target: Path) -> None:
    subprocess.run(["cp", "--sparse=always", str(image), str(target)], check=True)


def _run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=300,
    )


def _try_all(trial: Trial, count: int) -> dict[str, Counts]:
    """Run the experiments, and return what each of them found."""
    both: list[Power] = ["goes", "goes, journal first"]
    killed, ended = "killed", "status 0"
    return {
        killed: trial.kill(count, ["stays"], killed),
        (note := f"{killed}, power lost"): trial.kill(count // 2, both, note),
        (note := f"{ended}, power lost"): trial.succeed(count // 2, "goes", note),
        (note := f"{ended}, journal committed, power lost"): trial.succeed(
            count // 2, "goes, journal first", note
        ),
    }


def _compare(tool: Tool, kind: Kind, points: int, place: Path) -> None:
    """Run all experiments with one tool on one file system, and print a row for each."""
    with make_disk(kind, place) as disk:
        os.environ.update(HOME=f"{disk.folder}/home", DVC_SITE_CACHE_DIR=f"{disk.folder}/site")
        with Runner() as runner:
            rows = _try_all(Trial(tool, disk, runner, place), points * tool.rounds)
    for name, counts in rows.items():
        kept = (counts.undone, counts.new) if name.startswith("status") else ("–", "–")
        again = (counts.refused, counts.stuck, counts.unkept)
        found = (counts.files, counts.lost, counts.old, *kept, *again, counts.unnoticed)
        print(_row([tool.name, kind, name, counts.rounds, *found]), flush=True)


_HEAD = (
    *("command", "disk", "fault", "rounds", "user's files missing or damaged"),
    *("… and held nowhere else", "earlier version lost", "new version undone"),
    *("new version damaged", "again refused", "… also with help", "again done, not kept"),
    "damage unnoticed",
)


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def main(words: Sequence[str]) -> None:
    """Compare the tools that were asked for, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.peers")
    parser.add_argument("--points", type=int, default=24, help="kill points; half of it for power")
    parser.add_argument("--fs", nargs="+", choices=get_args(Kind), default=get_args(Kind))
    parser.add_argument("--tool", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--dvc", type=Path, help="the program, where it is not on PATH")
    asked = parser.parse_args(words)
    if os.geteuid() != 0:
        sys.exit("not run: a file system that loses power needs Linux and root")
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="mlops-peers-", dir=memory) as folder:
        place = Path(folder)
        os.environ.update(hermetic_environment(place, os.environ) | IDENTITY)
        os.environ.update(RESTIC_REPOSITORY="../repository", RESTIC_PASSWORD="a password")
        os.environ.update(DVC_NO_ANALYTICS="1")
        if asked.dvc is not None:
            os.environ["PATH"] += os.pathsep + str(asked.dvc.absolute().parent)
        print(f"Linux {platform.release()}")
        for version in dict.fromkeys(TOOLS[name].version for name in asked.tool):
            told = _run(version, place)
            if told.returncode:
                sys.exit(f"not run: {version}: {told.stdout.strip()}")
            print(told.stdout.strip())
        print(f"\n{_row(_HEAD)}\n{_row(['---'] * len(_HEAD))}", flush=True)
        for kind in asked.fs:
            for name in asked.tool:
                _compare(TOOLS[name], kind, asked.points, place / f"{kind}-{name}")
                shutil.rmtree(place / f"{kind}-{name}")


if __name__ == "__main__":
    main(sys.argv[1:])
