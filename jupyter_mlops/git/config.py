"""Settings in the repository's own configuration; nothing here reaches a user's global one."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.errors import UsageError
from jupyter_mlops.files.durable import CREATE_FLAGS, disk_error
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.files.sync import sync_descriptor, sync_folder
from jupyter_mlops.git.left_locks import noted_locks
from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.git.repository import Repository

SHARED_STORE = "mlops.store"
ALTERNATES = "mlops.alternates"
ALLOW_SECRETS = "mlops.allowSecrets"
_PLAIN_KEY = re.compile(r"([a-z]+)(?:\.([A-Za-z0-9-]+))?\.([a-z][A-Za-z0-9-]*)")
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|[\ud800-\udfff]")
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
    """Set each key to its value alone, as :func:`write_setting` does.

    Several that are not there yet come at once: all of them or none.
    """
    if not settings:
        return
    ours_alone = hold_lock(repo.store_dir / "settings.lock")
    with ours_alone, noted_locks(repo, [repo.common_dir / "config.lock"]):
        if len(settings) > 1 and _add_new(repo, settings):
            return
        for key, value in settings.items():
            run_git(repo, "config", "--local", "--replace-all", key, value)


def _add_new(repo: Repository, settings: Mapping[str, str]) -> bool:
    """Add settings to the repository's own; False where that is left to Git.

    So it is where one is there already, or cannot be written as a line of its own, and where
    another program writes just now.
    """
    config, lock = repo.common_dir / "config", repo.common_dir / "config.lock"
    try:
        fd = os.open(lock, CREATE_FLAGS, 0o666)
    except OSError:
        return False
    held = True
    try:
        with open(fd, "wb") as file:
            former = config.read_bytes()
            added = _format_new(settings)
            if added is None or config.is_symlink():
                return False
            listed = run_git(repo, "config", "--local", "--no-includes", "-z", "--name-only", "-l")
            if not _folded(settings).isdisjoint(_folded(split_nul(listed))):
                return False
            continued = former.rstrip(b"\r\n").endswith(b"\\")
            ended = former.endswith(b"\n") and not continued
            file.write(former + (b"" if ended else b"\n") + added.encode())
            file.flush()
            sync_descriptor(fd)
            if sys.platform != "win32":
                os.fchmod(fd, stat.S_IMODE(config.stat().st_mode))
        os.replace(lock, config)
        held = False
        sync_folder(repo.common_dir)
    except OSError as error:
        raise disk_error(error, config) from error
    finally:
        if held:
            lock.unlink(missing_ok=True)
    return True


def _folded(keys: Iterable[str]) -> set[str]:
    """Return keys as they are compared: only the part in the middle tells case."""
    parts = ((key.partition(".")[0], key.rpartition(".")[2], key) for key in keys)
    return {
        first.lower() + key[len(first) : len(key) - len(last)] + last.lower()
        for first, last, key in parts
    }


def _format_new(settings: Mapping[str, str]) -> str | None:
    """Return the lines that say ``settings``; None where Git had better write them."""
    lines = []
    section = None
    for key, value in settings.items():
        matched = _PLAIN_KEY.fullmatch(key)
        if matched is None or _ODD.search(value):
            return None
        head = f'[{matched[1]} "{matched[2]}"]' if matched[2] else f"[{matched[1]}]"
        if head != section:
            lines.append(head)
            section = head
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        quoted = quoted.replace("\n", "\\n").replace("\t", "\\t")
        lines.append(f'\t{matched[3]} = "{quoted}"')
    return "".join(f"{line}\n" for line in lines)


def submodule_paths(repo: Repository) -> list[str]:
    """Return the paths at which the index holds another repository's commit, sorted."""
    rows = split_nul(run_git(repo, "ls-files", "--stage", "-z"))
    return [row.split("\t", 1)[1] for row in rows if row.startswith("160000 ")]
