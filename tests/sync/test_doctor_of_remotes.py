"""What doctor says of remotes, with the command that mends it."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from pathlib import Path

import pytest

from jupyter_mlops.commands.doctor import Finding, doctor
from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.commands.remote_add import remote_add
from jupyter_mlops.commands.workspace import open_here
from tests.sync.team import Team


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path, str(tmp_path / "remote"))


def findings(team: Team) -> list[Finding]:
    return list(doctor(open_here(team.origin.root)).findings)


def name_remote(team: Team, name: str, url: str) -> None:
    """Let mlops.toml name a remote as a colleague's commit would."""
    text = team.origin.read("mlops.toml").decode()
    team.origin.write("mlops.toml", f'{text}\n[remotes.{name}]\nurl = "{url}"\n')


def test_a_remote_that_answers_is_fine_also_while_it_is_empty(team: Team) -> None:
    assert findings(team) == []


def test_a_place_that_is_gone(team: Team, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "remote")
    (found,) = findings(team)
    assert found.code == "place-missing"
    assert str(tmp_path / "remote") in found.problem


def test_a_place_that_the_user_has_not_used_is_named_and_not_asked(team: Team) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        name_remote(team, "theirs", f"http://127.0.0.1:{server.getsockname()[1]}/x")
        (found,) = findings(team)
        with pytest.raises(TimeoutError):
            server.accept()
    assert found.code == "remote-unknown"
    assert found.mend == "jupyter mlops remote test theirs --yes"


def test_hosts_that_are_silent_are_waited_for_five_seconds_in_all(team: Team) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        known_places().add(url)
        for number in range(3):
            name_remote(team, f"silent{number}", f"{url}/{number}")
        began_seconds = time.monotonic()
        found = findings(team)
        took_seconds = time.monotonic() - began_seconds
    assert [one.code for one in found] == ["host-unreachable"] * 3
    assert "no answer came in 5 seconds" in found[0].problem
    assert took_seconds < 9


def test_several_remotes_want_a_default(team: Team, tmp_path: Path) -> None:
    remote_add(team.origin.open(), "other", str(tmp_path / "other"))
    text = team.origin.read("mlops.toml").decode()
    team.origin.write("mlops.toml", text.replace('default = "store"\n', ""))
    (found,) = findings(team)
    assert found.code == "remote-not-named"
    assert "other, store" in found.problem


def test_a_push_hook_that_is_gone(team: Team) -> None:
    (team.origin.root / ".git/hooks/pre-push").unlink()
    (found,) = findings(team)
    assert (found.code, found.mend) == ("hooks-missing", "jupyter mlops init")
    assert "pre-push" in found.problem


def test_a_library_that_is_not_installed(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    known_places().add("ssh://127.0.0.1:1")
    name_remote(team, "far", "ssh://127.0.0.1:1/data")
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    (found,) = findings(team)
    assert (found.code, found.mend) == ("library-missing", "pip install 'jupyter-mlops[ssh]'")
