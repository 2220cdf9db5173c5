from __future__ import annotations

from datetime import UTC, datetime

import pytest
from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.notebooks.journal import (
    MAX_ID_LETTERS,
    MAX_SOURCE_LETTERS,
    CellRun,
    EndLine,
    Line,
    RunLine,
    SessionLine,
    StopLine,
    decode_journal,
    hash_source,
    join_journals,
    run_line,
)
from tests.notebooks.journals import NOON, SESSION, Ran, encode_lines, journal_bytes, journal_lines

SOME = (
    Ran("import os", at=None, outcome=None),
    Ran("x = 'ü\u2028'\n", "a"),
    Ran("1 / 0", "b", "failed"),
    Ran("x = 'ü\u2028'", "a"),
    Ran("def", None, "not-run"),
    Ran("train()", "c", None),
)


def test_what_was_written_is_read() -> None:
    encoded = journal_bytes(*SOME)
    (session,) = decode_journal(encoded, origin="j")
    assert (session.id, session.began_at, session.notebooks) == (SESSION, NOON, ("train.ipynb",))
    assert [(run.number, run.source, run.cell_id, run.outcome) for run in session.runs] == [
        (1, "import os", None, None),
        (2, "x = 'ü\u2028'", "a", "ok"),
        (3, "1 / 0", "b", "failed"),
        (4, "x = 'ü\u2028'", "a", "ok"),
        (5, "def", None, "not-run"),
        (6, "train()", "c", None),
    ]
    assert [run.began_at for run in session.runs] == [None, *[NOON] * 5]
    assert (session.is_stopped, session.encoded) == (False, encoded)


def test_journals_stand_one_after_the_other() -> None:
    one, two = journal_bytes(SOME[0]), journal_bytes(SOME[1], session="f" * 32, notebook=None)
    sessions = decode_journal(one + two, origin="j")
    assert [session.id for session in sessions] == [SESSION, "f" * 32]
    assert join_journals(sessions) == one + two


def test_every_cut_is_refused_or_is_what_ran_until_then() -> None:
    encoded = journal_bytes(*SOME)
    (whole,) = decode_journal(encoded, origin="j")
    read = 0
    for length in range(len(encoded)):
        try:
            (session,) = decode_journal(encoded[:length], origin="j")
        except IntegrityError as error:
            assert error.code == "journal-invalid"
            continue
        read += 1
        assert encoded[length - 1 : length] == b"\n"
        told = [(run.number, run.source, run.cell_id) for run in session.runs]
        assert told == [(r.number, r.source, r.cell_id) for r in whole.runs][: len(told)]
    assert read == encoded.count(b"\n") - 1


def test_every_changed_byte_is_refused() -> None:
    encoded = journal_bytes(*SOME)
    for place in range(len(encoded)):
        changed = bytearray(encoded)
        changed[place] ^= 1
        with pytest.raises((IntegrityError, UnsupportedError)):
            decode_journal(bytes(changed), origin="j")


def test_lines_that_are_missing_or_moved_are_refused() -> None:
    lines = journal_bytes(*SOME).splitlines(keepends=True)
    for place in range(1, len(lines) - 1):
        for changed in (
            lines[:place] + lines[place + 1 :],
            [*lines[:place], lines[place], *lines[place:]],
            [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]],
        ):
            with pytest.raises(IntegrityError):
                decode_journal(b"".join(changed), origin="j")


def _told(*more: Line, after: int = 4) -> list[Line]:
    return [*journal_lines(SOME[:2])[:after], *more]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [StopLine()],
        [SessionLine(0, "short", "2026-01-02T12:00:00.000000Z", 1)],
        [SessionLine(0, SESSION, "2026-01-02", 1)],
        [SessionLine(-1, SESSION, "2026-01-02T12:00:00.000000Z", 1)],
        _told(RunLine(3, hash_source("import os"))),
        _told(RunLine(2, hash_source("never said"))),
        _told(RunLine(2, hash_source("import os"), "")),
        _told(RunLine(2, hash_source("import os"), "x" * (MAX_ID_LETTERS + 1))),
        _told(RunLine(2, hash_source("import os"), None, "noon")),
        _told(EndLine(2, "ok", 1.0)),
        _told(EndLine(0, "ok", 1.0)),
        _told(EndLine(1, "ok", -1.0)),
        _told(EndLine(1, "ok", 1.0), EndLine(1, "failed", 1.0)),
        _told(StopLine(), StopLine()),
    ],
)
def test_lines_that_say_what_cannot_be(lines: list[Line]) -> None:
    with pytest.raises(IntegrityError) as caught:
        decode_journal(encode_lines(lines), origin="j")
    assert caught.value.hints


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"null",
        b"[" * 100_000,
        b'{"what":"other"}',
        b'{"what":"stop","more":1}',
        b'{ "what":"stop"}',
        b'{"what":"run","number":1.0,"hash":"x"}',
        b'{"what":"session","format":"0"}',
        b"\xff",
        b"",
    ],
)
def test_lines_that_are_none(body: bytes) -> None:
    check = blake3(body).hexdigest()[:16].encode()
    with pytest.raises(IntegrityError):
        decode_journal(check + b" " + body + b"\n", origin="j")


def test_a_newer_version_is_told_from_damage() -> None:
    encoded = journal_bytes().replace(b'"format":0', b'"format":7')
    with pytest.raises(UnsupportedError) as caught:
        decode_journal(encoded, origin="j")
    assert caught.value.code == "format-newer"


def test_a_long_source_is_known_by_its_beginning_and_its_hash() -> None:
    long = "x = 1\n" * 1_000_000
    encoded = journal_bytes(Ran(long, "a"))
    (session,) = decode_journal(encoded, origin="j")
    assert session.runs[0].source == long[:MAX_SOURCE_LETTERS]
    assert session.runs[0].source_hash == hash_source(long)
    assert len(encoded) < 100_000


def test_texts_that_are_no_utf8_and_ids_that_are_none() -> None:
    (session,) = decode_journal(journal_bytes(Ran("'\ud800'", "i\udfff")), origin="j")
    run: CellRun = session.runs[0]
    assert (run.source, run.cell_id) == ("'?'", "i?")
    assert run.source_hash == hash_source("'\ud800'")
    for none in (3, None, "", "x" * 1000, ["a"]):
        assert run_line(1, "h", none, datetime(2026, 1, 1, tzinfo=UTC)).cell is None
