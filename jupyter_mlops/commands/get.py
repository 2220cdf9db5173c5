"""The command ``get``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.restore import describe_erased
from jupyter_mlops.commands.source_project import open_source_project
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Document, Note
from jupyter_mlops.errors import ConflictError, UsageError
from jupyter_mlops.files.durable import Staging, make_folder, move_new, open_staging
from jupyter_mlops.formats.names import check_path
from jupyter_mlops.snapshots.tracked import read_tree_pointers
from jupyter_mlops.storage.open import open_backend
from jupyter_mlops.sync.export import Exported, export_files
from jupyter_mlops.sync.view import View
from jupyter_mlops.units import format_bytes, plural


@dataclass(frozen=True, slots=True)
class GetResult:
    """What was copied: the full id of the revision, where it was written, files, bytes.

    ``erased`` are files that were left out because their content was erased.
    """

    revision: str
    output: str
    files: int
    size_bytes: int
    erased: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """3 when the content of some files was erased."""
        return 3 if self.erased else 0

    def describe(self) -> Document:
        """Return what was copied."""
        files = f"{plural(self.files, 'file')} ({format_bytes(self.size_bytes)})"
        line = f"Wrote {files} of {self.revision[:10]} to {self.output}."
        return Document((Note(line, "good"), *describe_erased(self.erased)))


def get(
    here: Here,
    url: Annotated[str, Arg("A Git repository: its URL or folder.", metavar="URL")],
    path: Annotated[str, Arg("A tracked path in it, or a part of one.", metavar="PATH")],
    *,
    rev: Annotated[str | None, Arg("A commit, branch or tag there; HEAD by default.")] = None,
    output: Annotated[
        Path | None, Arg("Where to write it; its own name here by default.", short="-o")
    ] = None,
    yes: Annotated[bool, Arg("Use the place of its content from now on.")] = False,
) -> GetResult:
    """Copy data or a model out of any project, without its history.

    Content comes from the project's remote, or from the store of a project on this machine. What
    is there already is not written over.
    """
    try:
        check_path(path)
    except ValueError as error:
        raise UsageError(
            f"{path!r} is no path in a project: {error}.",
            code="bad-value",
            hints=("jupyter mlops get URL data/train.csv",),
        ) from error
    target = Path(os.path.abspath(here.cwd / (output or path.rpartition("/")[2])))
    if os.path.lexists(target):
        raise ConflictError(
            f"{target} exists already, so nothing was written.",
            code="name-taken",
            hints=("jupyter mlops get URL PATH --output ANOTHER",),
        )
    with (
        open_staging(target.parent) as staging,
        open_source_project(here.cwd, url, staging.path) as project,
    ):
        commit = project.resolve(rev)
        tree = project.open_tree(commit)
        with project.open_source(project.read_config(tree), yes=yes) as source:
            view = View(source, read_tree_pointers(tree, [path]))
            exported = _write(view, path, target, staging, here)
    return GetResult(commit, str(target), *exported)


def _write(view: View, path: str, target: Path, staging: Staging, here: Here) -> Exported:
    """Write all of it beside ``target``, then give it its name."""
    beside = staging.path / "content"
    make_folder(beside)
    with open_backend(str(beside)) as backend:
        exported = export_files(view, [path], backend, staging, here.progress, without=path)
    entry = view.find(path)
    is_file = entry is not None and not view.is_folder(entry)
    move_new(beside / path.rpartition("/")[2] if is_file else beside, target)
    return exported
