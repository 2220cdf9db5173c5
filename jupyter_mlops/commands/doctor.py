"""The command ``doctor``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops._version import __version__
from jupyter_mlops.commands.clone import current_installation, plan_clone, read_launcher
from jupyter_mlops.commands.notebook_state import notebooks_in_conflict, notebooks_with_outputs
from jupyter_mlops.commands.remote_trial import find_remote_failures
from jupyter_mlops.commands.spec import PROGRAM
from jupyter_mlops.commands.workspace import Here, Workspace, open_workspace, read_config
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.document import Block, Document, Hint, Note
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.git.attributes import (
    ATTRIBUTES_NAME,
    read_attributes,
    read_missing_lines,
    stand_last,
)
from jupyter_mlops.git.config import ALTERNATES, SHARED_STORE
from jupyter_mlops.git.launcher import FILTER
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.git.nbstripout import (
    local_rules_path,
    plan_folder_rules,
    plan_local_rules,
    read_rules,
)
from jupyter_mlops.git.process import literal, run_git, split_nul
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.objects.shared import own_packs
from jupyter_mlops.reports.findings import name_cells
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.tracked import read_tracked
from jupyter_mlops.units import format_bytes, plural

_INIT = f"{PROGRAM} init"
_LISTED = 20
_FILTER_RULE = re.compile(r"^[^#].*\s[-!]?filter(?:[=\s]|$)")
_PRE_COMMIT = ".pre-commit-config.yaml"
_PRE_COMMIT_HOOK = re.compile(r"^[ \t-]*id:\s*[\"']?nbstripout\b", re.MULTILINE)
_VERSION = re.compile(r"^__version__ = ['\"]([^'\"]+)['\"]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a stable code, a sentence, and the command that mends it."""

    code: str
    problem: str
    mend: str


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """All that is wrong with a clone."""

    findings: tuple[Finding, ...]

    @property
    def exit_status(self) -> int:
        """1 when something is wrong."""
        return int(bool(self.findings))

    def describe(self) -> Document:
        """Return each problem with the command that mends it."""
        if not self.findings:
            return Document((Note("Nothing is wrong with this clone.", "good"),))
        blocks: list[Block] = []
        for finding in self.findings:
            blocks.append(Note(finding.problem, "bad"))
            blocks.append(Hint("Mend it", finding.mend))
        return Document(tuple(blocks))


def doctor(here: Here) -> DoctorResult:
    """Say what is wrong with this clone, and the one command that mends it.

    Looks at mlops.toml, the notebook filter, the diff of notebooks, the merge of notebooks and
    pointer files, the hooks, where jupyter-mlops is installed, the store, the pointer files, and at
    notebooks with outputs and big files that were committed without the tool. Remotes are tried for
    five seconds. Changes nothing; the exit status is 1 when something is wrong.
    """
    repo = open_repository(here.cwd)
    findings = [*_check_config(repo), *_check_clone(repo), *_check_attributes(repo)]
    findings += _check_notebooks(repo)
    try:
        ws = open_workspace(here.cwd, clock=here.clock, progress=here.progress)
    except MlopsError as error:
        if not findings:
            findings.append(_finding_of(error))
    else:
        findings += [*_check_store(ws), *_check_pointers(ws), *_check_big_files(ws)]
        findings += map(_finding_of, find_remote_failures(ws))
    return DoctorResult(tuple(findings))


def _finding_of(error: MlopsError) -> Finding:
    return Finding(error.code, error.message, error.hints[0] if error.hints else "git status")


def _check_config(repo: Repository) -> Iterator[Finding]:
    try:
        read_config(repo.root)
    except NotFoundError as error:
        yield Finding(error.code, error.message, _INIT)
    except MlopsError as error:
        yield Finding(error.code, error.message, f"git diff -- {CONFIG_NAME}")


def _check_clone(repo: Repository) -> Iterator[Finding]:
    """Look at what Git does not carry, and at what Git would start."""
    plan = plan_clone(repo, here=current_installation(), renew=False)
    if plan.moved is not None:
        yield Finding(
            "environment-moved",
            f"jupyter-mlops is no longer at {plan.moved.interpreter}, where Git looks for it.",
            _INIT,
        )
    elif plan.launcher is not None:
        yield Finding("launcher-missing", "Git does not know where jupyter-mlops is.", _INIT)
    if plan.settings:
        yield Finding(
            "filter-missing",
            "The notebook filter is not set up in this clone's .git/config.",
            _INIT,
        )
    if plan.merge_settings:
        yield Finding(
            "merge-missing",
            "The merge of pointer files and notebooks is not set up in this clone's .git/config.",
            _INIT,
        )
    if plan.diff_settings:
        yield Finding(
            "diff-missing",
            "The diff of notebooks is not set up in this clone's .git/config.",
            _INIT,
        )
    if not plan.hooks.is_empty():
        names = ", ".join(plan.hooks.scripts) or "core.hooksPath"
        yield Finding("hooks-missing", f"Git hooks are not as they should be: {names}.", _INIT)
    yield from _check_version(repo)


def _check_version(repo: Repository) -> Iterator[Finding]:
    recorded = read_launcher(repo)
    if recorded is None or recorded == current_installation():
        return
    try:
        text = recorded.package.with_name("_version.py").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return
    found = _VERSION.search(text)
    if found and found[1] != __version__:
        yield Finding(
            "versions-differ",
            f"Git starts jupyter-mlops {found[1]} of {recorded.interpreter}, and this is"
            f" {__version__}.",
            _INIT,
        )


def _check_attributes(repo: Repository) -> Iterator[Finding]:
    missing = read_missing_lines(repo)
    if missing:
        yield _explain_missing(repo, missing)
        return
    left = plan_folder_rules(repo)
    for rules in left:
        yield Finding(
            "nbstripout-left",
            f"By a rule in {rules}, notebooks still go through nbstripout.",
            _INIT,
        )
    paths = list(list_index(repo, "*.ipynb"))
    found = read_attributes(repo, paths, ("filter",))
    for path in paths:
        if found[path].get("filter") != FILTER and (rule := _find_rule(repo, path)) not in left:
            yield Finding(
                "attributes-differ",
                f"{path} does not go through the notebook filter,"
                f" by a rule {'of its own' if rule is None else f'in {rule}'}.",
                f"git check-attr --all -- {shlex.quote(path)}"
                if rule is None
                else f"Take that rule out of {rule}.",
            )
    yield from _check_pre_commit(repo)


def _check_pre_commit(repo: Repository) -> Iterator[Finding]:
    """Find nbstripout where the program pre-commit runs it on the files themselves."""
    if _PRE_COMMIT_HOOK.search(read_rules(repo.root / _PRE_COMMIT)):
        yield Finding(
            "nbstripout-hook",
            f"The hook nbstripout in {_PRE_COMMIT} strips the files themselves, so that their"
            " outputs are gone until the next checkout.",
            f"Take that hook out of {_PRE_COMMIT}.",
        )


def _explain_missing(repo: Repository, missing: Sequence[str]) -> Finding:
    """Say why ``missing`` lines have no effect: not there, or another rule wins over them."""
    code, lines = "attributes-missing", "; ".join(missing)
    text = read_rules(repo.root / ATTRIBUTES_NAME)
    if not set(missing) <= set(text.splitlines()):
        return Finding(code, f"{ATTRIBUTES_NAME} lacks: {lines}.", _INIT)
    if not stand_last(text, missing):
        problem = f"In {ATTRIBUTES_NAME}, a later rule wins over: {lines}."
        return Finding(code, problem, _INIT)
    shown = _shown(repo, local_rules_path(repo))
    problem = f"A rule in {shown} wins over: {lines}."
    if plan_local_rules(repo) is not None:
        return Finding("nbstripout-left", f"{problem} It is nbstripout's.", _INIT)
    return Finding(code, problem, f"Take that rule out of {shown}.")


def _find_rule(repo: Repository, path: str) -> str | None:
    """Return the file whose rule names a filter for ``path``, in the order in which rules win."""
    folders = [folder for folder in (repo.root / path).parents if folder.is_relative_to(repo.root)]
    for file in (local_rules_path(repo), *(folder / ATTRIBUTES_NAME for folder in folders)):
        lines = read_rules(file).splitlines()
        if any(_FILTER_RULE.search(line) and f"filter={FILTER}" not in line for line in lines):
            return _shown(repo, file)
    return None


def _shown(repo: Repository, path: Path) -> str:
    return path.relative_to(repo.root).as_posix() if path.is_relative_to(repo.root) else str(path)


def _check_notebooks(repo: Repository) -> Iterator[Finding]:
    """Find notebooks whose outputs are in Git, and those with marks of a conflict."""
    yield from _name_each(
        repo,
        notebooks_with_outputs(repo),
        "notebook-with-outputs",
        lambda path: f"{path} is in Git with outputs",
        lambda path: f"git add --renormalize -- {shlex.quote(path)}",
    )
    marked = notebooks_in_conflict(repo)
    yield from _name_each(
        repo,
        list(marked),
        "notebook-in-conflict",
        lambda path: (
            f"{path} is in Git with marks of a merge conflict in {name_cells(marked[path])}"
        ),
        lambda path: f"jupyter lab {shlex.quote(path)}",
    )


def _check_store(ws: Workspace) -> Iterator[Finding]:
    """Look for the disks that content lies on outside of this clone."""
    for folder in ws.store.unreachable_folders():
        key = ALTERNATES if folder in ws.store.alternates else SHARED_STORE
        yield Finding(
            "store-unreachable",
            f"The store {folder} that {key} names is not there; its disk may not be mounted.",
            f"git config --show-origin --get-all {key}",
        )
    packs = own_packs(ws.store)
    if packs:
        yield Finding(
            "packs-not-shared",
            f"{plural(len(packs), 'pack')} of this clone are not in the shared store"
            f" {ws.store.folder}, so that other clones lack them.",
            _INIT,
        )


def _check_pointers(ws: Workspace) -> Iterator[Finding]:
    try:
        read_tracked(ws, read_origins(ws.git.state_dir))
    except MlopsError as error:
        yield _finding_of(error)


def _check_big_files(ws: Workspace) -> Iterator[Finding]:
    """Find files that Git tracks and that are better kept as data."""
    limit = ws.config.hooks.big_file_bytes
    printed = run_git(
        ws.git, "ls-tree", "-r", "-z", "--long", "--full-tree", "HEAD", allow=(0, 128)
    )
    sizes = {}
    for row in split_nul(printed):
        described, path = row.split("\t", 1)
        size = described.split()[3]
        if size.isdigit() and int(size) > limit:
            sizes[path] = int(size)
    yield from _name_each(
        ws.git,
        sorted(sizes),
        "big-file-in-git",
        lambda path: f"{path} ({format_bytes(sizes[path])}) is in Git itself",
        lambda path: f"git rm --cached -- {shlex.quote(path)}",
    )


def _name_each(
    repo: Repository,
    paths: list[str],
    code: str,
    describe: Callable[[str], str],
    mend: Callable[[str], str],
) -> Iterator[Finding]:
    """Yield a finding about each path, naming the commit; past some, one about all the others."""
    for path in paths[:_LISTED]:
        since = _last_commit(repo, path)
        yield Finding(code, describe(path) + (f", since {since}." if since else "."), mend(path))
    others = paths[_LISTED:]
    if others:
        yield Finding(
            code,
            f"There are {len(others)} more like these, the first {others[0]}.",
            mend(others[0]),
        )


def _last_commit(repo: Repository, path: str) -> str | None:
    """Return the short id and subject of the last commit that changed ``path``."""
    printed = run_git(repo, "log", "-1", "--format=%h (%s)", "--", literal(path), allow=(0, 128))
    return printed.decode("utf-8", "replace").strip() or None
