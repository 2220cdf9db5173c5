"""Journals of cells that ran, made line by line as a kernel's extension makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jupyter_mlops.commands.journals import journal_name, journals_folder
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.notebooks.journal import (
    CellRun,
    EndLine,
    JournalEncoder,
    Line,
    NotebookLine,
    Outcome,
    SessionLine,
    StopLine,
    decode_journal,
    format_moment,
    hash_source,
    run_line,
    source_line,
)
from tests.support.project import Project

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SESSION = "0123456789abcdef" * 2


@dataclass(frozen=True, slots=True)
class Ran:
    """A cell that ran; ``id`` as the front end said it, ``outcome`` None for no end."""

    source: str
    id: str | None = None
    outcome: Outcome | None = "ok"
    at: datetime | None = NOON


def journal_lines(
    runs: Sequence[Ran],
    *,
    notebook: str | None = "train.ipynb",
    session: str = SESSION,
    began_at: datetime = NOON,
    stopped: bool = False,
) -> list[Line]:
    """Return the lines of a journal."""
    lines: list[Line] = [SessionLine(0, session, format_moment(began_at), 12)]
    if notebook is not None:
        lines.append(NotebookLine(notebook))
    known = set()
    for number, ran in enumerate(runs, 1):
        hash = hash_source(ran.source)
        if hash not in known:
            known.add(hash)
            lines.append(source_line(ran.source, hash))
        lines.append(run_line(number, hash, ran.id, ran.at))
        if ran.outcome is not None:
            lines.append(EndLine(number, ran.outcome, 0.25))
    return [*lines, StopLine()] if stopped else lines


def encode_lines(lines: Sequence[Line]) -> bytes:
    """Return the lines as they stand in a file."""
    encoder = JournalEncoder()
    return b"".join(map(encoder.encode, lines))


def seal(bodies: Sequence[bytes]) -> bytes:
    """Return lines with these objects, whatever they are, checked against one another."""
    check, lines = b"", []
    for body in bodies:
        if body.startswith(b'{"what":"session"'):
            check = b""
        check = hash_bytes(check + body).hex()[:16].encode()
        lines.append(check + b" " + body + b"\n")
    return b"".join(lines)


def journal_bytes(*runs: Ran, **fields: object) -> bytes:
    """Return a journal of ``runs``; ``fields`` as :func:`journal_lines` takes them."""
    return encode_lines(journal_lines(runs, **fields))  # type: ignore[arg-type]


def runs_of(*runs: Ran) -> tuple[CellRun, ...]:
    """Return what a reader of the journal of ``runs`` is given."""
    (session,) = decode_journal(journal_bytes(*runs), origin="j")
    return session.runs


def put_journal(
    project: Project, *runs: Ran, later: int = 0, content: bytes | None = None, **fields: object
) -> str:
    """Leave the journal of a kernel that ended; return its file's path in the project."""
    began_at = NOON + timedelta(hours=later)
    session = f"{later:032x}"
    encoded = journal_bytes(*runs, session=session, began_at=began_at, **fields)
    folder = journals_folder(open_repository(project.root)).relative_to(project.root)
    path = f"{folder.as_posix()}/{journal_name(began_at, session)}"
    project.write(path, encoded if content is None else content)
    return path
