"""The part of a project that Git does not carry: settings, launcher, hooks of one clone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.git.config import write_settings
from jupyter_mlops.git.hooks import HookPlan, apply_hooks, read_hook_plan
from jupyter_mlops.git.launcher import (
    DIFF_SETTINGS,
    FILTER_SETTINGS,
    MERGE_SETTINGS,
    Installation,
    format_launcher,
    launcher_path,
    parse_launcher,
    read_driver_settings,
)
from jupyter_mlops.git.nbstripout import plan_local_rules, write_local_rules
from jupyter_mlops.git.repository import Repository


@dataclass(frozen=True, slots=True)
class ClonePlan:
    """What a clone lacks: nothing when all parts are empty.

    ``moved`` is the installation that Git would start and that is gone, if that is what is wrong.
    ``settings`` are those of the notebook filter, ``merge_settings`` and ``diff_settings`` those of
    the merge drivers and of the diff driver. ``local_rules`` are those of this clone alone, where
    nbstripout's stand among them and win.
    """

    launcher: bytes | None
    moved: Installation | None
    settings: Mapping[str, str]
    merge_settings: Mapping[str, str]
    diff_settings: Mapping[str, str]
    hooks: HookPlan
    local_rules: bytes | None

    def describe(self) -> tuple[str, ...]:
        """Return a sentence about each part that is lacking, as something that was done."""
        done = []
        if self.launcher is not None:
            done.append("Told Git where jupyter-mlops is installed.")
        if self.settings:
            done.append("Set up the notebook filter in .git/config.")
        if self.merge_settings:
            done.append("Set up the merge of pointer files and notebooks in .git/config.")
        if self.local_rules is not None:
            done.append(
                "Named the notebook filter in .git/info/attributes, after nbstripout;"
                " without that line there, nbstripout is back."
            )
        if self.diff_settings:
            done.append("Set up the diff of notebooks in .git/config.")
        if self.hooks.renames:
            names = ", ".join(name for name, _ in self.hooks.renames)
            done.append(f"Kept the Git hooks that were here ({names}); ours run them first.")
        if self.hooks.settings:
            _, former = self.hooks.settings[0]
            done.append(f"Put Git hooks in front of those in {former}, which still run.")
        elif self.hooks.scripts:
            done.append("Installed Git hooks.")
        return tuple(done)


def current_installation() -> Installation:
    """Return the installation that is running now."""
    package = Path(__file__).resolve().parent.parent / "__init__.py"
    return Installation(Path(sys.executable), package)


def read_launcher(repo: Repository) -> Installation | None:
    """Return what Git starts in this clone, None when there is no launcher that we wrote.

    Raises:
        UnavailableError: it cannot be read.
    """
    try:
        return parse_launcher(launcher_path(repo).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnavailableError(
            f"{launcher_path(repo)} cannot be read: {error.strerror}.",
            code="launcher-unreadable",
            hints=("jupyter mlops doctor",),
        ) from error


def plan_clone(repo: Repository, *, here: Installation, renew: bool) -> ClonePlan:
    """Return what has to be done for Git to start ``here``, or with ``renew`` False any other.

    Reads only.
    """
    recorded = read_launcher(repo)
    present = recorded is not None and recorded.is_present()
    wrong = recorded != here if renew else not present
    settings = read_driver_settings(repo)
    return ClonePlan(
        launcher=format_launcher(here) if wrong else None,
        moved=recorded if recorded is not None and not present else None,
        settings={k: v for k, v in FILTER_SETTINGS.items() if settings.get(k) != v},
        merge_settings={k: v for k, v in MERGE_SETTINGS.items() if settings.get(k) != v},
        diff_settings={k: v for k, v in DIFF_SETTINGS.items() if settings.get(k) != v},
        hooks=read_hook_plan(repo),
        local_rules=plan_local_rules(repo),
    )


def apply_clone(repo: Repository, plan: ClonePlan) -> None:
    """Do what ``plan`` says. The launcher comes first: what names it never finds it missing.

    Raises:
        UnavailableError: Git's folder cannot be written.
    """
    if plan.launcher is not None:
        write_atomic(launcher_path(repo), plan.launcher)
    write_settings(repo, {**plan.settings, **plan.merge_settings, **plan.diff_settings})
    if plan.local_rules is not None:
        write_local_rules(repo, plan.local_rules)
    if not plan.hooks.is_empty():
        apply_hooks(repo, plan.hooks)


def ensure_clone(repo: Repository, *, renew: bool = False) -> tuple[str, ...]:
    """Set up what this clone lacks and return a sentence about each thing that was done.

    Nothing is written where nothing is lacking. With ``renew`` Git starts the installation that is
    running now, also where it would find another one.

    Raises:
        UnavailableError: Git's folder cannot be written.
    """
    plan = plan_clone(repo, here=current_installation(), renew=renew)
    apply_clone(repo, plan)
    return plan.describe()
