"""The command ``hook``, which Git's hooks start through the launcher when there may be work."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable
from typing import Annotated

from jupyter_mlops.commands.notebook_state import settle_notebooks
from jupyter_mlops.commands.push import run_push
from jupyter_mlops.commands.remote import choose_known
from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.workspace import Here, Workspace, open_workspace
from jupyter_mlops.errors import ConflictError, MlopsError
from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.git.revisions import peel_to_commits
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.objects.running import running
from jupyter_mlops.snapshots.follow import follow_pointers
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import PathStatus, read_status
from jupyter_mlops.sync.scope import Scope
from jupyter_mlops.text import visible
from jupyter_mlops.units import format_bytes, plural

_INDEX_VARIABLE = "GIT_INDEX_FILE"
_PUSHED_WORDS = 4
"""Local reference, local id, remote reference, remote id: a line of what Git tells ``pre-push``."""


def hook(
    here: Here,
    name: Annotated[str, Arg("The hook's name.", metavar="HOOK")],
    words: Annotated[tuple[str, ...], Arg("What Git gave the hook.", metavar="ARGUMENT")] = (),
) -> None:
    """Do what a Git hook asks for.

    Git's hooks call this themselves. After a checkout, merge or rebase it lets data follow its
    pointers where nothing can be lost, after a commit it lets notebooks that were only run count as
    unchanged. Before a commit it refuses data that was changed and not
    kept, before a push it sends the data first and refuses where that fails, both with exit status
    4; every other failure lets Git go on.
    """
    ws = open_workspace(here.cwd, clock=here.clock, progress=here.progress)
    if name == "pre-commit":
        _warn_of_big_files(ws)
        _refuse_unkept(ws)
    elif name == "pre-push":
        _push_data(ws, sys.stdin)
    elif name == "notebooks":
        for sentence in settle_notebooks(ws.git):
            _say(f"jupyter-mlops: {sentence}")
    elif name.startswith("post-"):
        with running(ws.store):
            line = follow_pointers(ws, ws.config.hooks.restore_limit_bytes)
        if line:
            _say(line)


def _push_data(ws: Workspace, told: Iterable[str]) -> None:
    """Send the default remote what the commits need that Git is about to push.

    Raises:
        ConflictError: that failed, or something of it is nowhere.
    """
    words = [line.split() for line in told]
    commits = [one[1] for one in words if len(one) == _PUSHED_WORDS and one[1].strip("0")]
    if not commits or not ws.config.remotes:
        return
    peeled = tuple(dict.fromkeys(peel_to_commits(ws.git, commits).values()))
    try:
        named = choose_known(ws, None, yes=False)
        with running(ws.store):
            pushed = run_push(ws, Scope(commits=peeled, unpublished=True), named)
    except MlopsError as error:
        raise ConflictError(
            f"Nothing was pushed, because the data was not: {error.message}",
            code="data-not-pushed",
            hints=(*error.hints, "git push --no-verify"),
        ) from error
    if pushed.packs:
        _say(f"jupyter-mlops: pushed {format_bytes(pushed.bytes)} of data to {named.name} first")
    for sentence in pushed.held_back:
        _say(f"jupyter-mlops: {sentence} To send them: {PROGRAM} push --allow-secrets")
    if pushed.absent:
        count = plural(pushed.absent, "file or folder", "files or folders")
        _say(f"jupyter-mlops: neither here nor on {named.name}: {count}; {PROGRAM} check")


def _refuse_unkept(ws: Workspace) -> None:
    """Raise ConflictError when tracked data has changed to something the store does not have."""
    unkept = [
        status.path
        for status in read_status(ws)
        if status.state is State.CHANGED and _lacks_content(ws, status)
    ]
    if unkept:
        names = ", ".join(unkept)
        typed = " ".join(shlex.quote(path) for path in unkept)
        raise ConflictError(
            f"The commit would not name the data it was made with: {names} changed since kept.",
            code="data-not-kept",
            hints=(f"{PROGRAM} snapshot {typed}", "git commit --no-verify"),
        )


def _lacks_content(ws: Workspace, status: PathStatus) -> bool:
    """Return whether the store lacks some of what is on disk, but for what was erased."""
    entries = status.present.entries.values() if status.present is not None else ()
    return bool(missing(ws.store, (one for one in entries if one.hash not in ws.store.erased)))


def _warn_of_big_files(ws: Workspace) -> None:
    """Name files of the commit that are better kept as data; Git keeps them for ever."""
    limit = ws.config.hooks.big_file_bytes
    for path, size_bytes in _read_staged_sizes(ws):
        if size_bytes > limit:
            _say(
                f"jupyter-mlops: {path} ({format_bytes(size_bytes)}) goes into Git for good; to"
                f" keep it as data: git rm --cached {shlex.quote(path)}, then {PROGRAM} snapshot"
                f" {shlex.quote(path)}"
            )


def _read_staged_sizes(ws: Workspace) -> list[tuple[str, int]]:
    """Return the files that the commit adds or changes, by Git's index for this commit."""
    index = os.environ.get(_INDEX_VARIABLE)
    fields = split_nul(
        run_git(
            ws.git,
            *("diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--diff-filter=AM"),
            env={_INDEX_VARIABLE: index} if index else None,
        )
    )
    oids = [described.split(" ")[3] for described in fields[0::2]]
    if not oids:
        return []
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    printed = run_git(ws.git, "cat-file", "--batch-check=%(objectsize)", input=asked).decode()
    sizes = (int(line) if line.isdigit() else 0 for line in printed.splitlines())
    return list(zip(fields[1::2], sizes, strict=True))


def _say(line: str) -> None:
    print(visible(line), file=sys.stderr)
