"""The command ``restore``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from jupyter_mlops.commands.clone import ensure_clone
from jupyter_mlops.commands.notebook_state import settle_notebooks
from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.remote import place_opener
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Bytes, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.snapshots.code import NOTEBOOK_SUFFIX, CodeChanges, restore_code
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.outputs import restore_outputs
from jupyter_mlops.snapshots.plan import PathPlan
from jupyter_mlops.snapshots.restore import Restored, restore_data
from jupyter_mlops.snapshots.tracked import read_tracked, select_tracked
from jupyter_mlops.snapshots.unfinished import read_unfinished
from jupyter_mlops.sync.external_fetch import fetch_external
from jupyter_mlops.units import plural

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RestoredPath:
    """What became, or would become, of one tracked path; counts of files."""

    path: str
    written: int
    deleted: int
    unchanged: int
    written_bytes: int


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What a restore did; counts of files.

    ``revision`` is the full id of the commit that was restored, null for the working tree's own
    pointers; ``saved_as`` the automatic snapshot of what was overwritten; ``code`` the code files
    written or deleted, ``outputs`` the notebooks that got outputs, ``code_saved_as`` the automatic
    snapshot of both before. ``set_up`` tells what this clone lacked and got, a sentence each.
    ``erased`` are the files that could not be brought back because their content was erased.
    """

    revision: str | None
    written: int
    deleted: int
    unchanged: int
    saved_as: str | None
    dry_run: bool = False
    paths: tuple[RestoredPath, ...] = ()
    code: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    code_saved_as: str | None = None
    set_up: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """3 when the content of some files was erased."""
        return 3 if self.erased else 0

    def describe(self) -> Document:
        """Return a line of counts, what was kept of the former state, and the paths that moved."""
        would = "Would write" if self.dry_run else "Wrote"
        delete = "delete" if self.dry_run else "deleted"
        of = f" as {self.revision[:10]} has them" if self.revision else ""
        line = (
            f"{would} {plural(self.written, 'file')}, {delete} {self.deleted},"
            f" left {self.unchanged} unchanged{of}."
        )
        blocks: list[Block] = [Note(sentence) for sentence in self.set_up]
        if self.paths or not self.outputs:
            blocks.append(Note(line, "good"))
        blocks += describe_erased(self.erased)
        if self.saved_as and self.saved_as != self.code_saved_as:
            blocks.append(Note(f"What was overwritten is kept as snapshot {self.saved_as}."))
            blocks.append(Hint("Take it back", "jupyter mlops undo"))
        moved = [path for path in self.paths if path.written or path.deleted]
        if moved:
            rows = tuple(
                (Code(p.path), p.written, p.deleted, p.unchanged, Bytes(p.written_bytes))
                for p in moved
            )
            blocks.append(Table(("path", "written", "deleted", "unchanged", "size"), rows))
        if self.code:
            title = "code that changes" if self.dry_run else "code that changed"
            blocks.append(Table((title,), tuple((Code(path),) for path in self.code)))
        if self.outputs:
            title = "gets outputs" if self.dry_run else "got outputs"
            blocks.append(Table((title,), tuple((Code(path),) for path in self.outputs)))
        if self.code_saved_as:
            if self.code:
                command = f"jupyter mlops restore {self.code_saved_as} --code"
            else:
                command = f"jupyter mlops restore {self.code_saved_as} --outputs"
            blocks.append(Hint("Take that back (undo does not)", command))
        return Document(tuple(blocks))


def restore(
    ws: Workspace,
    revision: Annotated[
        str | None,
        Arg(
            "A commit, branch, tag or snapshot; what the pointer files name by default.",
            metavar="REVISION",
            complete="revision",
        ),
    ] = None,
    paths: Annotated[
        tuple[str, ...],
        Arg(
            "Only these tracked paths; with --outputs also notebooks.",
            metavar="PATH",
            complete="tracked",
        ),
    ] = (),
    *,
    code: Annotated[
        bool, Arg("Also bring back the code of the revision; yours is kept first.")
    ] = False,
    outputs: Annotated[
        bool, Arg("Also bring back the outputs of notebooks at that revision.")
    ] = False,
    dry_run: Annotated[bool, Arg("Only show what would be done.", short="-n")] = False,
    yes: Annotated[bool, Arg("Use the place of external data from now on.")] = False,
) -> RestoreResult:
    """Bring data and models back as a revision has them.

    Without a revision, data becomes what the pointer files of the working tree name. With one, its
    pointer files are written too, so that pointer and data agree. What would be overwritten and is
    nowhere else is kept as a snapshot first. A restore that was cut short is finished by the next.
    In a new clone, Git's filter and hooks are set up as ``init`` does it. External data stays where
    it is, unless its path is named, which may then stand alone: a copy of it is fetched. With
    --outputs, notebooks whose code is that of the revision get the outputs that they had there, and
    those that are named also where they were edited since: the cells whose code is the same.
    """
    if revision is not None and _is_external(ws, revision):
        paths = (revision, *paths)
        revision = None
    commit = _resolve(ws, revision) if revision is not None else None
    selected = resolve_paths(ws, paths)
    notebooks = [path for path in selected if outputs and path.endswith(NOTEBOOK_SUFFIX)]
    selected = [path for path in selected if path not in notebooks]
    with_data = bool(selected or not notebooks)
    if (code or outputs) and revision is None:
        raise UsageError(
            "--code and --outputs need a revision to take them from.",
            code="revision-missing",
            hints=["jupyter mlops log", "jupyter mlops restore REVISION --code"],
        )
    if revision is not None and code and notebooks:
        words = shlex.join([revision, *notebooks])
        raise UsageError(
            "--code brings all code back, so no notebooks can be named with it.",
            code="usage",
            hints=[f"jupyter mlops restore {words} --outputs"],
        )
    command = ws.execution.command
    changed: CodeChanges | None = None
    set_up: tuple[str, ...] = ()
    if commit is not None and (code or outputs):
        if with_data:
            restore_data(ws, commit, selected, command=command, dry_run=True)
        set_up = () if dry_run else ensure_clone(ws.git)
        if code:
            changed = restore_code(ws, commit, dry_run=dry_run)
        else:
            changed = restore_outputs(ws, commit, notebooks, dry_run=dry_run)
    restored = Restored((), None)
    if with_data:
        unfinished = read_unfinished(ws.git.state_dir)
        restored = restore_data(ws, commit, selected, command=command, dry_run=dry_run)
        restored = _fetch_external(ws, restored, {*selected, *unfinished}, dry_run=dry_run, yes=yes)
    if not dry_run:
        set_up += ensure_clone(ws.git)
        settle_notebooks(ws.git)
    return _result(commit, restored, changed, set_up, with_code=code, dry_run=dry_run)


def _fetch_external(
    ws: Workspace, restored: Restored, wanted: Collection[str], *, dry_run: bool, yes: bool
) -> Restored:
    """Fetch external data at or under the paths that are ``wanted``; return all that was done."""
    plans: list[PathPlan] = []
    saved_as = restored.saved_as
    for plan in restored.plans:
        pointer = plan.pointer
        if isinstance(pointer, ExternalPointer):
            if not wanted or not select_tracked([plan.path], list(wanted)):
                continue
            fetched = fetch_external(
                ws,
                plan.path,
                pointer,
                place_opener(ws, yes=yes),
                command=ws.execution.command,
                dry_run=dry_run,
            )
            plans += fetched.plans
            saved_as = fetched.saved_as or saved_as
        else:
            plans.append(plan)
    return replace(restored, plans=tuple(plans), saved_as=saved_as)


def _resolve(ws: Workspace, first: str) -> str:
    """Return the full id of the commit that the first word means; a tracked path is refused."""
    commit = _find_revision(ws, first)
    tracked = _is_tracked(ws, first)
    if commit is None and not tracked:
        raise NotFoundError(
            f"{first!r} is neither a revision nor a snapshot.",
            code="unknown-revision",
            hints=["jupyter mlops log", "git log --oneline --all"],
        )
    if tracked or commit is None:
        what = (
            "is a tracked path, and" if commit is None else "is both a revision and a tracked path;"
        )
        raise ConflictError(
            f"{first!r} {what} the first word is the revision to restore from.",
            code="revision-comes-first",
            hints=[f"jupyter mlops restore HEAD {shlex.quote(first)}", "jupyter mlops restore"],
        )
    return commit


def _is_external(ws: Workspace, word: str) -> bool:
    """Return whether ``word`` is no revision and the tracked path of external data."""
    try:
        path = resolve_paths(ws, [word])[0]
    except UsageError:
        return False
    one = read_tracked(ws, read_origins(ws.git.state_dir)).get(path)
    return one is not None and one.external is not None and _find_revision(ws, word) is None


def _find_revision(ws: Workspace, word: str) -> str | None:
    try:
        return resolve_revision(ws.git, word)
    except NotFoundError:
        return None


def _is_tracked(ws: Workspace, word: str) -> bool:
    """Return whether ``word`` is a tracked path, a folder of some, or a file within one."""
    try:
        path = resolve_paths(ws, [word])[0]
    except UsageError:
        return False
    tracked = read_tracked(ws, read_origins(ws.git.state_dir))
    within = any(path.startswith(other + "/") for other in tracked)
    if within and os.path.lexists(ws.root / path):
        return True
    return bool(select_tracked(tracked, [path]))


def _result(
    revision: str | None,
    restored: Restored,
    changed: CodeChanges | None,
    set_up: tuple[str, ...],
    *,
    with_code: bool,
    dry_run: bool,
) -> RestoreResult:
    plans = restored.plans
    code_saved_as = changed.saved_as if changed is not None else None
    return RestoreResult(
        revision=revision,
        written=sum(plan.written_count for plan in plans),
        deleted=sum(plan.deleted_count for plan in plans),
        unchanged=sum(plan.unchanged_count for plan in plans),
        saved_as=restored.saved_as or code_saved_as,
        dry_run=dry_run,
        paths=tuple(
            RestoredPath(
                plan.path,
                plan.written_count,
                plan.deleted_count,
                plan.unchanged_count,
                plan.written_bytes,
            )
            for plan in plans
        ),
        code=changed.paths if changed is not None and with_code else (),
        outputs=changed.paths if changed is not None and not with_code else (),
        code_saved_as=code_saved_as,
        set_up=set_up,
        erased=restored.erased,
    )


def describe_erased(paths: Sequence[str]) -> list[Block]:
    """Return that these files could not be brought back."""
    if not paths:
        return []
    named = ", ".join(paths[:_SHOWN]) + (" and more" if paths[_SHOWN:] else "")
    line = f"{plural(len(paths), 'file')} left out, because the content was erased: {named}."
    return [Note(line, "warning")]
