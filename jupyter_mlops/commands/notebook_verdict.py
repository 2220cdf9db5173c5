"""The command ``notebook verdict``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from jupyter_mlops.commands.notebook_paths import resolve_notebooks
from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.verdicts import Judged, RevisionVerdicts, WorktreeVerdicts
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.document.model import Tone
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.notebooks.verdict import JudgedCell, Role, VerdictWord
from jupyter_mlops.reports.findings import quote_path
from jupyter_mlops.reports.verdict_words import explain_verdict, first_line
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.text import visible

_TONES: dict[VerdictWord, Tone] = {
    VerdictWord.CLEAN: "good",
    VerdictWord.VERIFIED: "good",
    VerdictWord.OUT_OF_ORDER: "warning",
    VerdictWord.OTHER_CODE: "warning",
    VerdictWord.FAILED_REPLAY: "bad",
    VerdictWord.UNKNOWN: "quiet",
}
_SHOWN_CELLS = 1000
_ID_WIDTH = 256


@dataclass(frozen=True, slots=True)
class VerdictCell:
    """One cell that a verdict names.

    ``role`` says why: edited, deleted, ran again, out of order, skipped, failed, not ended, or not
    run. ``cell`` is its number among the notebook's cells, from 1, null for code that is no cell
    any more; ``source`` the first line of the code that ran.
    """

    role: Role
    cell: int | None
    id: str | None
    source: str


@dataclass(frozen=True, slots=True)
class NotebookVerdict:
    """The verdict on one notebook, in the words that all surfaces have.

    ``run`` is the word for its run and ``why`` the sentence for that; ``verdict`` is the same,
    unless it was run again: ``verified`` or ``failed replay``, with the sentence in ``replay``.
    ``order`` are the numbers of its cells as they ran, at most 1,000 as of ``cells``.
    ``not_saved_since`` says that the file was last saved before the last cell ran: what was edited
    in between is not in it.
    """

    path: str
    verdict: VerdictWord
    run: VerdictWord
    why: str
    cells: tuple[VerdictCell, ...]
    order: tuple[int, ...]
    replay: str | None = None
    replayed_at: datetime | None = None
    not_saved_since: bool = False


@dataclass(frozen=True, slots=True)
class VerdictResult:
    """Verdicts on notebooks; ``revision`` is the full id of a commit, null for the working tree."""

    revision: str | None
    notebooks: tuple[NotebookVerdict, ...]

    def describe(self) -> Document:
        """Return a table of notebooks and words, and a sentence on each."""
        if not self.notebooks:
            return Document((Note("There are no notebooks here.", "quiet"),))
        rows = tuple((Code(one.path), one.verdict) for one in self.notebooks)
        blocks: list[Block] = [Table(("notebook", "verdict"), rows)]
        for one in self.notebooks:
            told = one.replay or one.why
            if one.not_saved_since and one.verdict == VerdictWord.OTHER_CODE:
                told += " That is the file as it was last saved, before the last cell ran."
            blocks.append(Note(f"{one.path}: {told}", _TONES[one.verdict]))
        doubtful = [
            one
            for one in self.notebooks
            if one.verdict not in (VerdictWord.VERIFIED, VerdictWord.CLEAN)
        ]
        if doubtful:
            of = self.revision[:10] if self.revision else "HEAD"
            words = quote_path(doubtful[0].path)
            command = f"{PROGRAM} notebook verify {of} {words}"
            blocks.append(Hint("Run a committed one again, in a clean kernel", command))
        return Document(tuple(blocks))


def notebook_verdict(
    ws: Workspace,
    notebooks: Annotated[
        tuple[str, ...],
        Arg("Notebooks; all of the project by default.", "NOTEBOOK", complete="path"),
    ] = (),
    *,
    rev: Annotated[
        str | None,
        Arg(
            "A commit, branch, tag or snapshot; the working tree by default.",
            metavar="REVISION",
            complete="revision",
        ),
    ] = None,
) -> VerdictResult:
    """Say whether what a kernel ran is what a notebook says.

    Clean: its cells ran once, in order, as they stand in the file. Out of order, replayable: all
    code that ran is in the file, and the order is known. Used deleted or edited code: some of what
    the kernel ran is in the file no more; it is listed. Unknown: nobody wrote down what ran, which
    %load_ext jupyter_mlops lets a kernel do. Verified, or failed replay: what notebook verify
    found. Nothing is run.
    """
    if rev is None:
        here = WorktreeVerdicts(ws.git)
        paths = resolve_notebooks(ws, notebooks) or here.list_paths()
        return VerdictResult(None, tuple(_judge(here, path) for path in paths))
    commit = resolve_revision(ws.git, rev)
    there = RevisionVerdicts(ws.git, commit)
    paths = resolve_notebooks(ws, notebooks) or there.list_paths()
    return VerdictResult(commit, tuple(_judge(there, path) for path in paths))


def _judge(verdicts: WorktreeVerdicts | RevisionVerdicts, path: str) -> NotebookVerdict:
    try:
        return _result(path, verdicts.judge(path))
    except NotFoundError as error:
        raise NotFoundError(
            error.message, code=error.code, hints=(f"{PROGRAM} notebook verdict",)
        ) from error


def _result(path: str, judged: Judged) -> NotebookVerdict:
    run, again, is_older = judged
    return NotebookVerdict(
        path=path,
        verdict=again.word if again is not None else run.word,
        run=run.word,
        why=explain_verdict(run),
        cells=tuple(map(_cell, run.cells[:_SHOWN_CELLS])),
        order=tuple(place + 1 for place in run.order[:_SHOWN_CELLS]),
        replay=again.why if again is not None else None,
        replayed_at=again.replayed_at if again is not None else None,
        not_saved_since=is_older,
    )


def _cell(cell: JudgedCell) -> VerdictCell:
    number = cell.place.index + 1 if cell.place is not None else None
    name = visible(cell.id)[:_ID_WIDTH] if cell.id is not None else None
    return VerdictCell(cell.role, number, name, first_line(cell.source))
