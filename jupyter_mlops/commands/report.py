"""The command ``report``."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from jupyter_mlops.commands.ci_post import post_body
from jupyter_mlops.commands.report_composed import ReportFormat, ReportResult, compose_report
from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.forge.protocol import State


def report(
    here: Here,
    *,
    base: Annotated[
        str | None,
        Arg(
            "What the state is compared with; where its branch began by default.",
            metavar="REVISION",
            complete="revision",
        ),
    ] = None,
    execute: Annotated[bool, Arg("Run each notebook in a fresh kernel first.")] = False,
    format: Annotated[ReportFormat, Arg("What is printed.")] = "text",
    name: Annotated[str, Arg("Which report this is; each has one comment.")] = "mlops",
    post: Annotated[
        bool, Arg("Write it as the comment of the pull request, with the commit's status.")
    ] = False,
    job: Annotated[
        str | None, Arg("Of several jobs that write one report, which this is.", "JOB")
    ] = None,
    most_characters: Annotated[
        int | None, Arg("Make Markdown no longer than this, by whole parts.", metavar="COUNT")
    ] = None,
    yes: Annotated[bool, Arg("Let the project use its URLs from now on.")] = False,
) -> ReportResult:
    """Tell how this state differs from its base: metrics, gates, checks, and why.

    The base is the commit at which the branch began: where it left the branch that the pull request
    goes into, as the CI system tells, or the default branch. Gates and checks are those of
    check-notebooks; nothing is run without --execute. Exit status 1 says that a gate or
    a check found something. The project's own sections are Markdown files that [report] sections
    in mlops.toml names, and cells tagged report. With --post it becomes the one comment that the
    report has, as short as the forge wants it and with images where it keeps them, and the commit
    gets a status.
    """
    composed = compose_report(here, base=base, name=name, yes=yes, execute=execute)
    result = composed.result
    if post:
        state: State = "failure" if result.exit_status else "success"
        posted = post_body(here.cwd, lambda _: composed.body, name=name, job=job, state=state)
        result = replace(result, posted=posted)
    if format == "json":
        return replace(result, text=encode_result(result).decode())
    return replace(result, text=composed.render(format, most_characters))
