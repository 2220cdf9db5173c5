"""The command ``export``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.remote import source_of
from jupyter_mlops.commands.restore import describe_erased
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Note
from jupyter_mlops.files.durable import make_folder, open_staging
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.objects.store import create_store
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.tracked import read_tree_pointers
from jupyter_mlops.storage.open import open_backend
from jupyter_mlops.sync.export import export_files
from jupyter_mlops.sync.view import View
from jupyter_mlops.units import format_bytes, plural


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written: the revision's full id, files, bytes.

    ``erased`` are files that were left out because their content was erased.
    """

    revision: str
    destination: str
    files: int
    size_bytes: int
    erased: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """3 when the content of some files was erased."""
        return 3 if self.erased else 0

    def describe(self) -> Document:
        """Return what was written."""
        files = f"{plural(self.files, 'file')} ({format_bytes(self.size_bytes)})"
        line = f"Wrote {files} of {self.revision[:10]} to {self.destination}."
        return Document((Note(line, "good"), *describe_erased(self.erased)))


def export(
    ws: Workspace,
    revision: Annotated[
        str, Arg("A commit, branch, tag or snapshot.", metavar="REVISION", complete="revision")
    ],
    destination: Annotated[str, Arg("A folder, or s3://, gs://, az://, ssh://, webdav+https://.")],
    paths: Annotated[
        tuple[str, ...], Arg("Only these tracked paths.", metavar="PATH", complete="tracked")
    ] = (),
) -> ExportResult:
    """Write tracked data of a revision as plain files to a folder or a bucket.

    For programs that know nothing of this one. The place must be empty. Content comes from the
    store, or else from the project's remote; the working tree is not touched.
    """
    commit = resolve_revision(ws.git, revision)
    url = destination
    if "://" not in destination:
        folder = Path(os.path.abspath(ws.cwd / destination))
        make_folder(folder)
        url = str(folder)
    create_store(ws.store)
    with (
        source_of(ws) as source,
        open_backend(url) as backend,
        open_staging(ws.store.staging_folder, shared=ws.store.is_shared) as staging,
    ):
        view = View(source, read_tree_pointers(open_tree(ws.git, commit)))
        exported = export_files(view, resolve_paths(ws, paths), backend, staging, ws.progress)
    return ExportResult(commit, destination, *exported)
