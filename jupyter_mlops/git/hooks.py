"""Git hooks: put where Git looks for them, behind the hooks that are there already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import make_folder, write_all_atomic
from jupyter_mlops.git.config import read_setting, write_settings
from jupyter_mlops.git.hook_scripts import (
    BEFORE_SUFFIX,
    FORWARDED_NAMES,
    HOOK_NAMES,
    HOOKS_PATH_BEFORE,
    MARKER,
    format_forwarder,
    format_hook,
)
from jupyter_mlops.git.repository import Repository

_HOOKS_PATH = "core.hooksPath"
_LEGACY_SUFFIX = ".legacy"  # pre-commit's name for a hook that it found and runs first


@dataclass(frozen=True, slots=True)
class HookFolders:
    """Where Git looks for hooks, and where ours are to stand.

    ``target`` is Git's own folder, or ours when ``core.hooksPath`` leads elsewhere (husky, a global
    folder) or Git's own is a link (into the project, say). ``former`` is where ours find the hooks
    to run first in that case, as it stands in the configuration; ``in_use`` says whether Git looks
    in ``target`` now.
    """

    target: Path
    former: str | None = None
    in_use: bool = True


@dataclass(frozen=True, slots=True)
class HookPlan:
    """What has to be done for the hooks to stand: nothing when all parts are empty.

    ``renames`` are pairs of names in ``folder``; ``scripts`` take the old names after that;
    ``settings`` are written last, so that no hook goes missing in between.
    """

    folder: Path
    renames: tuple[tuple[str, str], ...]
    scripts: Mapping[str, bytes]
    settings: tuple[tuple[str, str], ...]

    def is_empty(self) -> bool:
        """Return whether the hooks stand as they should."""
        return not (self.renames or self.scripts or self.settings)


def read_hook_plan(repo: Repository) -> HookPlan:
    """Look at the hooks of ``repo`` and return what makes ours stand.

    Raises:
        UnavailableError: a folder of hooks cannot be read (``hooks-unreadable``).
    """
    folders = read_hook_folders(repo)
    former = {}
    if folders.former is not None:
        former = read_hooks(repo.root / Path(folders.former).expanduser())
    return plan_hooks(folders, read_hooks(folders.target), former)


def read_hook_folders(repo: Repository) -> HookFolders:
    """Return where Git looks for this repository's hooks, and where ours are to stand."""
    default, own = repo.common_dir / "hooks", repo.store_dir / "hooks"
    named = read_setting(repo, _HOOKS_PATH)
    if named:
        current = repo.root / Path(named).expanduser()
        if _is_same(current, own):
            return HookFolders(own, read_setting(repo, HOOKS_PATH_BEFORE) or str(default))
        if not _is_same(current, default):
            return HookFolders(own, named, in_use=False)
    if default.is_symlink():
        return HookFolders(own, str(default), in_use=False)
    return HookFolders(default)


def read_hooks(folder: Path) -> dict[str, bytes]:
    """Return the hooks in ``folder`` by file name, without samples; a broken link is empty.

    A script of ours that has lost its execute bit is left out: Git would not run it.

    Raises:
        UnavailableError: the folder or a file in it cannot be read (``hooks-unreadable``).
    """
    hooks = {}
    try:
        for path in sorted(folder.iterdir()):
            if path.suffix == ".sample" or path.is_dir():
                continue
            script = path.read_bytes() if path.is_file() else b""
            if not _is_ours(script) or os.access(path, os.X_OK):
                hooks[path.name] = script
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UnavailableError(
            f"The Git hooks in {folder} cannot be read: {error.strerror}.", code="hooks-unreadable"
        ) from error
    return hooks


def plan_hooks(
    folders: HookFolders, present: Mapping[str, bytes], former: Iterable[str]
) -> HookPlan:
    """Return what makes our hooks stand where ``present`` are in the target folder.

    In Git's own folder, hooks found there are renamed, and ours run them first. Elsewhere nothing
    is written: ours forward to the ``former`` hooks, and stand also under the names of those that
    may come later, as far as a hook that does nothing is the same as none.
    """
    if folders.former is None:
        return _plan_default(folders.target, present)
    names = dict.fromkeys((*FORWARDED_NAMES, *(name for name in former if _is_hook_name(name))))
    wanted = {name: format_forwarder(name) for name in names}
    settings: tuple[tuple[str, str], ...] = ()
    if not folders.in_use:
        settings = ((HOOKS_PATH_BEFORE, folders.former), (_HOOKS_PATH, str(folders.target)))
    return HookPlan(
        folders.target,
        (),
        {name: script for name, script in wanted.items() if present.get(name) != script},
        settings,
    )


def _plan_default(folder: Path, present: Mapping[str, bytes]) -> HookPlan:
    renames, scripts = [], {}
    for name in HOOK_NAMES:
        script, found = format_hook(name), present.get(name)
        if found == script or _is_ours(present.get(name + _LEGACY_SUFFIX)):
            continue
        kept = found == present.get(name + BEFORE_SUFFIX)  # by a call that was killed
        if found is not None and not _is_ours(found) and not kept:
            renames.append((name, _free_name(name, present)))
        scripts[name] = script
    return HookPlan(folder, tuple(renames), scripts, ())


def apply_hooks(repo: Repository, plan: HookPlan) -> None:
    """Do what ``plan`` says; each hook is at any moment the old or the new one.

    Raises:
        UnavailableError: the folder cannot be written (``hooks-unwritable``).
    """
    try:
        make_folder(plan.folder)
        for name, new_name in plan.renames:
            _keep_as(plan.folder / name, plan.folder / new_name)
        write_all_atomic(
            {plan.folder / name: script for name, script in plan.scripts.items()}, executable=True
        )
    except (OSError, UnavailableError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message.rstrip(".")
        raise UnavailableError(
            f"The Git hooks in {plan.folder} cannot be written: {reason}.",
            code="hooks-unwritable",
            hints=("jupyter mlops init",),
        ) from error
    write_settings(repo, dict(plan.settings))


def _keep_as(path: Path, kept: Path) -> None:
    """Give a hook a second name; it loses the first when ours takes that."""
    try:
        os.link(path, kept, follow_symlinks=False)
    except FileExistsError:
        raise
    except (NotImplementedError, OSError):  # a system or a file system without such links
        os.rename(path, kept)


def _is_ours(script: bytes | None) -> bool:
    return script is not None and MARKER in script


def _is_hook_name(name: str) -> bool:
    return name.replace("-", "").isalnum() and name.islower()


def _free_name(name: str, taken: Mapping[str, bytes]) -> str:
    candidate, number = name + BEFORE_SUFFIX, 2
    while candidate in taken:
        candidate, number = f"{name}{BEFORE_SUFFIX}-{number}", number + 1
    return candidate


def _is_same(folder: Path, other: Path) -> bool:
    return os.path.realpath(folder) == os.path.realpath(other)
