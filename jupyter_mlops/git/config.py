"""Settings in the repository's own configuration; nothing here reaches a user's global one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.errors import UsageError
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.git.left_locks import noted_locks
from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.git.repository import Repository

SHARED_STORE = "mlops.store"
ALTERNATES = "mlops.alternates"
ALLOW_SECRETS = "mlops.allowSecrets"
_NOT_SET = 1
_NOT_VALID = 128


@dataclass(frozen=True, slots=True)
class StorePlaces:
    """Where content lies apart from Git's folder, as the user's settings of Git say.

    ``shared`` is the store that packs are written to; ``alternates`` are only read. Both are
    absolute. Nothing that is committed can set them.
    """

    shared: Path | None
    alternates: tuple[Path, ...]


def read_setting(repo: Repository, key: str) -> str | None:
    """Return the value of ``key`` that is in effect, from any level of configuration, or None."""
    values = split_nul(
        run_git(repo, "config", "-z", "--get", "--end-of-options", key, allow=(0, _NOT_SET))
    )
    return values[-1] if values else None


def allows_secrets(repo: Repository) -> bool:
    """Return whether this clone keeps outputs that look like secrets; nothing committed says so.

    A value that is neither true nor false does not allow it.
    """
    asked = ("config", "--type=bool", "--get", ALLOW_SECRETS)
    printed = run_git(repo, *asked, allow=(0, _NOT_SET, _NOT_VALID))
    return printed.strip() == b"true"


def read_store_places(repo: Repository) -> StorePlaces:
    """Return what ``mlops.store`` and ``mlops.alternates`` say; ``~`` is the user's home.

    The last ``mlops.store`` counts, and every one of the alternates; an empty value takes back what
    was set before it.

    Raises:
        UsageError: a path is not absolute.
    """
    pattern = f"^({SHARED_STORE}|{ALTERNATES})$".replace(".", r"\.")
    printed = run_git(repo, "config", "-z", "--path", "--get-regexp", pattern, allow=(0, _NOT_SET))
    found: dict[str, list[Path]] = {SHARED_STORE: [], ALTERNATES: []}
    for setting in split_nul(printed):
        key, _, value = setting.partition("\n")
        if value and not Path(value).is_absolute():
            raise UsageError(
                f"{key} is {value}, and it must be an absolute path.",
                code="store-path",
                hints=(f"git config --show-origin --get-all {key}",),
            )
        if value:
            found[key].append(Path(value))
        else:
            found[key].clear()
    stores = found[SHARED_STORE]
    return StorePlaces(stores[-1] if stores else None, tuple(found[ALTERNATES]))


def read_remote_settings(repo: Repository, remote: str) -> dict[str, str]:
    """Return the settings ``mlops.remote.REMOTE.*``, by the last part of their names.

    Of several values the last counts. They may be credentials, and are never shown.
    """
    start = f"mlops.remote.{remote}."
    pattern = f"^{start}[a-z0-9-]+$".replace(".", r"\.")
    printed = run_git(repo, "config", "-z", "--get-regexp", pattern, allow=(0, _NOT_SET))
    pairs = (setting.partition("\n") for setting in split_nul(printed))
    return {key.removeprefix(start): value for key, _, value in pairs}


def write_setting(repo: Repository, key: str, value: str) -> None:
    """Set ``key`` to ``value`` alone in the repository's own configuration."""
    write_settings(repo, {key: value})


def write_settings(repo: Repository, settings: Mapping[str, str]) -> None:
    """Set each key to its value alone, one after the other, as :func:`write_setting` does."""
    if not settings:
        return
    ours_alone = hold_lock(repo.store_dir / "settings.lock")
    with ours_alone, noted_locks(repo, [repo.common_dir / "config.lock"]):
        for key, value in settings.items():
            run_git(repo, "config", "--local", "--replace-all", key, value)


def submodule_paths(repo: Repository) -> list[str]:
    """Return the paths at which the index holds another repository's commit, sorted."""
    rows = split_nul(run_git(repo, "ls-files", "--stage", "-z"))
    return [row.split("\t", 1)[1] for row in rows if row.startswith("160000 ")]
