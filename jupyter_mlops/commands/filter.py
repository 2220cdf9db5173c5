"""The command ``filter``, which Git starts through the launcher for every notebook it passes."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import Annotated, Literal

from jupyter_mlops.commands.notebook_outputs import (
    OutputKeeper,
    describe_left_out,
    describe_secrets,
)
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Here, read_config_for_git
from jupyter_mlops.config import NotebooksConfig
from jupyter_mlops.errors import IntegrityError, MlopsError, UnavailableError
from jupyter_mlops.git.config import allows_secrets
from jupyter_mlops.git.filter_protocol import serve
from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.notebooks.conflict import find_marked
from jupyter_mlops.notebooks.kept import find_secrets_for_git
from jupyter_mlops.notebooks.readable import MARK
from jupyter_mlops.notebooks.strip import StripSettings, resolve_settings, strip
from jupyter_mlops.objects.recent import RecentOutputs
from jupyter_mlops.objects.running import running
from jupyter_mlops.reports.findings import name_cells
from jupyter_mlops.snapshots.handles import open_project_store
from jupyter_mlops.snapshots.outputs import read_keep_rules
from jupyter_mlops.text import visible

_READABLE_START = MARK.encode()


def filter(
    here: Here,
    direction: Annotated[
        Literal["process", "clean", "smudge"],
        Arg("To Git, from Git, or both as Git asks on standard input."),
    ],
    path: Annotated[str, Arg("The notebook's path, for messages.", metavar="PATH")] = "",
) -> None:
    """Clean and smudge notebooks for Git.

    Git calls this itself. Content comes on standard input and leaves on standard output. Cleaning
    keeps what it strips in the store; smudging brings it back.
    """
    # Python's own output may write a part and call it done, where it is not buffered.
    output = os.fdopen(sys.stdout.fileno(), "wb", closefd=False)
    with _NotebookFilter(here) as notebooks:
        if direction == "process":
            serve(
                sys.stdin.buffer,
                output,
                clean=notebooks.clean,
                smudge=notebooks.smudge,
                report=notebooks.report,
            )
            return
        convert = notebooks.clean if direction == "clean" else notebooks.smudge
        converted = convert(path, sys.stdin.buffer.read())
    try:
        output.write(converted)
        output.flush()
    except OSError as error:
        raise UnavailableError(
            f"The notebook cannot be handed over: {error.strerror}.", code="output-failed"
        ) from error


class _NotebookFilter(ExitStack):
    """Both directions, over a project that is opened when the first notebook needs it."""

    def __init__(self, here: Here) -> None:
        super().__init__()
        self._here = here
        self._repository: Repository | None = None
        self._settings: StripSettings | None = None
        self._keeper: OutputKeeper | None = None
        self._said: set[str] = set()

    def clean(self, path: str, content: bytes) -> bytes:
        """Return the notebook as Git shall have it; what it loses by that is kept.

        Raises:
            MlopsError: it cannot be kept, so Git shall not take the notebook.
        """
        if content.startswith(_READABLE_START):
            return content  # git blame sends through the filter what textconv made
        stripped = strip(content, self._read_settings())
        marked = find_marked(stripped.notebook)
        if stripped.problem is not None:
            _say(f"{path} {stripped.problem}; Git gets it as it is.")
        elif marked:
            where = name_cells(marked)
            _say(f"{path} has marks of a merge conflict in {where}; Git gets it as it is.")
        config = self._read_config()
        shown = find_secrets_for_git(stripped.notebook)
        named = {one.cell for one in shown}
        if stripped.removed is not None and config.keep_outputs:
            keeping = self._open_keeper().keep(stripped.notebook, stripped.removed, path)
            # Git is told of success for this notebook alone, and never asks for it again.
            self._open_keeper().secure()
            left_out = [one for one in keeping.left_out if not (one.secrets and one.cell in named)]
            for clause in describe_left_out(left_out, config.output_limit_bytes):
                _say(f"{path} {clause}.")
        if shown and not allows_secrets(self._open_repository()):
            _say(f"{path} goes into Git with outputs that {describe_secrets(shown)}.")
        return stripped.notebook

    def smudge(self, path: str, content: bytes) -> bytes:
        """Return the notebook for the working tree, with its outputs where the store has them."""

        def say_older(error: IntegrityError) -> None:
            _say(f"{path} may come with older outputs than its last. {_with_way_on(error)}")

        try:
            if not content or not self._read_config().keep_outputs:
                return content
            return self._open_keeper().join(content, self._read_settings(), path, say_older)
        except MlopsError as error:
            _say(f"{path} comes without its outputs. {_with_way_on(error)}")
            return content

    def report(self, path: str, error: MlopsError) -> None:
        """Say why a notebook is refused."""
        _say(f"{path} is refused, as its outputs would be lost. {error.message}")

    def _open_repository(self) -> Repository:
        if self._repository is None:
            self._repository = open_repository(self._here.cwd)
        return self._repository

    def _read_settings(self) -> StripSettings:
        if self._settings is None:
            try:
                self._settings = resolve_settings(
                    *read_nbstripout_settings(self._open_repository())
                )
            except MlopsError:  # where there is no repository, there are no settings of it
                self._settings = StripSettings()
        return self._settings

    def _read_config(self) -> NotebooksConfig:
        try:
            config, problem = read_config_for_git(self._open_repository())
        except MlopsError:
            return NotebooksConfig()
        if problem is not None and problem not in self._said:
            self._said.add(problem)
            _say(problem)
        return config.notebooks

    def _open_keeper(self) -> OutputKeeper:
        if self._keeper is None:
            repo = self._open_repository()
            store = open_project_store(repo)
            rules = read_keep_rules(repo, self._read_config())
            recent = RecentOutputs(repo.state_dir, repo.root, self._read_settings())
            # Git names what is kept here only when all notebooks are through, and ends this then.
            self.enter_context(running(store))
            self._keeper = self.enter_context(OutputKeeper(store, self._here.clock, rules, recent))
        return self._keeper


def _with_way_on(error: MlopsError) -> str:
    steps = (*error.hints[:1], "jupyter mlops restore HEAD --outputs")
    return f"{error.message} To go on: {', then '.join(steps)}"


def _say(sentence: str) -> None:
    print(f"jupyter-mlops: {visible(sentence)}", file=sys.stderr, flush=True)
