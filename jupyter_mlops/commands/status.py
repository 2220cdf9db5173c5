"""The command ``status``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.notebook_state import notebooks_with_outputs, settle_notebooks
from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.remote import place_opener
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Bytes, Code, Document, Hint, Note, Table
from jupyter_mlops.document.model import Tone
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.git.revisions import head
from jupyter_mlops.objects.ledger import read_unneeded_bytes
from jupyter_mlops.objects.trash import trash_bytes
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import PathStatus, count_out_of_reach, read_status
from jupyter_mlops.snapshots.tracked import in_tracked
from jupyter_mlops.sync.external import compare_external, look_at
from jupyter_mlops.sync.standing import Standing, find_standing
from jupyter_mlops.units import format_bytes, plural

_LISTED = 20
_WORDS = {
    State.CLEAN: "as its pointer says",
    State.CHANGED: "changed since it was kept",
    State.MISSING: "not here",
    State.BEHIND: "as its pointer named it before Git moved that",
    State.DIVERGED: "changed, and its pointer has moved too",
}
_WAYS_OUT = {
    State.CHANGED: ("Keep it", "jupyter mlops snapshot"),
    State.MISSING: ("Bring it back", "jupyter mlops restore"),
    State.BEHIND: ("Let it follow", "jupyter mlops restore"),
    State.DIVERGED: (
        "Take the pointer's (yours is kept first)",
        "jupyter mlops restore",
    ),
}


_KEPT = (State.CLEAN, State.MISSING)
_PULL = ("Bring it here", "jupyter mlops pull")


@dataclass(frozen=True, slots=True)
class TrackedResult:
    """One tracked path; counts of files, null where they cannot be told.

    ``in_conflict`` says that its pointer file is in a merge conflict; its state is diverged then.
    ``files_in_conflict`` are the project-relative paths that both sides changed, as far as they can
    be told, at most 1,000. ``external`` is the URL of data that stays where it is, and
    ``external_changes`` how many of its objects are not as recorded, null where nobody asked.
    ``imported_from`` is the project that the data came from. ``pushed`` says that remotes have all
    that is here of it, by what was seen at the last push or fetch, ``pulled`` that nothing is
    lacking here to restore it, told where there is a remote. ``files_erased`` counts those that are
    not here because their content was erased, which is no change.
    """

    path: str
    state: State
    files_changed: int | None
    files_added: int | None
    files_deleted: int | None
    size_bytes: int | None
    in_conflict: bool = False
    files_in_conflict: tuple[str, ...] = ()
    external: str | None = None
    external_changes: int | None = None
    imported_from: str | None = None
    pushed: bool = False
    pulled: bool = True
    files_erased: int = 0


@dataclass(frozen=True, slots=True)
class StatusResult:
    """The state of a worktree.

    ``branch`` is null when HEAD is detached, ``head`` before the first commit. ``not_pushed``
    counts the tracked paths of which something is here and on no remote, ``only_copy_here`` are the
    bytes on disk of these that no remote has, both by what was seen at the last push or fetch; all
    of them while there are no ``remotes``, which are names. ``not_committed`` counts those of them
    that wait for a commit to name them, ``not_pulled`` the paths that cannot be restored before a
    pull. Of the store ``trash_bytes`` are in its
    trash, and ``unneeded_bytes`` were not needed when garbage was last collected.
    ``outputs_not_kept`` are sentences about notebooks whose outputs are not kept as they are now.
    ``stores_out_of_reach`` are the shared store and alternates that are not there; then
    ``files_out_of_reach`` counts the files that the pointers name and that are in no other store,
    null where that cannot be told.
    """

    branch: str | None
    head: str | None
    tracked: tuple[TrackedResult, ...]
    not_pushed: int
    only_copy_here: int
    notebooks_with_outputs: tuple[str, ...]
    trash_bytes: int = 0
    unneeded_bytes: int = 0
    stores_out_of_reach: tuple[str, ...] = ()
    files_out_of_reach: int | None = 0
    remotes: tuple[str, ...] = ()
    not_committed: int = 0
    not_pulled: int = 0
    outputs_not_kept: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return where the worktree stands, a table of tracked paths, and the ways out."""
        where = self.branch or "no branch (detached HEAD)"
        at = self.head[:10] if self.head else "no commit yet"
        blocks: list[Block] = [Note(f"On {where}, {at}.")]
        if not self.tracked:
            blocks.append(Note("Nothing is tracked yet.", "quiet"))
            blocks.append(Hint("Keep some data", "jupyter mlops snapshot PATH"))
        else:
            rows = tuple(
                (Code(one.path), one.state, _describe_counts(one), _size(one))
                for one in self.tracked
            )
            blocks.append(Table(("path", "state", "files", "size"), rows))
            blocks += self._describe_states()
            blocks += self._describe_external()
            blocks += self._describe_remotes()
        erased = sum(one.files_erased for one in self.tracked)
        if erased:
            blocks.append(Note(f"{plural(erased, 'file')} not here: the content was erased."))
        blocks += self._describe_stores()
        if self.notebooks_with_outputs:
            count = plural(len(self.notebooks_with_outputs), "notebook")
            names = ", ".join(self.notebooks_with_outputs)
            blocks.append(Note(f"{count} committed with outputs: {names}.", "warning"))
            blocks.append(Hint("Commit without", "git add --renormalize ."))
        blocks += (Note(sentence, "warning") for sentence in self.outputs_not_kept)
        freeable = self.trash_bytes + self.unneeded_bytes
        if freeable:
            blocks.append(Note(f"{format_bytes(freeable)} in the store can be freed.", "quiet"))
            command = "jupyter mlops gc --trash-days 0" if self.trash_bytes else "jupyter mlops gc"
            blocks.append(Hint("Free it", command))
        return Document(tuple(blocks))

    def _describe_states(self) -> list[Block]:
        blocks = self._describe_conflicts()
        for state in State:
            found = [o for o in self.tracked if o.state is state and not o.in_conflict]
            paths = [o.path for o in found if o.external is None]
            if state is State.CLEAN or not paths:
                continue
            tone: Tone = "bad" if state is State.DIVERGED else "warning"
            blocks.append(Note(f"{', '.join(paths)}: {_WORDS[state]}.", tone))
            here = all(one.pulled for one in self.tracked if one.state is state)
            blocks.append(Hint(*(_WAYS_OUT[state] if here else _PULL)))
            if state is State.DIVERGED:
                blocks.append(_take_mine(paths))
        if all(one.state is State.CLEAN for one in self.tracked):
            blocks.append(Note("All data is as its pointers say.", "good"))
        return blocks

    def _describe_external(self) -> list[Block]:
        blocks: list[Block] = []
        for one in self.tracked:
            if one.imported_from:
                blocks.append(Note(f"{one.path} is imported from {one.imported_from}.", "quiet"))
            if one.external is None:
                continue
            word = shlex.quote(one.path)
            if one.state is not State.CLEAN:
                blocks.append(Note(f"{one.path}, a copy: {_WORDS[one.state]}.", "warning"))
                take = "Take what is recorded (yours is kept first)"
                blocks.append(Hint(take, f"jupyter mlops restore {word}"))
            if one.state in (State.CHANGED, State.DIVERGED):
                keep = f"jupyter mlops snapshot {word} --keep-mine"
                blocks.append(Hint("Make yours data of this project", keep))
            if one.external_changes:
                count = plural(one.external_changes, "object")
                blocks.append(Note(f"{one.path}: {count} changed at {one.external}.", "warning"))
                words = shlex.join([one.external, one.path])
                blocks.append(Hint("Record it", f"jupyter mlops snapshot --external {words}"))
            elif one.external_changes == 0:
                blocks.append(Note(f"{one.path} is as recorded at {one.external}.", "good"))
            else:
                blocks.append(Note(f"{one.path} stays at {one.external}.", "quiet"))
        return blocks

    def _describe_remotes(self) -> list[Block]:
        """Say what is only here; without a remote that is no alarm."""
        size = format_bytes(self.only_copy_here)
        if not self.remotes:
            if not self.only_copy_here:
                return []
            told = Note(f"{size} are only on this machine.", "quiet")
            return [told, Hint("Name a remote", "jupyter mlops remote add NAME URL")]
        waiting = [one for one in self.tracked if not one.pushed]
        if not waiting:
            if self.not_pulled:
                return []
            return [Note("A remote has all of it, as of the last push or fetch.", "good")]
        paths = ", ".join(one.path for one in waiting)
        text = f"{paths}: not pushed ({size}), as of the last push or fetch."
        blocks: list[Block] = [Note(text, "warning")]
        if self.not_committed:
            blocks.append(Hint("Let a commit name it, then push", "git commit"))
        if sum(one.state in _KEPT for one in waiting) > self.not_committed:
            blocks.append(Hint("Send it", "jupyter mlops push"))
        return blocks

    def _describe_stores(self) -> list[Block]:
        if not self.stores_out_of_reach:
            return []
        names = ", ".join(self.stores_out_of_reach)
        blocks: list[Block] = [Note(f"Out of reach: the store {names}.", "warning")]
        if self.files_out_of_reach is None:
            blocks.append(Note("What is only there cannot be told from here.", "warning"))
        elif self.files_out_of_reach:
            files = plural(self.files_out_of_reach, "file")
            text = f"{files} that the pointers name cannot be restored until it is back."
            blocks.append(Note(text, "bad"))
        return blocks

    def _describe_conflicts(self) -> list[Block]:
        paths = [one.path for one in self.tracked if one.in_conflict]
        if not paths:
            return []
        files = [name for one in self.tracked for name in one.files_in_conflict]
        words = shlex.join(paths)
        blocks: list[Block] = [
            Note(f"{', '.join(paths)}: the pointer file is in a merge conflict.", "bad")
        ]
        if files:
            rows = tuple((Code(name),) for name in files[:_LISTED])
            blocks.append(Table(("changed on both sides",), rows))
        if files[_LISTED:]:
            blocks.append(Note(f"{len(files) - _LISTED} more.", "quiet"))
        return [
            *blocks,
            Hint(
                "Take the branch's that you are on there", f"jupyter mlops resolve {words} --ours"
            ),
            Hint("Take the other's there", f"jupyter mlops resolve {words} --theirs"),
            _take_mine(paths),
        ]


def status(
    ws: Workspace,
    paths: Annotated[
        tuple[str, ...],
        Arg("Only these tracked paths.", metavar="PATH", complete="tracked"),
    ] = (),
    *,
    external: Annotated[
        bool, Arg("Also ask the places of external data whether it has changed there.")
    ] = False,
) -> StatusResult:
    """Show tracked paths, their state, and what is only here.

    A path is clean, changed (the data moved), behind (the pointer moved, as after a pull or a
    reset), diverged (both moved), or missing. What remotes have is told as of the last push or
    fetch; nothing is asked of them. Notebooks that were run and not edited count as unchanged from
    now on, for Git too.
    """
    statuses = read_status(ws, resolve_paths(ws, paths))
    not_kept = settle_notebooks(ws.git)
    standing = find_standing(ws, [one for one in statuses if one.tracked.external is None])
    at = head(ws.git)
    away = ws.store.unreachable_folders()
    return StatusResult(
        branch=at.branch,
        head=at.commit,
        tracked=tuple(_result(ws, one, standing, ask=external) for one in statuses),
        not_pushed=len(standing.not_pushed),
        only_copy_here=standing.only_here_bytes,
        notebooks_with_outputs=tuple(notebooks_with_outputs(ws.git)),
        trash_bytes=trash_bytes(ws.store),
        unneeded_bytes=read_unneeded_bytes(ws.store.ledger_file),
        stores_out_of_reach=tuple(map(str, away)),
        files_out_of_reach=count_out_of_reach(ws, statuses) if away else 0,
        remotes=tuple(ws.config.remotes),
        not_committed=len(standing.not_committed),
        not_pulled=len(standing.not_pulled),
        outputs_not_kept=not_kept,
    )


def _result(ws: Workspace, status: PathStatus, standing: Standing, *, ask: bool) -> TrackedResult:
    counts = status.differences
    outside, source = status.tracked.external, status.tracked.source
    size_bytes = status.present.size_bytes if status.present is not None else None
    return TrackedResult(
        path=status.path,
        state=status.state,
        files_changed=counts.changed if counts is not None else None,
        files_added=counts.added if counts is not None else None,
        files_deleted=counts.deleted if counts is not None else None,
        size_bytes=outside.size_bytes if outside is not None else size_bytes,
        in_conflict=status.tracked.pointer is None,
        files_in_conflict=tuple(in_tracked(status.path, name) for name in status.conflicts),
        external=outside.url if outside is not None else None,
        external_changes=_count_changes(ws, outside) if ask and outside is not None else None,
        imported_from=source.url if source is not None else None,
        pushed=status.path not in standing.not_pushed,
        pulled=status.path not in standing.not_pulled,
        files_erased=len(status.erased),
    )


def _count_changes(ws: Workspace, pointer: ExternalPointer) -> int:
    """Return how many objects came, went or changed at their place since they were recorded."""
    try:
        url = f"{pointer.url}/" if pointer.is_folder else pointer.url
        now = look_at(url, place_opener(ws, yes=False))
    except NotFoundError:
        return len(pointer.objects)
    changes = compare_external(pointer, now)
    return len(changes.added) + len(changes.deleted) + len(changes.modified)


def _take_mine(paths: Sequence[str]) -> Hint:
    command = f"jupyter mlops snapshot {shlex.join(paths)} --keep-mine"
    return Hint("Take yours, as it is on disk", command)


def _describe_counts(one: TrackedResult) -> str:
    if one.files_changed is None:
        return "?"
    named = (("~", one.files_changed), ("+", one.files_added), ("-", one.files_deleted))
    return " ".join(f"{sign}{count}" for sign, count in named if count)


def _size(one: TrackedResult) -> Bytes | None:
    return Bytes(one.size_bytes) if one.size_bytes is not None else None
