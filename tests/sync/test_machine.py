"""Push, pull and fetch of two clones in any order, beside losses, do what a dictionary says."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.gc import gc
from jupyter_mlops.errors import NotFoundError
from tests.support.damage import cut, flip
from tests.support.scoreboard import Scoreboard
from tests.sync.team import Team, fetch_data, pull_data, push_data

pytestmark = pytest.mark.slow

SIZES = (10, 3000, 200_000)
_numbers = st.integers(0, 5)
_clones = st.integers(0, 1)


class Machine(RuleBasedStateMachine):
    """Two clones, each with a file of its own; what a clone's store has lost only others have.

    Attributes:
        steps: how many were taken, by all machines.
    """

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="mlops-machine-"))

    @initialize()
    def begin(self) -> None:
        """Make the remote and the clones."""
        self.remote = self._folder / "remote"
        self.team = Team(self._folder, str(self.remote))
        self.clones = [self.team.clone() for _ in range(2)]
        self.kept: list[dict[str, bytes]] = [{}, {}]
        self.whole = [True, True]
        self.served = [True, True]

    def teardown(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder)

    def _path(self, clone: int) -> str:
        return f"own/{clone}.bin"

    def _packs(self) -> list[Path]:
        return sorted(path for path in (self.remote / "packs").glob("??/*") if path.is_file())

    @rule(clone=_clones, number=_numbers, size=st.sampled_from(SIZES))
    def keep(self, clone: int, number: int, size: int) -> None:
        """Keep something new; what comes again is in the store already, unless that was lost."""
        Machine.steps += 1
        project = self.clones[clone]
        content = random.Random(f"{number} {size}").randbytes(size)
        project.write(self._path(clone), content)
        project.snapshot(self._path(clone), keep_mine=True)
        project.commit(f"{number}")
        self.kept[clone][project.head()] = content
        self.served[clone] = False

    @rule(clone=_clones)
    def push(self, clone: int) -> None:
        """Push; the remote then serves all that this clone has, whatever was lost there."""
        Machine.steps += 1
        pushed = push_data(self.clones[clone], all_branches=True)
        if self.whole[clone]:
            assert pushed.absent == 0
            self.served[clone] = True
            self._check_served(clone)

    def _check_served(self, clone: int) -> None:
        late = self.team.clone()
        late.git("fetch", "--quiet", str(self.clones[clone].root), "main:theirs")
        fetch_data(late, all_branches=True)
        for commit, content in self.kept[clone].items():
            late.restore(commit, self._path(clone))
            assert late.read(self._path(clone)) == content
        shutil.rmtree(late.root)

    @rule(clone=_clones)
    def pull(self, clone: int) -> None:
        """Pull what HEAD names: all of it where it is on either end, else nothing wrong."""
        Machine.steps += 1
        project, path = self.clones[clone], self._path(clone)
        wanted = self.kept[clone].get(project.head())
        before = project.read(path) if (project.root / path).exists() else None
        try:
            pull_data(project)
        except NotFoundError:
            assert not (self.whole[clone] or self.served[clone])
            assert (project.read(path) if before is not None else None) == before
            return
        if wanted is not None:
            assert project.read(path) == wanted

    @rule(clone=_clones)
    def fetch(self, clone: int) -> None:
        """Fetch every version: a store that was lost is whole again where the remote was."""
        Machine.steps += 1
        try:
            fetch_data(self.clones[clone], all_branches=True)
        except NotFoundError:
            assert not (self.whole[clone] or self.served[clone])
        else:
            self.whole[clone] = True

    @rule(clone=_clones)
    def lose_store(self, clone: int) -> None:
        """Lose the store of a clone whose content the remote serves."""
        if not self.served[clone]:
            return
        Machine.steps += 1
        for part in ("packs", "index"):
            shutil.rmtree(self.clones[clone].root / ".git/mlops" / part, ignore_errors=True)
        self.whole[clone] = not self.kept[clone]

    @rule(clone=_clones)
    def lose_cache(self, clone: int) -> None:
        """Lose what a clone knows of the remote."""
        Machine.steps += 1
        shutil.rmtree(self.clones[clone].root / ".git/mlops/remotes", ignore_errors=True)

    @rule(clone=_clones)
    def collect(self, clone: int) -> None:
        """Collect garbage in a clone."""
        Machine.steps += 1
        if self.whole[clone]:
            gc(self.clones[clone].open(), grace_hours=0, trash_days=0, even_all=True)

    @rule(number=_numbers, how=st.sampled_from(["lose", "cut", "flip"]))
    def harm_remote(self, number: int, how: str) -> None:
        """Harm a pack of the remote while every clone has its own content; a push mends it."""
        packs = self._packs()
        if not packs or not all(self.whole):
            return
        Machine.steps += 1
        pack = packs[number % len(packs)]
        if how == "lose":
            pack.unlink()
        elif how == "cut":
            cut(pack, 5)
        else:
            flip(pack, pack.stat().st_size // 2)
            self._let_somebody_notice()
        self.served = [not kept for kept in self.kept]
        for clone in range(2):
            self.push(clone)

    def _let_somebody_notice(self) -> None:
        """A pack that is altered at its length is known to be so once somebody has read it."""
        for clone in self.clones:
            late = self.team.clone()
            late.git("fetch", "--quiet", str(clone.root), "main:theirs")
            with contextlib.suppress(NotFoundError):
                fetch_data(late, all_branches=True)
            shutil.rmtree(late.root)

    @rule(number=_numbers, how=st.sampled_from(["lose", "cut", "flip"]))
    def harm_index(self, number: int, how: str) -> None:
        """Harm a segment of the index, which the packs bear out."""
        segments = sorted((self.remote / "index").glob("*"))
        if not segments:
            return
        Machine.steps += 1
        segment = segments[number % len(segments)]
        if how == "lose":
            segment.unlink()
        elif how == "cut":
            cut(segment, 5)
        else:
            flip(segment, segment.stat().st_size // 2)

    @rule()
    def check_all(self) -> None:
        """Nothing that came from the remote is damaged."""
        Machine.steps += 1
        for clone, whole in zip(self.clones, self.whole, strict=True):
            found = check(clone.open(), read_data=True)
            assert found.damaged == () or not whole


@pytest.mark.parametrize("number", range(2))
def test_any_order_does_what_the_model_says(
    number: int, scale: int, scoreboard: Scoreboard
) -> None:
    Machine.steps = 0
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=8 * scale,
            stateful_step_count=14,
            database=None,
            suppress_health_check=list(HealthCheck),
            derandomize=number == 0,
        ),
    )
    scoreboard.add("steps of clones and a remote", Machine.steps)
