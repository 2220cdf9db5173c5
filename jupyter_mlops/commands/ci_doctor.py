"""The command ``ci doctor``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.commands.ci import (
    FORKS,
    Surroundings,
    find_state_base,
    is_fork_of_github,
    read_surroundings,
)
from jupyter_mlops.commands.spec import PROGRAM
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.forge.context import Context
from jupyter_mlops.forge.open import find_token, open_forge
from jupyter_mlops.forge.post import find_thread
from jupyter_mlops.forge.protocol import Forge, Thread
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.shallow import is_shallow

State = Literal["ok", "missing", "limited", "unknown"]


@dataclass(frozen=True, slots=True)
class CiCheck:
    """One thing that posting needs: whether it is there, and how it comes to be.

    ``missing`` keeps a report from being posted, ``limited`` only makes it poorer.
    """

    what: str
    state: State
    said: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class CiDoctorResult:
    """Where this runs, and what would fail.

    ``token`` is the name of the variable that has one, never the token. ``base`` is the commit that
    this state is compared with; ``shallow`` is None where there is no clone.
    """

    system: str
    forge: str | None
    repository: str | None
    pull_request: int | None
    commit: str | None
    branch: str | None
    base_branch: str | None
    base: str | None
    token: str | None
    shallow: bool | None
    checks: tuple[CiCheck, ...]

    @property
    def exit_status(self) -> int:
        """1 when something would fail."""
        return int(any(check.state == "missing" for check in self.checks))

    def describe(self) -> Document:
        """Return what was found, what is missing, and how that is given."""
        found = (
            ("CI system", self.system),
            ("repository", self.repository and f"{self.repository} ({self.forge})"),
            ("pull request", self.pull_request),
            ("commit", self.commit and Code(self.commit[:12])),
            ("branch", self.branch and Code(self.branch)),
            ("target branch", self.base_branch and Code(self.base_branch)),
            ("base", self.base and Code(self.base[:12])),
            ("token", self.token and f"from {self.token}"),
            ("clone", None if self.shallow is None else "shallow" if self.shallow else "whole"),
        )
        blocks: list[Block] = [Table(("found", ""), tuple((k, v or "none") for k, v in found))]
        for check in self.checks:
            tone: dict[State, Literal["good", "warning", "bad", "quiet"]]
            tone = {"ok": "good", "missing": "bad", "limited": "warning", "unknown": "quiet"}
            blocks.append(Note(check.said, tone[check.state]))
            if check.mend and check.state != "ok":
                typed = check.mend.startswith(("git ", "export ", PROGRAM))
                lead = "Should it fail" if check.state == "unknown" else "Mend it"
                blocks.append(Hint(lead, check.mend) if typed else Note(f"  → {check.mend}"))
        return Document(tuple(blocks))


def ci_doctor(here: Here) -> CiDoctorResult:
    """Say where this runs and what would keep a report from being posted.

    Looks at the CI system's variables, the repository and pull request that they name, the token
    and what it may do, and whether the clone has the commit to compare with. Nothing is written
    anywhere; what a forge does not tell before it is tried is named as unknown. The exit status is
    1 when something would fail.
    """
    environ = dict(os.environ)
    around = read_surroundings(here.cwd, environ)
    context = around.context
    checks: list[CiCheck] = []
    forge = None
    thread = None
    token = None
    try:
        forge = open_forge(context, environ, cwd=here.cwd)
        if context.repository is not None:
            token = find_token(context.repository.kind, environ)
    except MlopsError as error:
        checks.append(_failed("token" if context.repository else "repository", error))
    if forge is not None:
        thread, more = _ask(forge, context)
        checks += more
    base, shallow, more = _look_for_base(around, environ)
    checks += more
    return CiDoctorResult(
        system=context.system,
        forge=context.repository.kind if context.repository else None,
        repository=context.repository.path if context.repository else None,
        pull_request=thread.pull_request if thread else context.pull_request,
        commit=thread.commit if thread else context.commit,
        branch=context.branch,
        base_branch=context.base_branch,
        base=base,
        token=token.variable if token else None,
        shallow=shallow,
        checks=tuple(checks),
    )


def _ask(forge: Forge, context: Context) -> tuple[Thread | None, list[CiCheck]]:
    """Return where a report would go, and what the forge says of the token."""
    checks = []
    thread = None
    try:
        thread, pull = find_thread(forge, context)
        where = f"pull request {pull.number}" if pull else f"commit {thread.commit[:12]}"
        checks.append(CiCheck("where", "ok", f"A report goes to {where}."))
    except MlopsError as error:
        checks.append(_failed("where", error))
        if error.exit_status == 6:
            return None, checks
    try:
        give = FORKS if is_fork_of_github(context) else None
        checks += _allowed(forge, thread, give)
    except MlopsError as error:
        checks.append(_failed("token", error))
    return thread, checks


def _allowed(forge: Forge, thread: Thread | None, give: str | None) -> Iterator[CiCheck]:
    """Yield what the token may do; ``give`` mends what is missing where nothing else does."""
    for access in forge.check_access(thread):
        match access.allowed:
            case True:
                yield CiCheck(access.what, "ok", f"The token may {access.what}.")
            case False if access.only_for:
                said = f"The token may not {access.what}: only {access.only_for}, need that."
                mend = None if give else access.give  # nothing of a fork is uploaded anyway
                yield CiCheck(access.what, "limited", said, mend)
            case False:
                said = f"The token may not {access.what}."
                yield CiCheck(access.what, "missing", said, give or access.give)
            case None:
                said = f"Whether the token may {access.what}, {forge.name} does not tell."
                yield CiCheck(access.what, "unknown", said, access.give)


def _look_for_base(
    around: Surroundings, environ: dict[str, str]
) -> tuple[str | None, bool | None, list[CiCheck]]:
    """Return the commit to compare with, whether the clone is shallow, and what is wrong."""
    repo = around.repo
    if repo is None:
        said = "There is no clone here, so that nothing can be compared."
        return None, None, [CiCheck("base", "unknown", said)]
    shallow = is_shallow(repo)
    try:
        commit = head(repo).commit
        if commit is None:
            said = "There is no commit yet, so that nothing can be compared."
            return None, shallow, [CiCheck("base", "unknown", said)]
        base = find_state_base(repo, commit, None, environ).require()
    except MlopsError as error:
        return None, shallow, [_failed("base", error)]
    at = f"{base.commit[:12]}, " if base.commit is not None else ""
    said = f"What this is compared with is {at}{base.why}."
    return base.commit, shallow, [CiCheck("base", "ok", said)]


def _failed(what: str, error: MlopsError) -> CiCheck:
    hints = [hint for hint in error.hints if hint != f"{PROGRAM} ci doctor"]
    return CiCheck(what, "missing", error.message, hints[0] if hints else None)
