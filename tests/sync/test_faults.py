"""Push and pull while a place goes wrong in every way, for each kind of place.

Whatever happens nothing wrong is delivered, what is said is one clear error that shows no
credential, and when the trouble has passed the same command again succeeds.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.errors import MlopsError
from tests.support.data_project import DataProject
from tests.support.remote_judge import check_remote
from tests.support.scoreboard import Scoreboard
from tests.support.sites import KINDS, SECRET, WRITABLE, Kind, Sites
from tests.sync.team import Team, keep, pull_data, push_data, write_files
from tests.sync.trouble import Trouble, Troubled, open_troubled

pytestmark = pytest.mark.slow

PASSING: frozenset[Trouble] = frozenset(
    {"delays", "busy now and then", "packs listed that are not there", "objects of others"}
)
"""What nobody need hear of."""

_HARMFUL: frozenset[Trouble] = frozenset({"corrupt packs", "cut packs", "packs not listed"})
"""What no pull can succeed with."""

_ALWAYS = _HARMFUL | {"connections that break"}
_SHARES = {"ssh": 6, "webdav": 3}
"""One in how many of the other troubles is tried with a slow kind of place at scale 1."""


_ERRORS = (Path(__file__).parents[2] / "docs/errors.md").read_text()
_SAFE = (3, 5, 6)
"""The exit statuses of what is not there, is damaged, cannot be reached."""


def _be_patient(project: DataProject, trouble: Trouble) -> None:
    seconds = "20" if trouble in PASSING else "0.3"
    project.git("config", "mlops.remote.store.give-up-seconds", seconds)


def _choose(troubled: Troubled, scale: int) -> list[Trouble]:
    """Return the troubles to try: all, but of places that take their time a part at scale 1."""
    share = 1 if scale > 1 else _SHARES.get(troubled.site.kind, 1)
    return [
        trouble
        for number, trouble in enumerate(troubled.troubles)
        if trouble in _ALWAYS or number % share == 0
    ]


def _attempt(work: Callable[[], object], trouble: Trouble) -> bool:
    """Return whether it succeeds; if not, let pass that it is said as it should be."""
    try:
        work()
    except MlopsError as error:
        said = "".join(traceback.format_exception(error)) + repr(error) + str(error.hints)
        assert SECRET not in said, trouble
        assert error.exit_status in _SAFE, (trouble, error)
        assert f"| `{error.code}` | {error.exit_status} |" in _ERRORS, (trouble, error)
        assert error.hints, (trouble, error)
        assert trouble not in PASSING, (trouble, error)
        return False
    return True


def _team(folder: Path, troubled: Troubled) -> Team:
    """Return a project whose remote is there; a web server's is filled by its folder."""
    settings = troubled.site.settings
    if settings.secret_access_key:
        settings = replace(settings, secret_access_key=SECRET)
    if settings.token:
        settings = replace(settings, token=SECRET)
    only_read = troubled.site.kind == "http"
    return Team(folder, str(troubled.real.folder) if only_read else troubled.site.url, settings)


def _clone(team: Team, troubled: Troubled) -> DataProject:
    clone = team.clone()
    clone.git("config", "mlops.remote.store.url", troubled.site.url)
    return clone


def _assert_nothing_wrong(clone: DataProject, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        if (clone.root / name).exists():
            assert clone.read(name) == content
    assert check(clone.open(), read_data=True).damaged == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_pull_delivers_nothing_wrong(
    sites: Sites, tmp_path: Path, kind: Kind, scale: int, scoreboard: Scoreboard
) -> None:
    with open_troubled(sites.make(kind)) as troubled:
        team = _team(tmp_path, troubled)
        files = write_files(team.origin)
        files["data/random"] = random.Random(1).randbytes(400_000)
        team.origin.write("data/random", files["data/random"])
        keep(team.origin, "data", "model.bin")
        push_data(team.origin)
        failed = set()
        chosen = _choose(troubled, scale)
        for trouble in chosen:
            clone = _clone(team, troubled)
            _be_patient(clone, trouble)
            with troubled.going_wrong(trouble):
                done = _attempt(partial(pull_data, clone), trouble)
                failed |= set() if done else {trouble}
                _assert_nothing_wrong(clone, files)
            pull_data(clone)
            assert {name: clone.read(name) for name in files} == files, trouble
            _assert_nothing_wrong(clone, files)
        assert failed >= _HARMFUL
        scoreboard.add("troubles of remotes", len(chosen))
        if kind in WRITABLE:
            push_data(team.origin)  # whatever a clone has noted as damaged is put again
            with troubled.real.open() as backend:
                assert check_remote(backend) > 0


@pytest.mark.parametrize("kind", WRITABLE)
def test_a_push_is_finished_by_the_next(
    sites: Sites, tmp_path: Path, kind: Kind, scale: int, scoreboard: Scoreboard
) -> None:
    with open_troubled(sites.make(kind)) as troubled:
        team = _team(tmp_path, troubled)
        files = write_files(team.origin)
        failed = set()
        chosen = _choose(troubled, scale)
        for number, trouble in enumerate(chosen):
            name = f"data/random-{number}"
            files[name] = random.Random(number).randbytes(100_000)
            team.origin.write(name, files[name])
            keep(team.origin, "data", "model.bin")
            _be_patient(team.origin, trouble)
            with troubled.going_wrong(trouble):
                done = _attempt(lambda: push_data(team.origin), trouble)
                failed |= set() if done else {trouble}
            push_data(team.origin)
            with troubled.real.open() as backend:
                assert check_remote(backend) > 0, trouble
            assert push_data(team.origin).up_to_date, trouble
        assert failed or kind == "file"  # whose troubles a push puts right
        clone = _clone(team, troubled)
        pull_data(clone)
        assert {name: clone.read(name) for name in files} == files
        _assert_nothing_wrong(clone, files)
        scoreboard.add("troubles of remotes", len(chosen))
