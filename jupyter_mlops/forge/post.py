"""A report on its way to where people look: one comment, one status, the job's summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.document.render_markdown import escape_markdown
from jupyter_mlops.errors import UnsupportedError, UsageError
from jupyter_mlops.files.append import append_bytes
from jupyter_mlops.forge.context import Context
from jupyter_mlops.forge.fit import Part, fit_parts
from jupyter_mlops.forge.pictures import Body, note_missing, place_pictures
from jupyter_mlops.forge.protocol import Forge, PullRequest, Status, Thread, is_same_commit
from jupyter_mlops.forge.upsert import JOBS_SHARE, Pace, upsert_comment

SUMMARY_LIMIT_BYTES = 1_000_000
"""Of a job's summary on GitHub, a little below 1,024 KiB, beyond which none of it is shown."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of it.

    ``outdated`` says that the pull request has a newer commit, so that nothing was written: an
    older run never takes the place of a newer one's report. ``comment`` is None where the forge has
    no place for one; ``writes`` is how often it was written, 0 where it said the same before.
    ``pictures`` are shown, ``sent`` of them were sent now; ``missing`` says which are not, and why.
    """

    thread: Thread
    pull_request: PullRequest | None
    comment: str | None = None
    created: bool = False
    writes: int = 0
    outdated: bool = False
    pictures: int = 0
    sent: int = 0
    missing: tuple[str, ...] = ()


def find_thread(forge: Forge, context: Context) -> tuple[Thread, PullRequest | None]:
    """Return where a report belongs: the pull request of event or branch, else the commit.

    Raises:
        UsageError: nothing names either.
    """
    if context.pull_request is not None:
        pull = forge.find_pull_request(number=context.pull_request)
    elif context.branch or context.commit:
        pull = forge.find_pull_request(branch=context.branch, commit=context.commit)
    else:
        pull = None
    commit = context.commit or (pull.head_commit if pull else None)
    if commit is None:
        raise UsageError(
            "There is nothing to post to: neither a pull request nor a commit is known.",
            code="nothing-to-post-to",
            hints=("jupyter mlops ci doctor",),
        )
    return Thread(pull.number if pull else None, commit), pull


def post_report(
    forge: Forge,
    context: Context,
    body: Body,
    *,
    name: str,
    job: str = "",
    status: Status | None = None,
    pace: Pace | None = None,
) -> Posted:
    """Write the report ``name`` as the one comment it has, and set ``status`` where one is given.

    Raises:
        MlopsError: as :func:`find_thread`, :func:`upsert_comment` and the forge's calls.
    """
    thread, pull = find_thread(forge, context)
    newest = pull.head_commit if pull else ""
    if newest and not is_same_commit(newest, thread.commit):
        return Posted(thread, pull, outdated=True)
    elsewhere = f"[All of it is in this run]({context.run_url})." if context.run_url else ""

    room = forge.most_characters // (JOBS_SHARE if job else 1)
    posted = Posted(thread, pull)
    try:
        placed = place_pictures(forge, thread, body, name=name, most_characters=room)
        parts = [*body.make_parts(placed.shown), *note_missing(placed.why)]
        if job:
            most = max(part.priority for part in parts)
            parts.insert(0, Part((f"### {escape_markdown(job)}",), most))

        def compose(most_characters: int) -> str:
            return fit_parts(parts, most_characters, elsewhere=elsewhere).text

        done = upsert_comment(forge, thread, name=name, compose=compose, job=job, pace=pace)
        posted = Posted(
            thread,
            pull,
            done.comment,
            done.created,
            done.writes,
            pictures=len(placed.shown.urls),
            sent=placed.sent,
            missing=placed.why,
        )
    except UnsupportedError:
        if thread.pull_request is not None or status is None:
            raise
    if status is not None:
        forge.set_status(thread, status)
    return posted


def append_summary(path: Path, parts: Sequence[Part]) -> None:
    """Add a report to the file that the CI system shows as the job's summary.

    It is made to fit beside what stands there: a summary that is too long is not shown at all.

    Raises:
        UnavailableError: it cannot be written.
    """
    try:
        taken = path.stat().st_size
    except OSError:
        taken = 0
    # A character has four bytes at most; most have one.
    room = SUMMARY_LIMIT_BYTES - taken
    text = fit_parts(parts, max(room, 0)).text
    if len(text.encode()) > room:
        text = fit_parts(parts, max(room // 4, 0)).text
    if 0 < len(text.encode()) <= room:
        append_bytes(path, text.encode() + b"\n")
