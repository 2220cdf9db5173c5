from __future__ import annotations

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.git.config import (
    read_remote_settings,
    read_setting,
    submodule_paths,
    write_setting,
    write_settings,
)
from jupyter_mlops.git.repository import Repository, open_repository
from tests.support.project import Project, make_project


def test_a_setting_is_written_and_read(repo: Repository) -> None:
    value = 'a "quoted"; # value\n'
    assert read_setting(repo, "mlops.test") is None
    write_setting(repo, "mlops.test", value)
    assert read_setting(repo, "mlops.test") == value


def test_writing_replaces_every_value(project: Project, repo: Repository) -> None:
    for value in ("one", "two"):
        project.git("config", "--add", "mlops.many", value)
    assert read_setting(repo, "mlops.many") == "two"
    write_setting(repo, "mlops.many", "")
    assert project.git("config", "--get-all", "mlops.many").strip("\n") == ""


def test_a_value_may_begin_with_a_dash(repo: Repository) -> None:
    write_setting(repo, "mlops.dash", "--global")
    assert read_setting(repo, "mlops.dash") == "--global"


def test_many_settings_are_written_at_once(repo: Repository) -> None:
    write_settings(repo, {})
    write_settings(repo, {"mlops.one": "1", "mlops.two": "2"})
    assert (read_setting(repo, "mlops.one"), read_setting(repo, "mlops.two")) == ("1", "2")


@pytest.mark.parametrize("former", [b"", b"[core]\n\tbare = false", b"[user]\n\tname = a\\\n"])
def test_settings_that_are_new_come_to_those_that_are_there(
    project: Project, repo: Repository, former: bytes
) -> None:
    config = repo.common_dir / "config"
    before = config.read_bytes() + former
    config.write_bytes(before)
    config.chmod(0o640)
    settings = {
        "filter.One.clean": 'sh "$(git rev-parse)" \\ %f; # no ; comment',
        "filter.One.required": "true",
        "diff.two.xfuncname": "^── (.*)$",
        "mlops.three": " spaces\tand\nlines ",
    }
    write_settings(repo, settings)
    assert {key: read_setting(repo, key) for key in settings} == settings
    assert config.read_bytes().startswith(before)
    assert config.stat().st_mode & 0o777 == 0o640
    assert not (repo.common_dir / "config.lock").exists()


def test_a_setting_that_is_there_among_new_ones_is_replaced(
    project: Project, repo: Repository
) -> None:
    project.git("config", "--add", "Mlops.Many", "one")
    project.git("config", "--add", "mlops.many", "two")
    write_settings(repo, {"mlops.many": "three", "mlops.new": "four"})
    assert project.git("config", "--get-all", "mlops.many").split() == ["three"]
    assert read_setting(repo, "mlops.new") == "four"


def test_settings_of_a_linked_configuration_are_written_where_it_leads(repo: Repository) -> None:
    config = repo.common_dir / "config"
    elsewhere = config.rename(repo.common_dir / "elsewhere")
    config.symlink_to(elsewhere)
    write_settings(repo, {"mlops.one": "1", "mlops.two": "2"})
    assert config.is_symlink()
    assert (read_setting(repo, "mlops.one"), read_setting(repo, "mlops.two")) == ("1", "2")


def test_settings_of_the_user_are_seen(repo: Repository) -> None:
    assert read_setting(repo, "init.defaultBranch") == "main"


def test_a_worktree_has_the_settings_of_its_repository(project: Project, repo: Repository) -> None:
    project.git("worktree", "add", "--quiet", "../linked")
    write_setting(open_repository(project.root.parent / "linked"), "mlops.test", "x")
    assert read_setting(repo, "mlops.test") == "x"


@pytest.mark.parametrize("settings", [{"mlops.test": "x"}, {"mlops.test": "x", "mlops.other": "y"}])
def test_a_configuration_that_another_process_writes_is_told(
    repo: Repository, settings: dict[str, str]
) -> None:
    (repo.common_dir / "config.lock").touch()
    with pytest.raises(UnavailableError):
        write_settings(repo, settings)
    assert (repo.common_dir / "config.lock").exists()


def test_submodules_are_found_whatever_their_name(project: Project, repo: Repository) -> None:
    assert submodule_paths(repo) == []
    inner = make_project(project.root.parent / "inner")
    inner.commit("Inner")
    for name in ("b sub", "a/ñ"):
        project.git(
            *("-c", "protocol.file.allow=always"),
            *("submodule", "--quiet", "add", "../inner", name),
        )
    assert submodule_paths(repo) == ["a/ñ", "b sub"]


def test_settings_of_a_remote_are_its_own(project: Project, repo: Repository) -> None:
    project.git("config", "mlops.remote.my.remote.endpoint", "https://one")
    project.git("config", "--add", "mlops.remote.my.remote.endpoint", "https://two")
    project.git("config", "mlops.remote.my.remote.secret-access-key", "a\nb = c")
    project.git("config", "mlops.remote.my.endpoint", "https://other")
    project.git("config", "mlops.remote.myxremote.user", "other")
    assert read_remote_settings(repo, "my.remote") == {
        "endpoint": "https://two",
        "secret-access-key": "a\nb = c",
    }
    assert read_remote_settings(repo, "none") == {}
