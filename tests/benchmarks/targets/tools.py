"""The tools that are measured, as scripts of the shell that are run in a project."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.targets.record import DVC, OURS


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool; ``{path}`` stands for the tracked data and ``{name}`` for the name of a version.

    Attributes:
        name: what it is called in the record.
        version: tells which version it is.
        begin: sets it up in an empty Git repository.
        keep: keeps the data as it is now.
        label: gives what was just kept a name; untimed.
        status: says whether the data has changed.
        keep_again: keeps the data once more, where nothing has changed.
        switch: makes the data what a version has.
        restore: brings the data back where it is not.
        remote: names a remote, ``{url}``, and for object stores the server, ``{endpoint}``.
        push: sends the remote what the current commit needs.
        pull: brings it into a new clone.
        store: the folder with the content.
        check: reads everything and compares it with its name, None where there is no such command.
    """

    name: str
    version: str
    begin: str
    keep: str
    label: str
    status: str
    keep_again: str
    switch: str
    restore: str
    remote: str
    push: str
    pull: str
    store: str
    check: str | None = None


_COMMIT_REMOTE = "git add --all && git commit --quiet --message remote"

OUR_TOOL = Tool(
    name=OURS,
    version="jupyter mlops --version",
    begin="jupyter mlops init && git add --all && git commit --quiet --message begin",
    keep="jupyter mlops snapshot {path} --name {name}",
    label="true",
    status="jupyter mlops status",
    keep_again="jupyter mlops snapshot {path}",
    switch="jupyter mlops restore {name}",
    restore="jupyter mlops restore",
    remote="mkdir -p ../remote && jupyter mlops remote add store {url} && "
    "if [ -n '{endpoint}' ]; then "
    "git config --global mlops.remote.store.endpoint '{endpoint}'; fi && "
    f"{_COMMIT_REMOTE}",
    push="jupyter mlops push",
    pull="jupyter mlops pull",
    store=".git/mlops",
    check="jupyter mlops check --read-data",
)
"""Each of these commands is durable when it returns."""


def dvc_tool(program: Path) -> Tool:
    """Return DVC with its default settings; what it writes is followed by ``sync``."""
    dvc = shlex.quote(str(program))
    sync = "sync --file-system ."
    keep = f"{dvc} add --quiet {{path}} && git add {{path}}.dvc .gitignore && {sync}"
    return Tool(
        name=DVC,
        version=f"{dvc} --version",
        begin=f"{dvc} init --quiet && {dvc} config core.analytics false && "
        f"{dvc} config core.check_update false && "
        "git add --all && git commit --quiet --message begin",
        keep=keep,
        label="git commit --quiet --message {name} && git tag {name}",
        status=f"{dvc} status",
        keep_again=keep,
        switch=f"git checkout --quiet {{name}} -- {{path}}.dvc && "
        f"{dvc} checkout --quiet {{path}}.dvc && {sync}",
        restore=f"{dvc} checkout --quiet {{path}}.dvc && {sync}",
        remote=f"{dvc} remote add --quiet --default store {{url}} && "
        f"if [ -n '{{endpoint}}' ]; then {dvc} remote modify store endpointurl '{{endpoint}}'; fi "
        f"&& {_COMMIT_REMOTE}",
        push=f"{dvc} push --quiet && {sync}",
        pull=f"{dvc} pull --quiet && {sync}",
        store=".dvc/cache",
    )


def find_dvc(program: Path | None) -> Path | None:
    """Return ``program``, or the DVC on PATH, or None where neither can be run."""
    found = shutil.which(program or "dvc")
    if found is None:
        return None
    done = subprocess.run([found, "--version"], capture_output=True, check=False)
    return Path(found).absolute() if done.returncode == 0 else None
