"""A project on a disk that loses power again and again, beside a record of what must be there.

The same disk goes through many rounds: a change, a command, a loss of power, a look at everything.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.judge import (
    REMOTE,
    State,
    check_left_clean,
    check_names,
    check_remote_gives_all,
    read_state,
)
from tests.crash.runner import OURS, Outcome, Runner
from tests.crash.scenarios import COLLECT, PURGE, SHARED, make_plain, notebook_with
from tests.support.data_project import STATE, DataProject
from tests.support.disks import Disk
from tests.support.system_calls import Fault

BIG_BYTES = 17 << 20
"""More than the least size of a file that is kept as a clone of itself."""


@dataclass(slots=True)
class PowerRounds:
    """Rounds on one disk; each of them is determined by the numbers drawn from ``rng``."""

    disk: Disk
    runner: Runner
    rng: random.Random
    big: bool
    shared: bool = False
    kept: dict[str, object] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """Where the project is."""
        return self.disk.folder / "project"

    def begin(self) -> None:
        """Make the project, which has one snapshot; ``shared`` lets it keep packs elsewhere."""
        project = make_plain(self.root)
        self.runner.ours(self.root, "init", *(("--new-store", SHARED) if self.shared else ()))
        (self.root / REMOTE).mkdir()
        project.git("config", "mlops.remote.store.url", str(self.root / REMOTE))
        project.write("mlops.toml", '[remotes.store]\nurl = "/elsewhere"\n')
        project.commit("Use jupyter-mlops")
        self._edit(project)
        self.runner.ours(self.root, "snapshot", "data", "model.bin")
        self.disk.sync()
        self.kept = dict(read_state(self.root).data)

    def lose_after(self, journal_first: bool) -> str:
        """Let a command succeed and the power go at once; return what was done.

        Raises:
            AssertionError: something that the command had made durable is not there.
        """
        steps = {
            "snapshot": (self._snapshot, 3),
            "commit": (self._commit, 1),
            "restore": (self._restore, 1),
            "undo": (self._undo, 1),
            "filter": (self._filter, 1),
            "name": (self._name, 1),
            "push": (self._push, 2),
            "gc": (self._collect, 0 if self.shared else 2),  # a shared store is not collected
        }
        names, weights = list(steps), [weight for _, weight in steps.values()]
        (name,) = self.rng.choices(names, weights)
        expected, told = steps[name][0]()
        logged = self._list_operations()
        self.disk.lose_power(journal_first=journal_first)
        try:
            assert self._list_operations() == logged, "what undo takes back is another command"
            if name == "push":
                self._check_pushed()
            self._check(expected)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}\n{told}") from error
        return name

    def take_snapshot(self) -> Outcome:
        """Change something and take a snapshot, with the power on."""
        self._edit(DataProject(self.root))
        done = self.runner.run(self.root, (OURS, "snapshot"), counted="changes")
        assert done.status == 0, done.told
        self.kept = dict(read_state(self.root).data)
        self.disk.sync()
        return done

    def lose_in_between(self, point: int, journal_first: bool) -> Outcome:
        """Kill a snapshot at its call number ``point`` and let the power go.

        Raises:
            AssertionError: what was kept before is not there, or it cannot be kept now.
        """
        self._edit(DataProject(self.root))
        self.disk.sync()
        files = read_state(self.root).files
        outcome = self.runner.run(self.root, (OURS, "snapshot"), fault=Fault(point))
        self.disk.lose_power(journal_first=journal_first)
        check_names(self.root)
        now = read_state(self.root)
        data = {path: content for path, content in files.items() if not path.endswith(".mlops")}
        assert {path: now.files.get(path) for path in data} == data, "a file of the user is gone"
        self._check_kept(now)
        self.runner.ours(self.root, "snapshot")
        after = read_state(self.root)
        assert _tracked(data) in after.data.values(), "the snapshot taken again is not whole"
        self.kept = dict(after.data)
        self._end_round()
        return outcome

    def _list_operations(self) -> list[str]:
        return sorted(path.name for path in (self.root / STATE / "operations").glob("*.json"))

    def _check(self, expected: State | None) -> None:
        now = read_state(self.root)
        self._check_kept(now)
        if expected is not None:
            assert now.files == expected.files, "files are not as the command left them"
            assert now.index == expected.index, "the index is not as the command left it"
            assert now.tracked == expected.tracked, now.tracked
        self.runner.ours(self.root, "restore")
        self._end_round()

    def _end_round(self) -> None:
        """Let Git look at all; what the user's own Git writes by that is not ours to sync."""
        check_left_clean(self.root)
        self.disk.sync()

    def _check_kept(self, now: State) -> None:
        for ref, files in self.kept.items():
            assert now.data.get(ref) == files, f"{ref} is not there as it was"

    def _edit(self, project: DataProject) -> None:
        for name in self.rng.sample(["a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"], 2):
            project.write(f"data/{name}", self.rng.randbytes(self.rng.choice((10, 5000, 200_000))))
        content = self.rng.randbytes(4096) * (BIG_BYTES // 4096 if self.big else 3)
        project.write("model.bin", content)

    def _snapshot(self, *words: str) -> tuple[State | None, str]:
        """Keep what was written just now; what the user's own programs wrote may be lost here."""
        self._edit(DataProject(self.root))
        durable = self.rng.random() < 0.5
        if durable:
            self.disk.sync()
        told = self.runner.ours(self.root, "snapshot", *words).told
        done = read_state(self.root)
        self.kept = dict(done.data)
        return (done if durable else None), told

    def _commit(self) -> tuple[State | None, str]:
        return self._snapshot("--commit", "-m", "A change")

    def _restore(self) -> tuple[State | None, str]:
        refs = sorted(ref for ref in self.kept if ref.startswith("refs/mlops/snapshots"))
        if not refs:  # each of them was taken back
            return self._snapshot()
        done = self.runner.ours(self.root, "restore", self.rng.choice(refs))
        return self._after(done)

    def _undo(self) -> tuple[State, str]:
        self._restore()
        self.disk.sync()
        return self._after(self.runner.run(self.root, (OURS, "undo")))

    def _name(self) -> tuple[State | None, str]:
        refs = sorted(ref for ref in self.kept if ref.startswith("refs/mlops/snapshots"))
        if not refs:
            return self._snapshot()
        identifier = self.rng.choice(refs).rpartition("/")[2]
        name = f"name-{self.rng.getrandbits(40)}"
        return self._after(self.runner.ours(self.root, "snapshot", "name", identifier, name))

    def _collect(self) -> tuple[State, str]:
        """Drop a snapshot and let go of what only it needed, for good or into the trash."""
        refs = sorted(ref for ref in self.kept if ref.startswith("refs/mlops/snapshots"))
        if len(refs) > 1:
            identifier = self.rng.choice(refs).rpartition("/")[2]
            self.runner.ours(self.root, "snapshot", "drop", identifier)
        words = self.rng.choice((COLLECT, PURGE))
        return self._after(self.runner.ours(self.root, *words, "--even-all"))

    def _push(self) -> tuple[State, str]:
        """Commit something new and push it."""
        self._commit()
        self.disk.sync()
        return self._after(self.runner.ours(self.root, "push"))

    def _check_pushed(self) -> None:
        clone = self.disk.folder / "clone"
        check_remote_gives_all(self.root, clone, self.runner)
        shutil.rmtree(clone)

    def _filter(self) -> tuple[None, str]:
        """Give Git a notebook; its outputs come back from the store alone."""
        name = f"{self.rng.getrandbits(40)}.ipynb"
        project = DataProject(self.root)
        content = notebook_with(f"{self.rng.random()}\n")
        project.write(name, content)
        stripped = self.runner.run(self.root, ("sh", "-c", f"{_CLEAN} < {name} > .git/stripped"))
        assert stripped.status == 0, stripped.told
        clean = project.read(".git/stripped")
        project.remove(name)
        self.disk.sync()
        self.disk.lose_power()
        project.write(name, clean)
        back = self.runner.run(self.root, ("sh", "-c", f"{_SMUDGE} < {name}"))
        assert back.stdout.encode() == content, "outputs of a notebook are gone"
        project.remove(name)
        return None, ""

    def _after(self, done: Outcome) -> tuple[State, str]:
        state = read_state(self.root)
        self.kept = dict(state.data)
        return state, done.told


_CLEAN = "sh .git/mlops/launcher filter clean nb.ipynb"
_SMUDGE = "sh .git/mlops/launcher filter smudge nb.ipynb"


def _tracked(files: dict[str, bytes | str]) -> dict[str, bytes | str]:
    return {p: c for p, c in files.items() if p == "model.bin" or p.startswith("data/")}
