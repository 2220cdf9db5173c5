"""The command ``update``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.commands.source_project import Found, open_source_project
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Hint, Note, Table
from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.files.durable import open_staging
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import StoredPointer
from jupyter_mlops.snapshots.compare import FileChanges, compare_entries
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.imports import Imported, read_imported, write_imports
from jupyter_mlops.snapshots.restore import Restored
from jupyter_mlops.snapshots.tracked import content_of, select_tracked
from jupyter_mlops.sync.external import find_settings
from jupyter_mlops.sync.places import place_of_source
from jupyter_mlops.units import plural

_SHOWN_FILES = 10


@dataclass(frozen=True, slots=True)
class UpdatedPath:
    """One imported path: its project, and the commits that it was at and is at.

    Where ``up_to_date``, nothing came. The lists name files relative to the path, ``""`` a single
    one; they are null where the store lacks what was there before.
    """

    path: str
    url: str
    rev: str | None
    old_commit: str
    commit: str
    up_to_date: bool
    added: tuple[str, ...] | None = ()
    deleted: tuple[str, ...] | None = ()
    modified: tuple[str, ...] | None = ()
    renamed: tuple[tuple[str, str], ...] | None = ()


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What became of the imported paths.

    ``saved_as`` is the automatic snapshot of what was overwritten; ``hints`` are commands that are
    left to be typed.
    """

    paths: tuple[UpdatedPath, ...]
    saved_as: str | None = None
    hints: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return a line a path, and the first files that changed."""
        blocks: list[Block] = []
        for one in self.paths:
            if one.up_to_date:
                text = f"{one.path} is up to date with {one.url} at {one.commit[:10]}."
                blocks.append(Note(text, "good"))
                continue
            text = f"{one.path}: {one.old_commit[:10]} → {one.commit[:10]} of {one.url}."
            blocks.append(Note(text, "good"))
            rows = _describe_files(one)
            if rows:
                blocks.append(Table(("change", "file"), rows[:_SHOWN_FILES], title=one.path))
            if len(rows) > _SHOWN_FILES:
                more = plural(len(rows) - _SHOWN_FILES, "more file")
                blocks.append(Note(f"… and {more}", "quiet"))
        if self.saved_as:
            blocks.append(Note(f"What was overwritten is kept as snapshot {self.saved_as}."))
            blocks.append(Hint("Take it back", "jupyter mlops undo"))
        return Document((*blocks, *(Hint("To do", hint) for hint in self.hints)))


def update(
    ws: Workspace,
    paths: Annotated[
        tuple[str, ...],
        Arg("Only these imported paths.", metavar="PATH", complete="tracked"),
    ] = (),
    *,
    rev: Annotated[
        str | None, Arg("Another branch, tag or commit of the project, followed from now on.")
    ] = None,
    theirs: Annotated[
        bool, Arg("Also where you have changed the data; yours is kept as a snapshot first.")
    ] = False,
    yes: Annotated[bool, Arg("Use the places of the projects from now on.")] = False,
) -> UpdateResult:
    """Bring imported data to the newest version of the revision that it follows.

    The content comes into the store, then the data into the working tree and the pointer file,
    which is staged. Where you have changed the data since, nothing at all is updated without
    --theirs.
    """
    imported = _choose(ws, resolve_paths(ws, paths))
    settings = partial(find_settings, ws.git, ws.config)
    found: dict[str, Found] = {}
    pointers: dict[str, StoredPointer] = {}
    for url, group in _by_url(imported).items():
        place, hint = place_of_source(url), "jupyter mlops update --yes"
        if yes:
            known_places().add_place(place)
        else:
            known_places().require_place(place, "An imported project", hint)
        with (
            open_staging(ws.git.state_dir) as staging,
            open_source_project(ws.cwd, url, staging.path, settings) as project,
        ):
            for one in group:
                assert one.pointer.source is not None
                wanted_rev = rev if rev is not None else one.pointer.source.rev
                found[one.path] = project.find(one.pointer.source.path, wanted_rev, yes=yes)
            _refuse_own(imported, found, theirs=theirs)
            for one in group:
                if _is_new(one, found[one.path]):
                    new = project.bring(ws.store, found[one.path], ws.progress, yes=yes)
                    pointers[one.path] = new
                elif rev is not None and one.pointer.source != found[one.path].source:
                    pointers[one.path] = replace(one.pointer, source=found[one.path].source)
    changes = {one.path: _compare(ws, one, found[one.path]) for one in imported}
    left = {o.path: o.pointer for o in imported if o.is_unfinished or not o.is_staged}
    restored = Restored((), None)
    if pointers or left:
        restored = write_imports(ws, {**left, **pointers}, ws.execution.command)
    return UpdateResult(
        tuple(_result(one, found[one.path], pointers, changes[one.path]) for one in imported),
        restored.saved_as,
        restored.hints,
    )


def _choose(ws: Workspace, paths: Sequence[str]) -> list[Imported]:
    imported = read_imported(ws, paths)
    for path in paths:
        if not select_tracked([one.path for one in imported], [path]):
            raise NotFoundError(
                f"{path} is not imported from another project.",
                code="not-imported",
                hints=("jupyter mlops status",),
            )
    if not imported:
        raise NotFoundError(
            "Nothing here is imported from another project.",
            code="not-imported",
            hints=("jupyter mlops import URL PATH",),
        )
    return imported


def _by_url(imported: Sequence[Imported]) -> dict[str, list[Imported]]:
    groups: dict[str, list[Imported]] = {}
    for one in imported:
        assert one.pointer.source is not None
        groups.setdefault(one.pointer.source.url, []).append(one)
    return groups


def _is_new(one: Imported, found: Found) -> bool:
    """Return whether the project has something else there than what came."""
    assert one.pointer.source is not None
    return found.source.hash != one.pointer.source.hash


def _refuse_own(imported: Sequence[Imported], found: Mapping[str, Found], *, theirs: bool) -> None:
    """Refuse to write over what the user has changed.

    Raises:
        ConflictError: something newer would; code ``import-changed``.
    """
    own = [
        one.path
        for one in imported
        if one.path in found
        and one.is_own
        and _is_new(one, found[one.path])
        and content_of(one.pointer).hash != found[one.path].source.hash
    ]
    if own and not theirs:
        words = shlex.join(own)
        raise ConflictError(
            f"Nothing was updated: there is a newer version of what you have changed:"
            f" {', '.join(own)}.",
            code="import-changed",
            hints=(
                f"jupyter mlops update {words} --theirs",
                "jupyter mlops import URL PATH --output ANOTHER",
            ),
        )


def _compare(ws: Workspace, one: Imported, found: Found) -> FileChanges | None:
    try:
        before = read_entries(ws.store, one.pointer)
    except NotFoundError:
        return None
    return compare_entries(_files(before), _files(found.wanted.entries))


def _files(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    return {name: entry for name, entry in entries.items() if entry.mode is not Mode.FOLDER}


def _result(
    one: Imported,
    found: Found,
    pointers: Mapping[str, StoredPointer],
    changes: FileChanges | None,
) -> UpdatedPath:
    before, now = one.pointer.source, found.source
    assert before is not None
    if one.path not in pointers:
        return UpdatedPath(one.path, now.url, before.rev, before.commit, before.commit, True)
    if not _is_new(one, found):
        return UpdatedPath(one.path, now.url, now.rev, before.commit, now.commit, True)
    return UpdatedPath(
        one.path,
        now.url,
        now.rev,
        before.commit,
        now.commit,
        False,
        changes.added if changes else None,
        changes.deleted if changes else None,
        changes.modified if changes else None,
        changes.renamed if changes else None,
    )


def _describe_files(one: UpdatedPath) -> tuple[tuple[str, str], ...]:
    rows = [("added", name) for name in one.added or ()]
    rows += [("deleted", name) for name in one.deleted or ()]
    rows += [("modified", name or one.path) for name in one.modified or ()]
    rows += [("renamed", f"{old} → {new}") for old, new in one.renamed or ()]
    return tuple(rows)
