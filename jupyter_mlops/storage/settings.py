"""What a user has set for one remote in Git's configuration, on this machine only."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_mlops.errors import UsageError
from jupyter_mlops.formats.names import show

_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?", re.ASCII)
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """The settings ``mlops.remote.NAME.*``; what is secret is never part of a ``repr``.

    Each of them is only needed where the provider's own ways do not do: environment variables,
    files and services that its other tools use as well; docs/decisions/0015-remotes.md.
    """

    endpoint: str | None = None
    region: str | None = None
    account: str | None = None
    profile: str | None = None
    ca_file: Path | None = None
    anonymous: bool = False
    give_up_seconds: float | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    account_key: str | None = field(default=None, repr=False)
    sas_token: str | None = field(default=None, repr=False)


NO_SETTINGS = RemoteSettings()
"""Nothing is set: all is as the provider's own tools have it."""


def parse_settings(values: Mapping[str, str], *, remote: str) -> RemoteSettings:
    """Return what ``values`` say, keyed as in ``git config mlops.remote.REMOTE.KEY``.

    Raises:
        UsageError: a key is not known or a value not allowed; code ``remote-setting``. The value
            is not shown: it may be a secret in the wrong place.
    """
    found: dict[str, object] = {}
    for key, value in values.items():
        parse = _PARSERS.get(key)
        if parse is None:
            known = ", ".join(sorted(_PARSERS))
            raise _refused(remote, key, f"it is not known; known are {known}")
        try:
            found[key.replace("-", "_")] = parse(value)
        except ValueError as error:
            raise _refused(remote, key, f"it must be {error}") from None
    return RemoteSettings(**found)  # type: ignore[arg-type]


def _text(value: str) -> str:
    if not value or not value.isprintable():
        raise ValueError("text on one line, not empty")
    return value


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or not value.isprintable() or "@" in value:
        raise ValueError("a URL that begins with https:// or http://, without a user")
    return value.rstrip("/")


def _file(value: str) -> Path:
    path = Path(os.path.expanduser(value))
    if not path.is_absolute():
        raise ValueError("an absolute path")
    return path


def _truth(value: str) -> bool:
    if value.lower() not in _TRUTH:
        raise ValueError("true or false")
    return _TRUTH[value.lower()]


def _seconds(value: str) -> float:
    if not _NUMBER.fullmatch(value):
        raise ValueError("a number of seconds")
    return float(value)


_PARSERS: dict[str, Callable[[str], object]] = {
    "access-key-id": _text,
    "account": _text,
    "account-key": _text,
    "anonymous": _truth,
    "ca-file": _file,
    "endpoint": _url,
    "give-up-seconds": _seconds,
    "password": _text,
    "profile": _text,
    "region": _text,
    "sas-token": _text,
    "secret-access-key": _text,
    "session-token": _text,
    "token": _text,
    "user": _text,
}


def _refused(remote: str, key: str, reason: str) -> UsageError:
    name = f"mlops.remote.{remote}.{key}"
    return UsageError(
        f"The setting {show(name)} is refused: {reason}.",
        code="remote-setting",
        hints=(f"git config --show-origin --get-all {name}",),
    )
