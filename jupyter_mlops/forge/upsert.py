"""One comment a report, written by several jobs at once, none of whose sections is lost.

No forge changes a comment only where it is still what was read. So each job, after it has
written, looks again whether its section stands, at once and after a time within which every other
job that had read before has written, and writes again where one has written over it. A job that
took long to compose what it has read for reads anew before it writes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.forge.failures import BusyError
from jupyter_mlops.forge.protocol import Comment, Forge, Thread
from jupyter_mlops.forge.sections import (
    Section,
    format_comment,
    is_report,
    make_section,
    parse_comment,
    section_cost,
)

Compose = Callable[[int], str]
"""Makes a section's text of at most so many characters: see :mod:`jupyter_mlops.forge.fit`."""

JOBS_SHARE = 6
"""A job among others gets this part of a comment, so that the first leaves room for the rest."""

_ROUNDS = 60
_FAILURES = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """How long jobs that write at once wait for one another.

    ``fresh_seconds``: what was read longer ago is read again before anything is written.
    ``settle_seconds``: after this, and twice the time that reading took, a section that still
    stands is taken to stay. ``jitter`` says, from 0 to 1, where in such a time a job comes back, so
    that jobs do not meet again and again.
    """

    fresh_seconds: float = 1.0
    settle_seconds: float = 3.0
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Upserted:
    """The comment that holds the section, whether it is new, and how often it was written."""

    comment: str
    created: bool
    writes: int


def upsert_comment(
    forge: Forge,
    thread: Thread,
    *,
    name: str,
    compose: Compose,
    job: str = "",
    pace: Pace | None = None,
) -> Upserted:
    """Write the section of ``job`` into the one comment of the report ``name``.

    Only comments of the token's own author with the report's mark count. There is one afterwards:
    further ones are taken in and removed. Sections of other jobs stay where they are about the same
    commit, and go where they are about another. Calling it again is harmless.

    Raises:
        ConflictError: there is no room beside the other jobs' sections, or others write all the
            time.
        MlopsError: as the forge's calls.
    """
    return _Upsert(forge, thread, name, compose, job, pace or Pace()).run()


class _Upsert:
    def __init__(
        self, forge: Forge, thread: Thread, name: str, compose: Compose, job: str, pace: Pace
    ) -> None:
        self._forge, self._thread, self._name, self._job = forge, thread, name, job
        self._compose, self._pace = compose, pace
        self._author = forge.find_own_author()
        self._created: str | None = None
        self._writes = 0
        self._texts: dict[int, str] = {}

    def run(self) -> Upserted:
        failures = 0
        settled = False
        for _ in range(_ROUNDS):
            try:
                started = self._pace.monotonic()
                found = self._list()
                read_at = self._pace.monotonic()
                if self._stands(found):
                    if settled or not self._job or not self._writes:
                        return self._done(found[0].id)
                    self._wait(self._pace.settle_seconds + 2 * (read_at - started))
                    settled = True
                    continue
                if settled:
                    self._pace.sleep(self._pace.jitter() * self._pace.settle_seconds)
                    settled = False
                    continue
                self._write(found, read_at)
            except (NotFoundError, BusyError):  # a comment that went meanwhile, or no answer
                failures += 1
                if failures > _FAILURES:
                    raise
        raise ConflictError(
            f"Other jobs write the report {self._name!r} all the time, so that its section of"
            f" {self._job or 'this job'} did not stay.",
            code="report-contended",
            hints=("Run this job again.",),
        )

    def _wait(self, seconds: float) -> None:
        self._pace.sleep(seconds * (1 + self._pace.jitter() / 2))

    def _list(self) -> list[Comment]:
        """Return the report's comments that are ours, the oldest first."""
        style = self._forge.mark_style
        return [
            comment
            for comment in self._forge.iter_comments(self._thread)
            if comment.author == self._author and is_report(comment.body, self._name, style)
        ]

    def _stands(self, found: list[Comment]) -> bool:
        """Return whether one comment is all there is, and says what we have to say.

        Where no job is named the last writer wins: what stands after a write is not fought over.
        """
        if len(found) != 1:
            return False
        if not self._job and self._writes:
            return True
        return self._says(found[0], self._sections(found))

    def _says(self, comment: Comment, wanted: list[Section]) -> bool:
        there = parse_comment(comment.body, self._forge.mark_style).values()
        return {(s.job, s.commit, s.digest) for s in wanted} == {
            (s.job, s.commit, s.digest) for s in there
        }

    def _write(self, found: list[Comment], read_at: float) -> None:
        body = format_comment(self._name, self._sections(found), self._forge.mark_style)
        if found and self._pace.monotonic() - read_at > self._pace.fresh_seconds:
            return  # by now it may say something else; what was composed is kept
        self._writes += 1
        if not found:
            comment = self._forge.create_comment(self._thread, body)
            self._created = comment.id
            self._author = comment.author or self._author
            return
        oldest, *others = found
        if not self._says(oldest, self._sections(found)):
            self._forge.update_comment(self._thread, oldest.id, body)
        if others and self._holds_all(oldest.id, others):
            for comment in others:
                self._forge.delete_comment(self._thread, comment.id)

    def _holds_all(self, kept: str, others: list[Comment]) -> bool:
        """Return whether the comment ``kept`` has by now what the others say of our commit."""
        style = self._forge.mark_style
        there = next((comment for comment in self._list() if comment.id == kept), None)
        has = parse_comment(there.body, style) if there else {}
        return all(
            job in has
            for comment in others
            for job, section in parse_comment(comment.body, style).items()
            if section.commit == self._thread.commit
        )

    def _sections(self, found: list[Comment]) -> list[Section]:
        """Return what the comment is to have: the others' sections of this commit, and ours."""
        style = self._forge.mark_style
        sections: dict[str, Section] = {}
        if self._job:
            for comment in reversed(found):  # where two have the same job's, the oldest counts
                sections |= parse_comment(comment.body, style)
        kept = [
            section
            for job, section in sections.items()
            if job and job != self._job and section.commit == self._thread.commit
        ]
        most = self._forge.most_characters - len(format_comment(self._name, [], style))
        taken = sum(section_cost(section, style) for section in kept)
        room = most - taken - section_cost(make_section(self._job, self._thread.commit, ""), style)
        if self._job:
            room = min(room, most // JOBS_SHARE)
        text = self._composed(room) if room > 0 else None
        if text is None or len(text) > room:
            raise ConflictError(
                f"The comment of the report {self._name!r} has no room for another section: the"
                f" {len(kept)} jobs that wrote before have taken all of it.",
                code="report-full",
                hints=("Give some jobs a report of their own, by another name.",),
            )
        return [*kept, make_section(self._job, self._thread.commit, text)]

    def _composed(self, room: int) -> str:
        if room not in self._texts:
            self._texts[room] = self._compose(room)
        return self._texts[room]

    def _done(self, comment: str) -> Upserted:
        return Upserted(comment, created=comment == self._created, writes=self._writes)
