"""The command ``ci pr``."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Annotated, Literal

from jupyter_mlops.commands.ci import read_surroundings
from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Note
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.forge.fit import fit_parts, split_markdown
from jupyter_mlops.forge.open import git_settings, open_forge, require_repository
from jupyter_mlops.forge.protocol import Forge, PullRequest
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.git.proposal import (
    make_proposal,
    read_proposal,
    tree_of,
    write_proposed_tree,
)
from jupyter_mlops.git.refs import is_ref_name
from jupyter_mlops.git.remotes import RefPush, fetch_objects, list_remote_refs, push_refs
from jupyter_mlops.git.revisions import find_commit, head
from jupyter_mlops.git.shallow import fetch_commit, is_shallow
from jupyter_mlops.git.trees import holds_path

_BODY_LIMIT_BYTES = 4 * 1024 * 1024
_BODY_CHARACTERS = 4_000
_DESCRIPTION = "Results of a run in CI; its next run brings this pull request up to date."

Outcome = Literal["opened", "updated", "unchanged", "nothing"]


@dataclass(frozen=True, slots=True)
class CiPrResult:
    """What came of it.

    ``nothing``: the paths are as the target branch's commit has them. ``unchanged``: the pull
    request has these very files already.
    """

    outcome: Outcome
    branch: str
    base: str
    commit: str | None
    pull_request: int | None
    url: str | None

    def describe(self) -> Document:
        """Return what was done, in one line."""
        at = f"pull request {self.pull_request} ({self.branch} into {self.base})"
        text = {
            "opened": f"Opened {at}.",
            "updated": f"Brought {at} up to date.",
            "unchanged": f"The {at} has these files already.",
            "nothing": f"Nothing to propose: these files are as {self.base} has them.",
        }[self.outcome]
        notes = [Note(text, "good")]
        if self.url:
            notes.append(Note(self.url, "quiet"))
        return Document(tuple(notes))


def ci_pr(
    ws: Workspace,
    paths: Annotated[tuple[str, ...], Arg("Files and folders with results.", complete="path")],
    *,
    title: Annotated[str, Arg("What the commit and the pull request say.", short="-m")] = (
        "Bring results up to date"
    ),
    body: Annotated[
        str | None, Arg("Markdown for the pull request.", "FILE", complete="path")
    ] = None,
    base: Annotated[
        str | None,
        Arg("The branch to merge into; this one by default.", "BRANCH", complete="branch"),
    ] = None,
    branch: Annotated[str | None, Arg("The branch to push; mlops/BASE by default.")] = None,
) -> CiPrResult:
    """Open or bring up to date a pull request of results.

    Commits the paths as they are on disk on top of this commit, pushes that as a branch, and opens
    a pull request for it, or brings the open one up to date: running it again makes no second one.
    HEAD, the index and the files stay as they are. Of a tracked path its pointer file is committed;
    its content goes to a remote by push. A branch that anybody else has committed to is left alone.
    """
    environ = dict(os.environ)
    around = read_surroundings(ws.cwd, environ)
    context = around.context
    if around.remote is None:
        raise NotFoundError(
            "There is no Git remote to push to.",
            code="git-remote-missing",
            hints=("git remote add origin URL",),
        )
    base, branch = _choose_branches(ws, base or context.branch, branch)
    parent = context.commit if context.commit and find_commit(ws.git, context.commit) else None
    parent = parent or head(ws.git).commit
    if parent is None:
        raise NotFoundError("There is no commit yet.", code="no-commit", hints=("git commit",))
    settings = git_settings(require_repository(context), environ) if context.repository else {}
    forge = open_forge(context, environ, cwd=ws.cwd)
    text = _read_body(ws, body)
    chosen = [_pointer_or_self(ws, path) for path in resolve_paths(ws, paths)]
    tree = write_proposed_tree(ws.git, parent, chosen)
    if tree == tree_of(ws.git, parent):
        return CiPrResult("nothing", branch, base, None, None, None)
    commit, pushed = _push(ws, around.remote, branch, _Wanted(parent, tree, title, base), settings)
    outcome, pull = _propose(forge, branch, base, title, text, pushed=pushed)
    return CiPrResult(outcome, branch, base, commit, pull.number, pull.url or None)


def _choose_branches(ws: Workspace, base: str | None, branch: str | None) -> tuple[str, str]:
    """Return the branch to merge into, this one where none is given, and the one to push."""
    base = base or head(ws.git).branch
    if base is None or ":" in base:
        raise UsageError(
            "It is not known which branch this is to be merged into.",
            code="missing-argument",
            hints=("jupyter mlops ci pr PATH --base main",),
        )
    branch = branch or f"mlops/{base}"
    if branch == base or not is_ref_name(ws.git, f"refs/heads/{branch}"):
        raise UsageError(f"{branch!r} cannot be the branch of it.", code="name-invalid")
    return base, branch


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the branch is to be: a commit of ``tree`` on top of ``parent``."""

    parent: str
    tree: str
    title: str
    name: str


def _push(
    ws: Workspace, remote: str, branch: str, wanted: _Wanted, settings: dict[str, str]
) -> tuple[str, bool]:
    """Let the remote's branch be what is wanted; return its commit and whether that is new.

    Raises:
        ConflictError: the branch has commits of others, or moved meanwhile.
    """
    ref = f"refs/heads/{branch}"
    there = list_remote_refs(ws.git, remote, ref, env=settings).get(ref)
    if there is not None:
        if is_shallow(ws.git):
            fetch_commit(ws.git, remote, there, env=settings)
        else:
            fetch_objects(ws.git, remote, [ref], env=settings)
        found = read_proposal(ws.git, there)
        if found.name is None:
            raise ConflictError(
                f"The branch {branch} of {remote} has a commit of somebody else ({there[:12]}), so"
                " that it was left alone.",
                code="branch-not-ours",
                hints=(
                    f"git log -1 {there}",
                    "jupyter mlops ci pr PATH --branch mlops/another",
                ),
            )
        if (found.tree, found.parents) == (wanted.tree, (wanted.parent,)):
            return there, False
    commit = make_proposal(
        ws.git,
        wanted.parent,
        wanted.tree,
        name=wanted.name,
        title=wanted.title,
        when=ws.clock.now(),
    )
    done = push_refs(ws.git, remote, [RefPush(ref, commit, there)], env=settings)[ref]
    if done.outcome != "done":
        why = "it moved meanwhile" if done.outcome == "moved" else done.reason
        raise ConflictError(
            f"Git could not push {branch} to {remote}: {why}.",
            code="push-refused",
            hints=(f"git ls-remote {shlex.quote(remote)}", "jupyter mlops ci doctor"),
        )
    return commit, True


def _propose(
    forge: Forge, branch: str, base: str, title: str, text: str, *, pushed: bool
) -> tuple[Outcome, PullRequest]:
    pull = forge.find_pull_request(branch=branch)
    if pull is None:
        opened = forge.open_pull_request(head=branch, base=base, title=title, body=text)
        return "opened", opened
    if pushed:
        forge.update_pull_request(pull.number, title=title, body=text)
    return ("updated" if pushed else "unchanged"), pull


def _read_body(ws: Workspace, file: str | None) -> str:
    if file is None:
        return _DESCRIPTION
    path = ws.cwd / file
    content = WorkTree(path.parent).read(path.name, limit_bytes=_BODY_LIMIT_BYTES)
    return fit_parts(split_markdown(content.decode("utf-8", "replace")), _BODY_CHARACTERS).text


def _pointer_or_self(ws: Workspace, path: str) -> str:
    """Return what Git is to have of a path: the pointer file where it is a tracked one.

    Raises:
        NotFoundError: neither disk nor Git has it.
    """
    tree = WorkTree(ws.root)
    if tree.stat(path + POINTER_SUFFIX) is not None:
        return path + POINTER_SUFFIX
    if not os.path.lexists(ws.root / path) and not holds_path(ws.git, "HEAD", path):
        raise NotFoundError(f"There is no {path}.", code="path-not-found")
    return path
