"""The command ``import``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.commands.source_project import open_source_project
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Hint, Note
from jupyter_mlops.files.durable import open_staging
from jupyter_mlops.snapshots.imports import check_import, is_tracked, write_imports
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.tracked import read_tracked
from jupyter_mlops.sync.external import find_settings
from jupyter_mlops.sync.places import place_of_source
from jupyter_mlops.units import format_bytes, plural


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What was imported: the path here, the project and the path there, files, bytes.

    ``rev`` is the revision that was asked for, null for the project's HEAD; ``commit`` the full id
    of the commit that it is. ``hints`` are commands that are left to be typed.
    """

    path: str
    url: str
    source_path: str
    rev: str | None
    commit: str
    files: int
    size_bytes: int
    hints: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return what came, from where, and how to follow it."""
        what = f"{plural(self.files, 'file')} ({format_bytes(self.size_bytes)})"
        at = f"{self.rev}, {self.commit[:10]}" if self.rev else self.commit[:10]
        blocks: list[Block] = [
            Note(
                f"Imported {self.source_path} of {self.url} at {at} to {self.path}: {what}.", "good"
            ),
            Hint("Bring the newer version later", f"jupyter mlops update {shlex.quote(self.path)}"),
            Hint("Keep the state", "jupyter mlops snapshot"),
        ]
        return Document((*blocks, *(Hint("To do", hint) for hint in self.hints)))


def import_data(
    ws: Workspace,
    url: Annotated[str, Arg("A Git repository: its URL or folder.", metavar="URL")],
    path: Annotated[str, Arg("A tracked path in it, or a part of one.", metavar="PATH")],
    *,
    rev: Annotated[
        str | None, Arg("A branch, tag or commit there, which update follows; HEAD by default.")
    ] = None,
    output: Annotated[
        str | None,
        Arg("What it is called here; its own name by default.", metavar="DEST", short="-o"),
    ] = None,
    yes: Annotated[bool, Arg("Use the place of its content from now on.")] = False,
) -> ImportResult:
    """Track a copy of another project's data or model, and remember where it is from.

    The content comes into the store, the data into the working tree, and the pointer file, which is
    staged, says project, path, revision and commit. ``update`` brings a newer version. What is
    there already is not written over. The URL holds no user and no password: Git finds those.
    """
    path = path.rstrip("/")
    target = resolve_paths(ws, [output or path.rpartition("/")[2]])[0]
    check_import(ws, target)
    settings = partial(find_settings, ws.git, ws.config)
    with (
        open_staging(ws.git.state_dir) as staging,
        open_source_project(ws.cwd, url, staging.path, settings) as project,
    ):
        known_places().add_place(place_of_source(project.url))
        found = project.find(path, rev, yes=yes)
        pointer = project.bring(ws.store, found, ws.progress, yes=yes)
    origins = read_origins(ws.git.state_dir)
    one = read_tracked(ws, origins, [target]).get(target)
    if one is not None and one.pointer != pointer:
        raise is_tracked(one)
    restored = write_imports(ws, {target: pointer}, ws.execution.command)
    assert pointer.source is not None
    return ImportResult(
        path=target,
        url=pointer.source.url,
        source_path=path,
        rev=rev,
        commit=pointer.source.commit,
        files=len(found.wanted.files),
        size_bytes=found.wanted.size_bytes,
        hints=restored.hints,
    )
