"""The command ``ci init``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.ci import read_surroundings
from jupyter_mlops.commands.ci_workflows import WORKFLOWS, Facts, Workflow, github_forks
from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.git.process import try_git
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.reports.findings import quote_path

_FILE_LIMIT_BYTES = 4 * 1024 * 1024
_COPY = ".before"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


@dataclass(frozen=True, slots=True)
class CiInitResult:
    """What was written: paths; copies of what stood there; and what is left to be done by hand."""

    system: str
    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    copies: tuple[str, ...]
    to_do: tuple[str, ...]

    def describe(self) -> Document:
        """Return what was written and what is left to do."""
        blocks: list[Block] = []
        if self.written:
            rows = tuple((Code(path),) for path in self.written)
            blocks.append(Table(("written",), rows))
        else:
            blocks.append(Note("All of it stands already as it would be written.", "good"))
        blocks += [
            Note(f"What stood there before is in {path}.", "warning") for path in self.copies
        ]
        blocks += [Note(text, "warning") for text in self.to_do]
        if self.written:
            names = " ".join(map(quote_path, self.written))
            command = f'git add {names} && git commit -m "Check and report in CI" -- {names}'
            blocks.append(Hint("Commit", command))
        return Document(tuple(blocks))


def ci_init(
    ws: Workspace,
    *,
    github: Annotated[bool, Arg("For GitHub Actions.")] = False,
    gitlab: Annotated[bool, Arg("For GitLab CI.")] = False,
    bitbucket: Annotated[bool, Arg("For Bitbucket Pipelines.")] = False,
    azure: Annotated[bool, Arg("For Azure Pipelines.")] = False,
    forks: Annotated[
        bool, Arg("For pull requests of strangers: check and comment in two workflows.")
    ] = False,
    force: Annotated[bool, Arg("Write over files that differ, and keep a copy of each.")] = False,
) -> CiInitResult:
    """Write the workflow that checks and reports in a team's own CI.

    It installs this version, keeps the store between runs, brings the data of the commit at hand
    here, checks the notebooks and gates, and writes the one comment and the status; with the least
    permissions, each action pinned to a commit. Without an option it is for the forge that the Git
    remote is on. A file that differs is left alone unless --force says otherwise.
    """
    system = _choose(
        ws, {"github": github, "gitlab": gitlab, "bitbucket": bitbucket, "azure": azure}
    )
    if forks and system != "github":
        raise UsageError(
            "--forks is for GitHub alone: elsewhere a fork's pipeline has none of your secrets.",
            code="usage",
            hints=(f"{PROGRAM} ci init --github --forks",),
        )
    make = github_forks if forks else WORKFLOWS[system]
    workflow = make(Facts(_default_branch(ws.git), bool(ws.config.remotes)))
    tree = WorkTree(ws.root)
    wanted, to_do = _plan(tree, workflow)
    for path in wanted:
        tree.clear(path)
    differing = [path for path, text in wanted.items() if _read(tree, path) not in (None, text)]
    if differing and not force:
        options = f"--{system}{' --forks' if forks else ''}"
        raise ConflictError(
            f"{', '.join(differing)} {'has' if len(differing) == 1 else 'have'} other content than"
            " would be written; nothing was written.",
            code="workflow-differs",
            hints=(f"{PROGRAM} ci init {options} --force",),
        )
    copies = [_keep_copy(tree, path) for path in differing]
    written = [path for path, text in wanted.items() if _read(tree, path) != text]
    for path in written:
        tree.write_file(path, wanted[path].encode())
    unchanged = tuple(path for path in wanted if path not in written)
    return CiInitResult(system, tuple(written), unchanged, tuple(copies), to_do)


def _choose(ws: Workspace, given: dict[str, bool]) -> str:
    chosen = [name for name, wanted in given.items() if wanted]
    if not chosen:
        repository = read_surroundings(ws.root, {}).context.repository
        chosen = [repository.kind] if repository and repository.kind in WORKFLOWS else []
    if len(chosen) != 1:
        raise UsageError(
            "Name the one CI system that the workflow is for.",
            code="missing-argument",
            hints=tuple(f"{PROGRAM} ci init --{name}" for name in given),
        )
    return chosen[0]


def _plan(tree: WorkTree, workflow: Workflow) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the files to write with their texts, and what is left to be done by hand."""
    wanted = dict(workflow.files)
    to_do = list(workflow.to_do)
    for path, text in (workflow.alone or {}).items():
        there = _read(tree, path)
        if there is None or there == text:
            wanted[path] = text
        elif not all(name in there for name in workflow.files):
            to_do.append(workflow.instead)
    return wanted, tuple(to_do)


def _read(tree: WorkTree, path: str) -> str | None:
    try:
        return tree.read(path, limit_bytes=_FILE_LIMIT_BYTES).decode("utf-8", "surrogateescape")
    except NotFoundError:
        return None


def _keep_copy(tree: WorkTree, path: str) -> str:
    """Keep what stands at ``path`` beside it, under a name that is free; return that."""
    content = tree.read(path)
    number = 0
    while tree.stat(copy := f"{path}{_COPY}{number or ''}") is not None:
        if tree.read(copy) == content:  # of a call that was killed
            return copy
        number += 1
    tree.write_file(copy, content)
    return copy


def _default_branch(repo: Repository) -> str:
    """Return the branch that the Git remote has as its default.

    It is ``main`` where none is known, or where its name would mean something else in a workflow.
    """
    status, printed, _ = try_git(repo, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
    name = printed.decode("utf-8", "replace").strip().removeprefix("origin/")
    return name if status == 0 and _PLAIN_NAME.fullmatch(name) else "main"
