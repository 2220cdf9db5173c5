"""The command ``ci comment``."""

from __future__ import annotations

import html
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from jupyter_mlops.commands.ci import FORKS, is_fork_of_github, read_surroundings
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Document, Figure, Note
from jupyter_mlops.document.render_markdown import escape_markdown
from jupyter_mlops.errors import NotFoundError, UnavailableError, UsageError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.forge.context import Context
from jupyter_mlops.forge.fit import Part, fit_parts, split_markdown
from jupyter_mlops.forge.open import MOST_CHARACTERS, open_forge
from jupyter_mlops.forge.post import append_summary, post_report
from jupyter_mlops.forge.protocol import State, Status
from jupyter_mlops.text import visible

_FILE_LIMIT_BYTES = 32 * 1024 * 1024
_MOST_FILES = 1_000
_NAME_CHARACTERS = 100
_MARKDOWN = (".md", ".markdown")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_DESCRIPTIONS: dict[State, str] = {
    "pending": "Under way",
    "success": "All checks and gates hold",
    "failure": "A check or a gate does not hold",
    "error": "The checks came to no end",
}


@dataclass(frozen=True, slots=True)
class CiCommentResult:
    """What was posted where.

    ``comment`` is the forge's id of it, None where it has no place for one or the pull request has
    a newer commit (``outdated``); ``writes`` is 0 where it said the same before. ``text`` is what
    would be posted, where nothing was.
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
        if self.url:
            blocks.append(Note(self.url, "quiet"))
        return Document(tuple(blocks))


def ci_comment(
    here: Here,
    files: Annotated[
        tuple[str, ...],
        Arg(
            "Markdown, posted as it is; any other text stands in a block.", "FILE", complete="path"
        ),
    ],
    *,
    name: Annotated[str, Arg("Which report this is; each has one comment.")] = "mlops",
    job: Annotated[
        str | None, Arg("Of several jobs that write one report, which this is.", "JOB")
    ] = None,
    status: Annotated[
        Literal["pending", "success", "failure", "error", "cancelled", "skipped"] | None,
        Arg("The status of the commit that goes with it."),
    ] = None,
    dry_run: Annotated[bool, Arg("Show the comment, and post nothing; needs no token.")] = False,
) -> CiCommentResult:
    """Post files as the one comment that a report has on the pull request.

    It is written once and then brought up to date, also after a rebase. Without a pull request it
    stands at the commit. Several jobs at once, each named by --job, have a section each. What is
    too long for the forge is made shorter by whole parts, the last ones first. In a run of a fork
    everything stands in blocks of code. The job's summary gets it too, where the CI system has one.
    """
    if not name.strip() or len(name) > _NAME_CHARACTERS:
        raise UsageError(
            f"A report's name has 1 to {_NAME_CHARACTERS} characters.", code="bad-value"
        )
    environ = dict(os.environ)
    context = read_surroundings(here.cwd, environ).context
    parts = _read_parts(here.cwd, files, as_code=context.from_fork)
    if dry_run:
        return _show(context, parts, name)
    if context.summary is not None:
        append_summary(here.cwd / context.summary, parts)
    forge = open_forge(context, environ, cwd=here.cwd)
    state: State | None
    state = "error" if status == "cancelled" or status == "skipped" else status
    told = None
    if state is not None:
        told = Status(name, state, _DESCRIPTIONS[state], context.run_url)
    job = context.job if job is None else job
    try:
        posted = post_report(forge, context, parts, name=name, job=job, status=told)
    except UnavailableError as error:
        if error.code == "forge-permission-missing" and is_fork_of_github(context):
            error.hints = (FORKS,)
        raise
    return CiCommentResult(
        name=name,
        pull_request=posted.thread.pull_request,
        commit=posted.thread.commit,
        url=posted.pull_request.url if posted.pull_request else None,
        comment=posted.comment,
        created=posted.created,
        writes=posted.writes,
        status=None if posted.outdated else state,
        outdated=posted.outdated,
    )


def _show(context: Context, parts: list[Part], name: str) -> CiCommentResult:
    """Return what would be posted from here, without asking anybody."""
    kind = context.repository.kind if context.repository else "file"
    return CiCommentResult(
        name=name,
        pull_request=context.pull_request,
        commit=context.commit or "",
        url=None,
        comment=None,
        created=False,
        writes=0,
        status=None,
        outdated=False,
        text=fit_parts(parts, MOST_CHARACTERS[kind]).text,
    )


def _read_parts(cwd: Path, files: tuple[str, ...], *, as_code: bool) -> list[Part]:
    """Return what the files say; ``as_code`` takes nothing in them for Markdown."""
    parts: list[Part] = []
    for file in files[:_MOST_FILES]:
        text = _ESCAPES.sub("", _read(cwd, file).decode("utf-8", "replace"))
        text = visible(text.replace("\r\n", "\n"), keep_lines=True).strip("\n")
        if file.lower().endswith(_MARKDOWN) and not as_code:
            parts += split_markdown(text)
        else:
            parts.append(_block(file, text))
    if len(files) > _MOST_FILES:
        parts.append(Part((f"{len(files) - _MOST_FILES} more files are not shown.",)))
    # The first parts are kept longest, whatever files they are from.
    return [Part(part.forms, priority=-number) for number, part in enumerate(parts)]


def _block(file: str, text: str) -> Part:
    """Return a text as a block of code under its file's name."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    block = f"{fence}text\n{text}\n{fence}"
    shown = escape_markdown(os.path.normpath(file))
    return Part((f"**{shown}**\n\n{block}", f"**{shown}**: too long to stand here."))


def _read(cwd: Path, file: str) -> bytes:
    """Return a file's bytes; below the current folder no link is followed on the way to it."""
    path = Path(os.path.normpath(cwd / file))
    root = cwd if path.is_relative_to(cwd) else path.parent
    try:
        relative = path.relative_to(root).as_posix()
        return WorkTree(root).read(relative, limit_bytes=_FILE_LIMIT_BYTES)
    except NotFoundError as error:
        raise NotFoundError(f"There is no file {path}.", code="path-not-found") from error
