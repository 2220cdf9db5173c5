"""The command ``ci comment``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from jupyter_mlops.commands.ci_post import PostedReport, post_body
from jupyter_mlops.commands.report_own import ImageReader
from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Image
from jupyter_mlops.document.render_markdown import Shown, escape_markdown
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.forge.fit import Part, split_markdown
from jupyter_mlops.forge.pictures import Body
from jupyter_mlops.reports.own_text import Own, parse_own, render_own
from jupyter_mlops.text import visible

_FILE_LIMIT_BYTES = 32 * 1024 * 1024
_MOST_FILES = 1_000
_MARKDOWN = (".md", ".markdown")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


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
) -> PostedReport:
    """Post files as the one comment that a report has on the pull request.

    It is written once and then brought up to date, also after a rebase. Without a pull request it
    stands at the commit. Several jobs at once, each named by --job, have a section each. What is
    too long for the forge is made shorter by whole parts, the last ones first. In a run of a fork
    everything stands in blocks of code. Images that Markdown names beside itself, and data: URLs,
    are kept on the forge. The job's summary gets it too, where the CI system has one.
    """
    return post_body(
        here.cwd,
        lambda context: _read_body(here.cwd, files, as_code=context.from_fork),
        name=name,
        job=job,
        state="error" if status == "cancelled" or status == "skipped" else status,
        dry_run=dry_run,
    )


def _read_body(cwd: Path, files: tuple[str, ...], *, as_code: bool) -> Body:
    """Return what the files say; ``as_code`` takes nothing in them for Markdown."""
    told: list[Own | Part] = []
    reader = ImageReader(WorkTree(cwd))
    for file in files[:_MOST_FILES]:
        text = _ESCAPES.sub("", _read(cwd, file).decode("utf-8", "replace"))
        text = visible(text.replace("\r\n", "\n"), keep_lines=True).strip("\n")
        if file.lower().endswith(_MARKDOWN) and not as_code:
            told.append(parse_own(text, partial(reader.read, os.path.relpath(cwd / file, cwd))))
        else:
            told.append(_block(file, text))
    if len(files) > _MOST_FILES:
        told.append(Part((f"{len(files) - _MOST_FILES} more files are not shown.",)))
    images = [one for own in told if not isinstance(own, Part) for one in own]
    return Body(
        partial(_make_parts, told),
        lambda diagrams: [one for one in images if isinstance(one, Image)],
    )


def _make_parts(told: Sequence[Own | Part], shown: Shown) -> list[Part]:
    parts: list[Part] = []
    for one in told:
        parts += [one] if isinstance(one, Part) else split_markdown(render_own(one, shown))
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
        raise NotFoundError(
            f"There is no file {path}.",
            code="path-not-found",
            hints=(f"{PROGRAM} report --post",),
        ) from error
