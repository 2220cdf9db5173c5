"""Which cells a kernel ran, as lines that are appended while it runs; docs/formats/journal.md."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, NoReturn

import msgspec

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.ids import format_hash, hash_bytes

FORMAT = 0
MAX_JOURNAL_BYTES = 4 * 1024**2
MAX_JOURNALS_BYTES = 32 * 1024**2
"""What the journals of a working tree, or of a snapshot, come to at most."""
MAX_SOURCE_LETTERS = 65_536
MAX_ID_LETTERS = 256
SNAPSHOT_JOURNAL_PATH = ".mlops/journal.jsonl"
"""Where the tree of a snapshot has the journals of its notebooks, one after the other."""
LEFT_OUT = "# left out: a secret may have been in it"
"""What a snapshot has in place of such a source."""

Outcome = Literal["ok", "failed", "not-run"]
"""How a run ended; ``not-run``: refused before anything ran, as what is no Python is."""

_CHECK_DIGITS = 16
_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"
_MOMENT_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_SESSION_ID = re.compile(r"[0-9a-f]{32}")


class SessionLine(msgspec.Struct, forbid_unknown_fields=True, tag_field="what", tag="session"):
    """The first line of a journal."""

    format: int
    id: str
    began_at: str
    pid: int


class NotebookLine(msgspec.Struct, forbid_unknown_fields=True, tag_field="what", tag="notebook"):
    """The notebook that the kernel belongs to from here on."""

    path: str


class SourceLine(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, tag_field="what", tag="source"
):
    """A source, before the first run that has it."""

    hash: str
    text: str
    cut: bool = False


class RunLine(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, tag_field="what", tag="run"
):
    """A cell began to run; without ``at`` it did before anybody wrote that down."""

    number: int
    hash: str
    cell: str | None = None
    at: str | None = None


class EndLine(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, tag_field="what", tag="end"
):
    """A run ended."""

    number: int
    outcome: Outcome
    seconds: float | None = None


class StopLine(msgspec.Struct, forbid_unknown_fields=True, tag_field="what", tag="stop"):
    """Nothing after this was written down."""


Line = SessionLine | NotebookLine | SourceLine | RunLine | EndLine | StopLine

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class _Head(msgspec.Struct):
    format: int


@dataclass(frozen=True, slots=True)
class CellRun:
    """One run of a cell; ``source`` is the beginning of a long one.

    ``began_at`` is None for what ran before anybody wrote that down, ``outcome`` where no end is
    known: it is under way, or the kernel died in it.
    """

    number: int
    source_hash: str
    source: str
    cell_id: str | None = None
    began_at: datetime | None = None
    outcome: Outcome | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """What a kernel ran since it started; ``is_stopped``: and more that was not written down.

    ``notebooks`` are the paths that it belonged to, the last one last. ``encoded`` are its lines.
    """

    id: str
    began_at: datetime
    pid: int
    notebooks: tuple[str, ...]
    runs: tuple[CellRun, ...]
    is_stopped: bool
    encoded: bytes


def hash_source(source: str) -> str:
    """Return the hash of a cell's source: newlines at its end make no difference."""
    return format_hash(hash_bytes(source.rstrip("\n").encode("utf-8", "replace")))


def format_moment(at: datetime) -> str:
    """Return an aware moment as journals write it."""
    return at.astimezone(UTC).strftime(_MOMENT)


class JournalEncoder:
    """Makes the lines of one journal, in order."""

    def __init__(self, before: bytes = b"") -> None:
        """Begin behind ``before``, the lines that it has already."""
        self._check = before[:-1].rpartition(b"\n")[2][:_CHECK_DIGITS]

    def encode(self, line: Line) -> bytes:
        """Return the next line's bytes."""
        body = _encoder.encode(line)
        self._check = _check(self._check, body)
        return b"%s %s\n" % (self._check, body)

    def encode_if_small(self, line: Line, most_bytes: int) -> bytes | None:
        """Return the next line's bytes; None where they are more, and there is no such line."""
        before = self._check
        encoded = self.encode(line)
        if len(encoded) <= most_bytes:
            return encoded
        self._check = before
        return None


def source_line(source: str, hash: str) -> SourceLine:
    """Return the line for a source, cut where it is too long to be kept whole."""
    text = _encodable(source.rstrip("\n"))
    if len(text) > MAX_SOURCE_LETTERS:
        return SourceLine(hash, text[:MAX_SOURCE_LETTERS], cut=True)
    return SourceLine(hash, text)


def run_line(number: int, hash: str, cell_id: object, at: datetime | None) -> RunLine:
    """Return the line for a run that begins; ``cell_id`` is what the front end says it is."""
    known = isinstance(cell_id, str) and 0 < len(cell_id) <= MAX_ID_LETTERS
    name = _encodable(cell_id) if known and isinstance(cell_id, str) else None
    return RunLine(number, hash, name, format_moment(at) if at is not None else None)


def decode_journal(data: bytes, *, origin: str) -> tuple[Session, ...]:
    """Return the sessions whose journals ``data`` holds, one after the other.

    Raises:
        IntegrityError: anything in it is not as the format says (``journal-invalid``).
        UnsupportedError: a newer version wrote it (``format-newer``).
    """
    try:
        return tuple(_read_session(lines) for lines in _split(data, origin))
    except (ValueError, RecursionError) as error:
        _refuse(origin, str(error))


def join_journals(sessions: Sequence[Session]) -> bytes:
    """Return what :func:`decode_journal` takes apart."""
    return b"".join(session.encoded for session in sessions)


def name_notebooks(session: Session, paths: Sequence[str]) -> Session:
    """Return the session with ``paths`` among its notebooks, unless it is stopped.

    Paths that are no UTF-8 are left out.
    """
    new = [path for path in paths if path not in session.notebooks and _encodable(path) == path]
    if session.is_stopped or not new:
        return session
    encoder = JournalEncoder(session.encoded)
    lines = b"".join(encoder.encode(NotebookLine(path)) for path in new)
    notebooks = (*session.notebooks, *new)
    return replace(session, notebooks=notebooks, encoded=session.encoded + lines)


def leave_sources_out(session: Session, hashes: Collection[str]) -> Session:
    """Return the session with :data:`LEFT_OUT` in place of the sources with these hashes."""
    new_hash = hash_source(LEFT_OUT)
    is_told = False
    encoder = JournalEncoder()
    encoded = bytearray()
    for _, line in next(_split(session.encoded, "of a session")):
        match line:
            case SourceLine(hash) if hash in hashes:
                if is_told:
                    continue
                is_told = True
                line = SourceLine(new_hash, LEFT_OUT)
            case RunLine(hash=hash) if hash in hashes:
                line.hash = new_hash
        encoded += encoder.encode(line)
    (changed,) = decode_journal(bytes(encoded), origin="of a session")
    return changed


_Lines = list[tuple[bytes, Line]]


def _split(data: bytes, origin: str) -> Iterator[_Lines]:
    """Yield the lines of each journal in ``data``, checked against one another."""
    if len(data) > MAX_JOURNALS_BYTES:
        raise ValueError("it is larger than journals may be")
    if not data.endswith(b"\n"):
        raise ValueError("its last line has no end")
    lines: _Lines = []
    check = b""
    for whole in data[:-1].split(b"\n"):
        body = whole[_CHECK_DIGITS + 1 :]
        begins = body.startswith(b'{"what":"session"')
        if begins and msgspec.json.decode(body, type=_Head).format > FORMAT:
            raise UnsupportedError(
                f"The journal {origin} is of a newer format than this version reads.",
                code="format-newer",
                hints=("pip install --upgrade jupyter-mlops",),
            )
        check = _check(b"" if begins else check, body)
        if whole[: _CHECK_DIGITS + 1] != check + b" ":
            raise ValueError("a line of it is missing or was changed")
        line = _decoder.decode(body)
        if _encoder.encode(line) != body:
            raise ValueError("a line of it is spelled in another way than journals are")
        if begins and lines:
            yield lines
            lines = []
        lines.append((whole, line))
    yield lines


def _read_session(lines: _Lines) -> Session:
    head = lines[0][1]
    if not isinstance(head, SessionLine) or head.format != FORMAT:
        raise ValueError("it does not begin as a journal does")
    if not _SESSION_ID.fullmatch(head.id):
        raise ValueError("its session has no id")
    notebooks: list[str] = []
    sources: dict[str, str] = {}
    runs: list[CellRun] = []
    is_stopped = False
    for _, line in lines[1:]:
        if is_stopped:
            raise ValueError("it goes on after its end")
        match line:
            case NotebookLine(path):
                notebooks.append(path)
            case SourceLine(hash, text, cut):
                if not cut and hash_source(text) != hash:
                    raise ValueError("a source of it does not have its hash")
                sources[hash] = text
            case RunLine():
                runs.append(_read_run(line, len(runs) + 1, sources))
            case EndLine(number):
                place = _open_run(runs, number)
                runs[place] = _read_end(runs[place], line)
            case StopLine():
                is_stopped = True
            case _:
                raise ValueError("two journals are mixed in it")
    encoded = b"".join(whole + b"\n" for whole, _ in lines)
    began_at = _parse_moment(head.began_at)
    return Session(head.id, began_at, head.pid, tuple(notebooks), tuple(runs), is_stopped, encoded)


def _read_run(line: RunLine, number: int, sources: dict[str, str]) -> CellRun:
    if line.number != number:
        raise ValueError("a run of it is missing")
    if line.hash not in sources:
        raise ValueError("a run of it has no source")
    if line.cell is not None and not 0 < len(line.cell) <= MAX_ID_LETTERS:
        raise ValueError("a cell's id in it has a length that none has")
    began_at = _parse_moment(line.at) if line.at is not None else None
    return CellRun(number, line.hash, sources[line.hash], line.cell, began_at)


def _open_run(runs: list[CellRun], number: int) -> int:
    if not 0 < number <= len(runs) or runs[number - 1].outcome is not None:
        raise ValueError("a run of it ends that has not begun")
    return number - 1


def _read_end(run: CellRun, line: EndLine) -> CellRun:
    if line.seconds is not None and not 0 <= line.seconds < float("inf"):
        raise ValueError("a run of it took a time that is none")
    return replace(run, outcome=line.outcome, seconds=line.seconds)


def _parse_moment(text: str) -> datetime:
    if not _MOMENT_TEXT.fullmatch(text):
        raise ValueError("a time of it is none")
    return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)


def _check(before: bytes, body: bytes) -> bytes:
    return hash_bytes(before + body).hex()[:_CHECK_DIGITS].encode("ascii")


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _refuse(origin: str, reason: str) -> NoReturn:
    raise IntegrityError(
        f"The journal {origin} is not valid: {reason}.",
        code="journal-invalid",
        hints=("jupyter mlops notebook verdict",),
    )
