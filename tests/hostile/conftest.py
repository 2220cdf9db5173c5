"""The project that hostile things are planted into: made once, copied for every case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.hostile.arena import OWN_FILES, Case, try_cases
from tests.hostile.corpus import notebook
from tests.support.data_project import make_data_project
from tests.support.scoreboard import Scoreboard

Attack = Callable[[Sequence[Case]], None]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with tracked data, numbers, a notebook and two snapshots, and its neighbours."""
    root = tmp_path_factory.mktemp("hostile") / "arena"
    for name in ("home/.bashrc", "outside/secret.txt", "outside/data/a.csv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("not yours\n")
    project = make_data_project(root / "project", "--template=")
    project.write("data/a.csv", b"a,b\n1,2\n" * 50)
    project.write("data/sub/b.csv", b"b\n")
    project.write("model.bin", bytes(range(256)) * 400)
    project.write("metrics/train.json", '{"loss": 0.5, "acc": {"top": 0.9}}')
    project.write("params/train.json", '{"depth": 6, "name": "wide"}')
    project.write("notebook.ipynb", notebook())
    project.snapshot("data", "model.bin", name="first")
    project.commit("Tracked")
    project.write("data/a.csv", b"a,b\n3,4\n" * 50)
    project.write("metrics/train.json", '{"loss": 0.4, "acc": {"top": 0.95}}')
    project.snapshot(name="second")
    project.commit("Better")
    for name, content in OWN_FILES.items():
        project.write(name, content)
    return root


@pytest.fixture
def attack(template: Path, tmp_path: Path, scale: int, scoreboard: Scoreboard) -> Attack:
    """Try cases, let the test fail for each that does harm, and count them.

    A change is tried with every fourth one; all of them from scale 2 on.
    """

    def attack(cases: Sequence[Case]) -> None:
        chosen = cases if scale > 1 else cases[::4]
        verdict = try_cases(chosen, template, tmp_path / "room")
        assert verdict.failures == [], "\n\n".join(verdict.failures)
        assert verdict.commands >= len(chosen)
        scoreboard.add("hostile inputs", len(chosen))

    return attack
