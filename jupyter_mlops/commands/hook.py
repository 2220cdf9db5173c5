"""The command ``hook``, which Git's hooks start through the launcher when there may be work."""

from __future__ import annotations

import os
import shlex
import sys
from typing import Annotated

from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.workspace import Here, Workspace, open_workspace
from jupyter_mlops.errors import ConflictError
from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.objects.running import running
from jupyter_mlops.snapshots.follow import follow_pointers
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import PathStatus, read_status
from jupyter_mlops.text import visible
from jupyter_mlops.units import format_bytes

_INDEX_VARIABLE = "GIT_INDEX_FILE"


def hook(
    here: Here,
    name: Annotated[str, Arg("The hook's name.", metavar="HOOK")],
    words: Annotated[tuple[str, ...], Arg("What Git gave the hook.", metavar="ARGUMENT")] = (),
) -> None:
    """Do what a Git hook asks for.

    Git's hooks call this themselves. After a checkout, merge or rebase it lets data follow its
    pointers where nothing can be lost. Before a commit it refuses data that was changed and not
    kept, with exit status 4; every other failure lets Git go on.
    """
    ws = open_workspace(here.cwd, clock=here.clock, progress=here.progress)
    if name == "pre-commit":
        _warn_of_big_files(ws)
        _refuse_unkept(ws)
    elif name.startswith("post-"):
        with running(ws.store):
            line = follow_pointers(ws, ws.config.hooks.restore_limit_bytes)
        if line:
            _say(line)


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
    present = status.present
    return present is not None and bool(missing(ws.store, present.entries.values()))


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
