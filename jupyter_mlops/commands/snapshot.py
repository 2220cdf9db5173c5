"""The command ``snapshot``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.external import look_at_external
from jupyter_mlops.commands.notebook_state import notebooks_in_conflict, settle_notebooks
from jupyter_mlops.commands.numbers import list_number_files, read_numbers
from jupyter_mlops.commands.paths import notebook_path, resolve_paths
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.verdicts import WorktreeVerdicts
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Hint, Note
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.git.trees import holds_path
from jupyter_mlops.ids import format_hash
from jupyter_mlops.notebooks.journal import join_journals
from jupyter_mlops.snapshots.environment import read_environment
from jupyter_mlops.snapshots.listing import SNAPSHOT_REFS
from jupyter_mlops.snapshots.take import Circumstances, Taken, take_snapshot
from jupyter_mlops.snapshots.tracked import content_of
from jupyter_mlops.tracking.kept_runs import find_run_files
from jupyter_mlops.tracking.last_values import settle_values
from jupyter_mlops.tracking.place import Place
from jupyter_mlops.units import format_bytes, plural


@dataclass(frozen=True, slots=True)
class SnapshotPathResult:
    """One tracked path as it was kept; ``files`` counts files, ``size_bytes`` is their sum."""

    path: str
    kind: str
    hash: str
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LeftOutResult:
    """One path that is not in the snapshot, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class NotebookResult:
    """The notebook that the command was called from, as the snapshot has it.

    Where ``saved`` is false it is as it was last saved, with ``why`` where that is known.
    """

    path: str
    saved: bool
    why: str | None


@dataclass(frozen=True, slots=True)
class SnapshotResult:
    """A snapshot that was taken.

    ``base`` is the full id of the commit it is tied to, null before the first one; ``commit`` the
    ordinary commit where one was asked for. ``new_bytes`` are plain bytes that the store lacked,
    ``stored_bytes`` the bytes that it grew by. ``changed_imports`` are imported paths that are not
    as they came, ``outputs_not_kept`` sentences about notebooks and what they ran,
    ``notebooks_in_conflict`` those in which marks of a merge conflict stand.
    """

    id: str
    name: str | None
    base: str | None
    commit: str | None
    paths: tuple[SnapshotPathResult, ...]
    new_bytes: int
    stored_bytes: int
    left_out: tuple[LeftOutResult, ...]
    hints: tuple[str, ...] = ()
    notebook: NotebookResult | None = None
    changed_imports: tuple[str, ...] = ()
    outputs_not_kept: tuple[str, ...] = ()
    notebooks_in_conflict: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return the four lines: what was kept, its commit, its id, how to get it back."""
        files = sum(path.files for path in self.paths)
        total = sum(path.size_bytes for path in self.paths)
        what = ", ".join(path.path for path in self.paths) or "no data"
        tied = f"commit {self.base[:10]}" if self.base else "no commit yet"
        if self.commit is not None:
            tied += f"; committed as {self.commit[:10]}"
        called = f" ({self.name})" if self.name else ""
        kept = (
            f"Kept {what}: {plural(files, 'file')}, {format_bytes(total)},"
            f" {format_bytes(self.stored_bytes)} new in the store."
        )
        outside = [path for path in self.paths if path.kind == "external"]
        if outside:
            kept = f"Recorded {what}: {plural(files, 'object')}, {format_bytes(total)}, not copied."
        notes = [Note(f"Left out {left.path}: {left.why}.", "warning") for left in self.left_out]
        notes += [
            Note(f"{path} is not what was imported any more; update leaves it as it is.")
            for path in self.changed_imports
        ]
        notes += [Note(sentence, "warning") for sentence in self.outputs_not_kept]
        notes += [
            Note(f"{path} has marks of a merge conflict in it.", "warning")
            for path in self.notebooks_in_conflict
        ]
        if self.notebook is not None and not self.notebook.saved:
            why = f": {self.notebook.why}" if self.notebook.why else ""
            notes.append(
                Note(f"{self.notebook.path} is kept as it was last saved{why}.", "warning")
            )
        return Document(
            (
                Note(kept, "good"),
                Note(f"Tied to {tied}."),
                Note(f"Snapshot {self.id}{called}"),
                Hint("Get it back", f"jupyter mlops restore {self.id}"),
                *notes,
                *(Hint("To do", hint) for hint in self.hints),
            )
        )


def snapshot(
    ws: Workspace,
    paths: Annotated[
        tuple[str, ...],
        Arg("Files and folders to keep; all tracked ones by default.", "PATH", complete="path"),
    ] = (),
    *,
    message: Annotated[
        str | None, Arg("Why this state is worth keeping.", metavar="TEXT", short="-m")
    ] = None,
    name: Annotated[str | None, Arg("A name to find it by.", metavar="NAME")] = None,
    commit: Annotated[
        bool, Arg("Also commit the pointer, metrics and params files, and nothing else.")
    ] = False,
    keep_mine: Annotated[
        bool, Arg("Take data that is behind its pointer as the newer one.")
    ] = False,
    external: Annotated[
        str | None,
        Arg("Record what stays there: a URL of any kind of remote.", "URL", rest=False),
    ] = None,
) -> SnapshotResult:
    """Keep data, models and code as one state tied to the current commit.

    The content goes to the store and is durable when the command returns; a pointer file beside
    each path names it, and is staged in Git's index. The state as a whole (pointers, code with
    stripped notebooks, metrics, params, what their runs logged, environment, which cells ran)
    becomes a hidden commit whose parent is HEAD. HEAD, the branch and the data files are not
    touched. In a notebook that JupyterLab shows, it is saved first. With --external, PATH gets a
    pointer file that names what is at the URL, an object or all objects below it, by version, ETag
    and size; nothing is copied.
    """
    outside = look_at_external(ws, external, paths) if external is not None else None
    place = Place(ws.root, ws.git)
    not_settled = settle_values(place)
    numbers = read_numbers(ws)
    ran = WorktreeVerdicts(ws.git).collect_sessions()
    circumstances = Circumstances(
        message=message,
        name=name,
        notebook=notebook_path(ws),
        cells=ws.execution.cells,
        command=ws.execution.command,
        params=numbers.params,
        metrics=numbers.metrics,
        environment=read_environment(ws.git.state_dir / "environment"),
        journal=join_journals(ran.sessions),
        runs=tuple(find_run_files(place)),
        left_out=not_settled,
    )
    taken = take_snapshot(
        ws,
        resolve_paths(ws, paths) if outside is None else [],
        circumstances,
        keep_mine=keep_mine,
        external=outside,
        commit_files=list_number_files(ws) if commit else None,
    )
    not_kept = settle_notebooks(ws.git, kept_in=SNAPSHOT_REFS + taken.record.id)
    if ran.secrets:
        cells = plural(ran.secrets, "cell")
        told = f"The code of {cells} that ran and stands in no notebook is not kept"
        not_kept += (f"{told}: a secret may be in it.",)
    return _result(ws, taken, not_kept)


def _notebook(ws: Workspace, taken: Taken) -> NotebookResult | None:
    """Return the notebook that the command was called from, None where it was not kept."""
    record, execution = taken.record, ws.execution
    if not record.notebook or not holds_path(ws.git, SNAPSHOT_REFS + record.id, record.notebook):
        return None
    return NotebookResult(record.notebook, execution.notebook_saved, execution.why_not_saved)


def _result(ws: Workspace, taken: Taken, not_kept: tuple[str, ...]) -> SnapshotResult:
    record = taken.record
    return SnapshotResult(
        id=record.id,
        name=record.name,
        base=record.base,
        commit=taken.commit,
        paths=tuple(
            SnapshotPathResult(p.path, p.kind, format_hash(p.hash), p.files, p.size_bytes)
            for p in record.paths
        ),
        new_bytes=taken.kept.new_bytes,
        stored_bytes=taken.kept.stored_bytes,
        left_out=tuple(LeftOutResult(left.path, left.why) for left in record.left_out),
        hints=taken.hints,
        notebook=_notebook(ws, taken),
        changed_imports=tuple(
            path
            for path, pointer in taken.kept.pointers.items()
            if not isinstance(pointer, ExternalPointer)
            and pointer.source is not None
            and pointer.source.hash != content_of(pointer).hash
        ),
        outputs_not_kept=not_kept,
        notebooks_in_conflict=tuple(notebooks_in_conflict(ws.git, SNAPSHOT_REFS + record.id)),
    )
