from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.errors import UsageError
from jupyter_mlops.storage.settings import NO_SETTINGS, RemoteSettings, parse_settings

SECRETS = ("account-key", "password", "sas-token", "secret-access-key", "session-token", "token")


def test_settings_are_read() -> None:
    found = parse_settings(
        {
            "endpoint": "https://minio.example.org/",
            "ca-file": "/etc/authority.pem",
            "anonymous": "TRUE",
            "give-up-seconds": "7.5",
            "user": "ada",
        },
        remote="origin",
    )
    assert found == RemoteSettings(
        endpoint="https://minio.example.org",
        ca_file=Path("/etc/authority.pem"),
        anonymous=True,
        give_up_seconds=7.5,
        user="ada",
    )
    assert parse_settings({}, remote="origin") == NO_SETTINGS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pasword", "hidden-value"),
        ("endpoint", "hidden-value"),
        ("endpoint", "https://ada:hidden-value@host"),
        ("ca-file", "hidden-value"),
        ("anonymous", "hidden-value"),
        ("give-up-seconds", "-1"),
        ("give-up-seconds", "1e9"),
        ("token", ""),
        ("token", "hidden-value\nX: y"),
    ],
)
def test_what_is_no_setting_is_named_and_its_value_is_not(key: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_settings({key: value}, remote="origin")
    error = caught.value
    assert error.code == "remote-setting"
    assert f"mlops.remote.origin.{key}" in error.message
    assert "hidden-value" not in error.message + "".join(error.hints)


@pytest.mark.parametrize("key", SECRETS)
def test_secrets_are_not_in_a_repr(key: str) -> None:
    found = parse_settings({key: "hidden-value"}, remote="origin")
    assert found != NO_SETTINGS
    assert "hidden-value" not in repr(found)
