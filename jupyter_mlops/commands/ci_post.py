"""A report on its way to the pull request: what ``ci comment`` and ``report --post`` share."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.commands.ci import FORKS, is_fork_of_github, read_surroundings
from jupyter_mlops.document import Document, Figure, Note
from jupyter_mlops.document.render_markdown import Shown
from jupyter_mlops.errors import UnavailableError, UsageError
from jupyter_mlops.forge.context import Context
from jupyter_mlops.forge.fit import fit_parts
from jupyter_mlops.forge.open import DRIVERS, open_forge
from jupyter_mlops.forge.pictures import Body, choose_images, note_missing
from jupyter_mlops.forge.post import append_summary, post_report
from jupyter_mlops.forge.protocol import State, Status
from jupyter_mlops.units import plural

_NAME_CHARACTERS = 100
_DESCRIPTIONS: dict[State, str] = {
    "pending": "Under way",
    "success": "All checks and gates hold",
    "failure": "A check or a gate does not hold",
    "error": "The checks came to no end",
}


@dataclass(frozen=True, slots=True)
class PostedReport:
    """What was posted where.

    ``comment`` is the forge's id of it, None where it has no place for one or the pull request has
    a newer commit (``outdated``); ``writes`` is 0 where it said the same before. ``pictures``
    counts the images that it shows, ``pictures_sent`` those of them that the forge had to be given
    now; ``pictures_missing`` says which are not shown, and why. ``text`` is what would be posted,
    where nothing was.
    """

    name: str
    pull_request: int | None
    commit: str
    url: str | None
    comment: str | None
    created: bool
    writes: int
    status: str | None
    outdated: bool
    text: str | None = None
    pictures: int = 0
    pictures_sent: int = 0
    pictures_missing: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return what was done."""
        number = self.pull_request
        where = f"commit {self.commit[:12]}" if self.commit else "a commit that is not known"
        where = f"pull request {number}" if number else where
        if self.text is not None:
            text, told = self.text, f"Would be posted at {where}"
            return Document((Figure(told, text, lambda: f"<pre>{html.escape(text)}</pre>"),))
        if self.outdated:
            text = f"Nothing was posted: {where} has another commit by now than {self.commit[:12]}."
            return Document((Note(text, "warning"),))
        if self.comment is None:
            text = f"The forge has no place for comments at {where}."
        elif not self.writes:
            text = f"The report {self.name} at {where} says the same already."
        else:
            done = "Wrote" if self.created else "Brought up to date"
            text = f"{done} the report {self.name} at {where}."
        blocks = [Note(text, "good" if self.comment else "warning")]
        if self.status:
            blocks.append(Note(f"Set the status of {self.commit[:12]} to {self.status}.", "good"))
        if self.pictures:
            sent = f", {self.pictures_sent} of them new" if self.pictures_sent else ""
            blocks.append(Note(f"It shows {plural(self.pictures, 'image')}{sent}.", "good"))
        blocks += [Note(why, "warning") for why in self.pictures_missing]
        if self.url:
            blocks.append(Note(self.url, "quiet"))
        return Document(tuple(blocks))


def post_body(
    cwd: Path,
    make_body: Callable[[Context], Body],
    *,
    name: str,
    job: str | None,
    state: State | None,
    dry_run: bool = False,
) -> PostedReport:
    """Write what ``make_body`` makes for a context as the one comment of the report ``name``.

    Of a fork's images none is kept. The job's summary gets it too, without images, where the CI
    system has one, and the commit the status ``state``. With ``dry_run`` nothing is written and
    nobody asked.

    Raises:
        UsageError: the name is empty or too long, or nothing tells what to post to.
        MlopsError: the forge does not take it.
    """
    if not name.strip() or len(name) > _NAME_CHARACTERS:
        raise UsageError(
            f"A report's name has 1 to {_NAME_CHARACTERS} characters.", code="bad-value"
        )
    environ = dict(os.environ)
    context = read_surroundings(cwd, environ).context
    body = make_body(context)
    if context.from_fork:
        body = Body(body.make_parts)
    if dry_run:
        return _show(context, body, name)
    if context.summary is not None:
        append_summary(cwd / context.summary, body.make_parts(Shown(diagrams=True)))
    forge = open_forge(context, environ, cwd=cwd)
    told = None
    if state is not None:
        told = Status(name, state, _DESCRIPTIONS[state], context.run_url)
    job = context.job if job is None else job
    try:
        posted = post_report(forge, context, body, name=name, job=job, status=told)
    except UnavailableError as error:
        if error.code == "forge-permission-missing" and is_fork_of_github(context):
            error.hints = (FORKS,)
        raise
    return PostedReport(
        name=name,
        pull_request=posted.thread.pull_request,
        commit=posted.thread.commit,
        url=posted.pull_request.url if posted.pull_request else None,
        comment=posted.comment,
        created=posted.created,
        writes=posted.writes,
        status=None if posted.outdated else state,
        outdated=posted.outdated,
        pictures=posted.pictures,
        pictures_sent=posted.sent,
        pictures_missing=posted.missing,
    )


def _show(context: Context, body: Body, name: str) -> PostedReport:
    """Return what would be posted from here, without asking anybody; images have only names."""
    driver = DRIVERS[context.repository.kind if context.repository else "file"]
    images = body.list_images(driver.draws_diagrams)
    chosen, why = choose_images(images, shows_svg=driver.shows_svg, place=driver.name)
    shown = Shown({one.name: one.name for one in chosen}, driver.draws_diagrams)
    parts = [*body.make_parts(shown), *note_missing(why)]
    return PostedReport(
        name=name,
        pull_request=context.pull_request,
        commit=context.commit or "",
        url=None,
        comment=None,
        created=False,
        writes=0,
        status=None,
        outdated=False,
        text=fit_parts(parts, driver.most_characters).text,
        pictures=len(chosen),
        pictures_missing=why,
    )
