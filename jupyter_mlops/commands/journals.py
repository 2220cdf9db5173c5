"""The journals of the cells that kernels ran: where they lie, and which belongs to a notebook."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jupyter_mlops.commands.spec import PROGRAM
from jupyter_mlops.commands.table import COMMANDS, MAGICS
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.durable import iter_names
from jupyter_mlops.files.own import read_own_file
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.notebooks.canonical import Notebook, iter_cells
from jupyter_mlops.notebooks.journal import (
    MAX_JOURNALS_BYTES,
    CellRun,
    Session,
    decode_journal,
)
from jupyter_mlops.notebooks.verdict import Verdict, judge, unknown

NOT_RECORDED = "no kernel that had loaded the extension ran it here"
"""Why nothing can be said of a notebook that has no journal."""

UNRECORDED_VARIABLE = "JUPYTER_MLOPS_UNRECORDED"
"""Set for kernels whose outputs no notebook gets: they keep no journal."""

_HARMLESS = {("push",), ("fetch",), ("notebook", "verify")}
_EVALUATED = frozenset("{$")  # IPython puts values in their places
_NAME_MOMENT = "%Y%m%dT%H%M%S.%fZ"
_NOTED_AFTER_SECONDS = 1.0
_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-([0-9a-f]{32})\.jsonl")


def journals_folder(repo: Repository) -> Path:
    """Return the folder of this worktree's journals; it may not exist yet."""
    return repo.state_dir / "journals"


def journal_name(began_at: datetime, session_id: str) -> str:
    """Return what a session's journal is called: names sort by when they began."""
    return f"{began_at.astimezone(UTC).strftime(_NAME_MOMENT)}-{session_id}.jsonl"


@dataclass(frozen=True, slots=True)
class Journals:
    """The sessions of kernels in a worktree, the one that ran a cell last first.

    ``unreadable_since`` is when the newest journal began that cannot be believed, None without one:
    whose notebook it was cannot be told.
    """

    sessions: tuple[Session, ...]
    unreadable_since: datetime | None = None


def read_journals(repo: Repository) -> Journals:
    """Return what this worktree's journals say; what is not this user's counts as damaged.

    Raises:
        UnavailableError: the folder cannot be read.
    """
    folder = journals_folder(repo)
    if folder.is_symlink():
        return Journals((), datetime.max.replace(tzinfo=UTC))
    sessions: list[Session] = []
    unreadable = []
    for name in iter_names(folder):
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        file = read_own_file(folder / name, MAX_JOURNALS_BYTES)
        try:
            found = decode_journal(file.content, origin=name) if file is not None else ()
        except MlopsError:
            found = ()
        if len(found) == 1 and found[0].id == match[2]:
            sessions += found
        else:
            unreadable.append(datetime.strptime(match[1], _NAME_MOMENT).replace(tzinfo=UTC))
    sessions.sort(key=last_ran_at, reverse=True)
    return Journals(tuple(sessions), max(unreadable, default=None))


def last_ran_at(session: Session) -> datetime:
    """Return when the last cell began that counts; when the session did, where none has."""
    ran = (run.began_at for run in reversed(session.runs) if counts(run) and run.began_at)
    return max(session.began_at, next(ran, session.began_at))


def counts(run: CellRun) -> bool:
    """Return whether a run may have changed what a cell sees."""
    return run.outcome != "not-run" and not is_aside(run.source)


def select_sessions(
    sessions: Iterable[Session], path: str, exists: Callable[[str], bool]
) -> tuple[Session, ...]:
    """Return the sessions that may belong to the notebook at ``path``, in the same order.

    Those are the ones of which the path is known, those of which none is, as of kernels that
    nbconvert and papermill start, and those whose notebooks are all gone, as after a rename;
    ``exists`` tells whether a path is a file of the working tree.
    """
    return tuple(
        session
        for session in sessions
        if path in session.notebooks or not any(map(exists, session.notebooks))
    )


def find_session(sessions: Sequence[Session], path: str, notebook: Notebook) -> Session | None:
    """Return the first of ``sessions``, which may belong to the notebook at ``path``, that does.

    One of which no path is known does where the notebook has notes of when its cells ran, as
    nbconvert and papermill leave them with the outputs, and they ran in it. One that is known for
    other paths only must have run cells with the ids of this one, and counts only where no other
    does.
    """
    for session in sessions:
        if path in session.notebooks or (not session.notebooks and _is_noted(session, notebook)):
            return session
    ids = {cell.get("id") for cell in iter_cells(notebook)} - {None}
    return next(
        (
            session
            for session in sessions
            if session.notebooks and any(run.cell_id in ids for run in session.runs)
        ),
        None,
    )


def _is_noted(session: Session, notebook: Notebook) -> bool:
    """Return whether the notebook says of one of its cells that it ran during ``session``."""
    if not session.runs:
        return False
    last = session.runs[-1]
    took = (last.began_at or session.began_at) - session.began_at
    took_seconds = took.total_seconds() + (last.seconds or 0.0) + _NOTED_AFTER_SECONDS
    return any(
        0.0 <= (at - session.began_at).total_seconds() <= took_seconds
        for at in _iter_noted(notebook)
    )


def _iter_noted(notebook: Notebook) -> Iterator[datetime]:
    for cell in iter_cells(notebook):
        metadata = cell.get("metadata")
        noted = metadata.get("execution") if isinstance(metadata, dict) else None
        for text in noted.values() if isinstance(noted, dict) else ():
            with suppress(ValueError, TypeError):
                at = datetime.fromisoformat(text)
                yield at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def judge_run(session: Session | None, journals: Journals, notebook: Notebook) -> Verdict:
    """Return what ``session``, the notebook's, says of its content; None where it has none.

    A journal that cannot be read, and began later, may be the notebook's.
    """
    since = journals.unreadable_since
    if since is not None and (session is None or session.began_at <= since):
        return unknown("a journal of what kernels ran here is damaged, or of a newer version")
    return judge_session(session, notebook) if session is not None else unknown(NOT_RECORDED)


def judge_session(session: Session, notebook: Notebook) -> Verdict:
    """Return what ``session`` says of ``notebook``."""
    if session.is_stopped:
        return unknown("the journal of its kernel was not kept to the end")
    return judge(notebook, session.runs, is_aside)


def is_aside(source: str) -> bool:
    """Return whether a cell does nothing but call magics of ours that touch nothing a cell sees."""
    told = list(_iter_told(source))
    return bool(told) and all(map(_is_aside_line, told))


def _iter_told(source: str) -> Iterator[str]:
    """Yield the lines that say something, magics that are continued in one piece."""
    continued = ""
    for line in source.splitlines():
        whole = continued + line.strip()
        if whole.startswith("%") and whole.endswith("\\"):
            continued = whole[:-1]
            continue
        continued = ""
        if whole and not whole.startswith("#"):
            yield whole
    if continued:
        yield continued


def _is_aside_line(line: str) -> bool:
    words = line.removeprefix("%").split()
    if not line.startswith("%") or not words or not _EVALUATED.isdisjoint(line):
        return False
    if words in (["load_ext", "jupyter_mlops"], ["reload_ext", "jupyter_mlops"]):
        return True
    name = words[0].rstrip("?")
    general = name == PROGRAM.split()[1]
    if not general and name not in MAGICS:
        return False
    typed = tuple(words[1:] if general else words)
    if words[0] != name:
        return len(words) == 1
    if _asks_for_help(typed):
        return True
    named = [command for command in COMMANDS if typed[: len(command.words)] == command.words]
    return bool(named) and all(c.reads or c.saves_notebook or c.words in _HARMLESS for c in named)


def _asks_for_help(words: tuple[str, ...]) -> bool:
    return not words or (
        words[-1] == "--help" and not any(word.startswith("-") for word in words[:-1])
    )
