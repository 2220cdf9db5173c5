"""Every route with a request that it would answer, and what must not get through there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_mlops.commands.signature import Parameter, read_signature
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.table import COMMANDS

KERNEL = "00000000-0000-0000-0000-000000000000"
REQUEST = "0123456789abcdef0123456789abcdef"
CLIENT = "0a1b2c3d-0000-4000-8000-0123456789ab"

CACHES = frozenset(
    {
        *("stat-cache", "dirty-files", "dirty-notebooks", "recent-outputs", "environment"),
        *("objects-synced", "COMMIT_EDITMSG"),
    }
)
"""Files that a command may renew though it changes nothing: docs/formats/README.md."""

CACHE_SUFFIX = ".facts"
"""How the names of other such files end: what is kept of a history."""


@dataclass(frozen=True, slots=True)
class Target:
    """One route: its method, the arguments of a good request, and which of those are what."""

    path: str
    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()
    command: Command | None = None
    at: str = ""

    @property
    def reads(self) -> bool:
        """Whether its arguments stand in the query."""
        return self.method in ("GET", "DELETE")


_GOOD: dict[str, dict[str, Any]] = {
    "init": {},
    "doctor": {},
    "snapshot": {"paths": ["data"], "message": "x"},
    "snapshot list": {},
    "snapshot name": {"snapshot": "first", "name": "second"},
    "snapshot note": {"snapshot": "first", "text": "x"},
    "snapshot branch": {"snapshot": "first", "name": "b"},
    "snapshot drop": {"snapshots": ["first"]},
    "restore": {"revision": "HEAD", "paths": ["data"]},
    "status": {"paths": ["data"]},
    "log": {},
    "diff": {"old": "HEAD", "new": "first", "paths": ["data"], "rows": True},
    "gates": {"base": "HEAD"},
    "gc": {"dry_run": True},
    "evict": {"dry_run": True},
    "erase": {"paths": ["data"], "dry_run": True},
    "forget": {"keep_named": True},
    "undo": {},
    "resolve": {"paths": ["data"], "ours": True},
    "untrack": {"path": "data"},
    "move": {"old": "data", "new": "elsewhere"},
    "push": {"paths": ["data"], "remote": "store"},
    "pull": {"paths": ["data"], "remote": "store"},
    "fetch": {"paths": ["data"], "remote": "store"},
    "update": {"paths": ["data"]},
    "remote add": {"name": "store", "url": "s3://bucket/prefix"},
    "remote list": {},
    "remote remove": {"name": "store"},
    "remote test": {"name": "store"},
    "metrics show": {"revision": "HEAD"},
    "runs list": {"limit": 5, "state": ["running"]},
    "runs show": {"run": "train", "points": 50},
    "metrics diff": {"old": "HEAD", "new": "first"},
    "metrics chart": {"metric": ["accuracy"]},
    "metrics history": {"metric": ["acc"], "branch": ["main"]},
    "metrics blame": {"name": "acc", "branch": "main"},
    "why": {"old": "HEAD", "new": "first"},
    "plots show": {"revision": "HEAD", "plot": ["loss"]},
    "plots diff": {"old": "HEAD", "new": ["first"], "plot": ["loss"]},
    "params diff": {"old": "HEAD", "new": "first"},
    "notebook diff": {"old": "HEAD", "new": "first", "notebooks": ["notebook.ipynb"]},
    "strip": {"paths": ["notebook.ipynb"], "check": True},
    "notebook verdict": {"notebooks": ["notebook.ipynb"], "rev": "HEAD"},
    "check": {"read_data": True},
    "repair": {"yes": False},
    "upgrade": {},
    "help": {"words": ["snapshot"]},
    "completion": {"shell": "bash"},
}
"""Arguments of a good request, by command. A command without them fails a test."""

_OTHERS = (
    Target("jobs", "GET"),
    Target("jobs/0123456789abcdef", "GET"),
    Target("jobs/0123456789abcdef", "DELETE"),
    Target("watch", "POST", {"client": "c"}, at="project"),
    Target("watch", "DELETE", {"client": "c"}),
    Target(f"kernels/{KERNEL}/clients/{CLIENT}", "PUT", {"path": "project/notebook.ipynb"}),
    Target(f"kernels/{KERNEL}/clients/{CLIENT}", "DELETE"),
    Target(f"kernels/{KERNEL}/saves/{REQUEST}", "POST", {"path": "x.ipynb", "state": "begun"}),
    Target("bokehjs", "GET"),
    Target("bokehjs/0/bokeh.min.js", "GET"),
    Target("nothing/here", "GET"),
    Target("nothing/here", "POST"),
)


def command_targets() -> list[Target]:
    """Return a target for every command that has a route."""
    return [_target(command) for command in COMMANDS if command.rest]


def all_targets() -> list[Target]:
    """Return a target for every method of every route."""
    return [*command_targets(), *_OTHERS]


def _target(command: Command) -> Target:
    parameters = read_signature(command).parameters
    return Target(
        path="/".join(command.words),
        method="GET" if command.reads else "POST",
        arguments=_GOOD[command.name],
        paths=tuple(p.name for p in parameters if p.arg.rest and _is_path(p)),
        revisions=tuple(
            p.name
            for p in parameters
            if p.arg.complete in ("revision", "snapshot", "branch", "metric")
        ),
        command=command,
        at="project",
    )


def _is_path(parameter: Parameter) -> bool:
    return parameter.base is Path or parameter.arg.complete in ("path", "tracked")


def parameter(target: Target, name: str) -> Parameter:
    """Return the parameter ``name`` of a target's command."""
    assert target.command is not None
    return next(p for p in read_signature(target.command).parameters if p.name == name)


def with_argument(target: Target, name: str, text: str) -> dict[str, Any]:
    """Return good arguments but for one, whose text is ``text``."""
    value = (text,) if parameter(target, name).many else text
    return {**target.arguments, name: value}


def fingerprint(folder: Path) -> dict[str, bytes | str]:
    """Return all there is in and below ``folder``, Git's own folder included, but for caches."""
    found: dict[str, bytes | str] = {}
    for file in _iter_files(folder):
        try:
            found[file] = f"-> {os.readlink(file)}"
        except OSError:
            with open(file, "rb", buffering=0) as content:
                found[file] = content.readall()
    return found


def _iter_files(folder: Path) -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(f"{here}/{name}")]
        kept = (one for one in [*names, *links] if one not in CACHES)
        yield from (f"{here}/{name}" for name in kept if not name.endswith(CACHE_SUFFIX))
