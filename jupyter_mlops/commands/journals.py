"""The journals of the cells that kernels ran: where they lie, and which belongs to a notebook."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
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
    Session,
    decode_journal,
)
from jupyter_mlops.notebooks.verdict import Verdict, judge, unknown

NOT_RECORDED = "no kernel that had loaded the extension ran it here"
"""Why nothing can be said of a notebook that has no journal."""

_NAME_MOMENT = "%Y%m%dT%H%M%S.%fZ"
_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-([0-9a-f]{32})\.jsonl")


def journals_folder(repo: Repository) -> Path:
    """Return the folder of this worktree's journals; it may not exist yet."""
    return repo.state_dir / "journals"


def journal_name(began_at: datetime, session_id: str) -> str:
    """Return what a session's journal is called: names sort by when they began."""
    return f"{began_at.astimezone(UTC).strftime(_NAME_MOMENT)}-{session_id}.jsonl"


@dataclass(frozen=True, slots=True)
class Journals:
    """The sessions of kernels in a worktree, newest first.

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
    sessions.sort(key=lambda session: session.began_at, reverse=True)
    return Journals(tuple(sessions), max(unreadable, default=None))


def select_sessions(
    journals: Journals, path: str, exists: Callable[[str], bool]
) -> tuple[Session, ...]:
    """Return the sessions that may belong to the notebook at ``path``, newest first.

    Those are the ones of which the path is known, and those whose notebooks are all gone, as after
    a rename; ``exists`` tells whether a path is a file of the working tree.
    """
    return tuple(
        session
        for session in journals.sessions
        if path in session.notebooks
        or (session.notebooks and not any(map(exists, session.notebooks)))
    )


def judge_run(
    sessions: Iterable[Session], unreadable_since: datetime | None, path: str, notebook: Notebook
) -> Verdict:
    """Return what the newest session of the notebook at ``path`` says of its content ``notebook``.

    ``sessions`` are those that may belong to it; of one that is known for other paths only it must
    have run cells with the ids of this one.
    """
    ids = {cell.get("id") for cell in iter_cells(notebook)} - {None}
    session = next(
        (
            session
            for session in sessions
            if path in session.notebooks or any(run.cell_id in ids for run in session.runs)
        ),
        None,
    )
    if unreadable_since is not None and (session is None or session.began_at <= unreadable_since):
        return unknown("a journal of what kernels ran here is damaged, or of a newer version")
    return judge_session(session, notebook) if session is not None else unknown(NOT_RECORDED)


def judge_session(session: Session, notebook: Notebook) -> Verdict:
    """Return what ``session`` says of ``notebook``."""
    if session.is_stopped:
        return unknown("the journal of its kernel was not kept to the end")
    return judge(notebook, session.runs, is_aside)


def is_aside(source: str) -> bool:
    """Return whether a cell does nothing but call magics of ours that touch nothing a cell sees."""
    lines = [line.strip() for line in source.splitlines()]
    told = [line for line in lines if line and not line.startswith("#")]
    return bool(told) and all(map(_is_aside_line, told))


def _is_aside_line(line: str) -> bool:
    words = line.removeprefix("%").split()
    if not line.startswith("%") or not words:
        return False
    if words == ["load_ext", "jupyter_mlops"]:
        return True
    general = words[0] == PROGRAM.split()[1]
    if not general and words[0] not in MAGICS:
        return False
    typed = tuple(words[1:] if general else words)
    named = [command for command in COMMANDS if typed[: len(command.words)] == command.words]
    return bool(named) and all(c.reads or c.saves_notebook or c.words == ("push",) for c in named)
