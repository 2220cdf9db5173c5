"""The Git repositories and projects that the notebooks of one run lie in, each opened once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops.commands.notebook_evidence import GitNotebooks
from jupyter_mlops.commands.project_evidence import iter_pointer_states, read_numbers
from jupyter_mlops.commands.verdicts import Judged, WorktreeVerdicts
from jupyter_mlops.commands.workspace import open_workspace
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.notebooks.verdict import VerdictWord
from jupyter_mlops.reports.findings import Checked, Finding
from jupyter_mlops.reports.gates import check_gates
from jupyter_mlops.reports.notebook_rules import Counts, check_order, check_outputs
from jupyter_mlops.reports.pointers import check_pointers
from jupyter_mlops.reports.verdict_words import explain_verdict, find_replay, find_run

_NO_CONFIG = f"There is no {CONFIG_NAME}, so pointer files and gates were not looked at."
_NO_FILE = "{} has no file, so Git and the project were not looked at."
_NO_GIT = (
    "There is no Git repository here, so only the notebook's file was looked at: not Git's version"
    " of it, no pointer files, no gates."
)


class Projects:
    """What the rules are given that look beyond a notebook's own file."""

    def __init__(self) -> None:
        self._opened: dict[Path, GitNotebooks | MlopsError] = {}
        self._roots: dict[Path, GitNotebooks] = {}
        self._done: set[Path | str] = set()
        self._verdicts: dict[Path, WorktreeVerdicts] = {}

    def check_notebook(self, name: str, file: Path | None, content: bytes) -> Checked:
        """Return what is wrong with Git's version of a notebook.

        Of what has no file there is none, which a note says; outside of Git there is none either.
        """
        if file is None:
            return Checked(notes=(_NO_FILE.format(name),))
        found = self._open(file)
        if isinstance(found, MlopsError):
            return Checked()
        try:
            stored = found.read(file, content)
        except MlopsError as error:
            return Checked((_unreadable(error),))
        if stored is None:
            return Checked()
        findings = check_outputs(
            name, stored.version, stored.unstripped, has_attribute=stored.has_attribute
        )
        return Checked(tuple(findings))

    def check_run(self, name: str, file: Path | None, counts: Counts) -> Checked:
        """Return what is wrong with the run that a notebook's file shows.

        Where the kernel wrote down what it ran, that decides, and a note has the verdict's word;
        elsewhere the ``counts`` in the file do.
        """
        judged = self._judge(file) if file is not None else None
        if judged is None:
            return Checked(tuple(check_order(name, counts)))
        findings = [*find_run(name, judged.run)]
        if judged.run.word is VerdictWord.UNKNOWN:
            findings += check_order(name, counts)
        if judged.verification is not None:
            again = judged.verification
            findings += find_replay(name, again.word, again.why)
            return Checked(tuple(findings), (f"{name}: {again.word}. {again.why}",))
        if judged.run.word is VerdictWord.UNKNOWN:
            return Checked(tuple(findings))
        told = explain_verdict(judged.run)
        return Checked(tuple(findings), (f"{name}: {judged.run.word}. {told}",))

    def _judge(self, file: Path) -> Judged | None:
        """Return the verdict on a notebook, None outside of Git and where it cannot be told."""
        found = self._open(file)
        if isinstance(found, MlopsError):
            return None
        root = found.repo.root
        verdicts = self._verdicts.setdefault(root, WorktreeVerdicts(found.repo))
        try:
            return verdicts.judge(
                Path(os.path.realpath(file)).relative_to(root.resolve()).as_posix()
            )
        except MlopsError:
            return None

    def check_project(self, file: Path | None, name: str, names: Sequence[str]) -> Checked:
        """Return what is wrong with the project of ``file``: nothing, but for one notebook of it.

        That is the last of ``names``, the notebooks of this run, that lies in the project. What
        lies in no Git repository is taken together: a note says what was not looked at.
        """
        if file is None:
            return Checked()
        found = self._open(file)
        key = _key(found)
        if key in self._done or not self._is_last(key, name, names):
            return Checked()
        self._done.add(key)
        if isinstance(found, NotFoundError):
            return Checked(notes=(_NO_GIT,))
        if isinstance(found, MlopsError):
            return Checked((_unreadable(found),))
        return _check(found.repo.root)

    def _is_last(self, key: Path | str, name: str, names: Sequence[str]) -> bool:
        others = (other for other in reversed(names) if _key(self._open(Path(other))) == key)
        return next(others, name) == name

    def _open(self, file: Path) -> GitNotebooks | MlopsError:
        folder = Path(os.path.realpath(file)).parent
        if folder not in self._opened:
            self._opened[folder] = self._open_folder(folder)
        return self._opened[folder]

    def _open_folder(self, folder: Path) -> GitNotebooks | MlopsError:
        try:
            repo = open_repository(folder)
        except MlopsError as error:
            return error
        return self._roots.setdefault(repo.root, GitNotebooks(repo))


def _key(found: GitNotebooks | MlopsError) -> Path | str:
    """Return what tells one project from another: its root, or why Git refuses it, or nothing."""
    if isinstance(found, GitNotebooks):
        return found.repo.root
    return "" if isinstance(found, NotFoundError) else found.message


def _check(root: Path) -> Checked:
    try:
        ws = open_workspace(root)
        pointers = check_pointers(iter_pointer_states(ws))
        gates = check_gates(ws.config.gates, read_numbers(ws)) if ws.config.gates else Checked()
    except NotFoundError as error:
        if error.code == "no-mlops-toml":
            return Checked(notes=(_NO_CONFIG,))
        return Checked((_unreadable(error),))
    except MlopsError as error:
        return Checked((_unreadable(error),))
    return Checked((*pointers, *gates.findings), gates.notes)


def _unreadable(error: MlopsError) -> Finding:
    fix = error.hints[0] if error.hints else "jupyter mlops doctor"
    return Finding("project-unreadable", "error", error.message, fix)
