"""The Git repositories and projects that the notebooks of one check lie in, each opened once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jupyter_mlops.commands.check_options import CheckOptions
from jupyter_mlops.commands.checked_runs import ProjectRuns
from jupyter_mlops.commands.commit_evidence import CommitEvidence
from jupyter_mlops.commands.gate_evidence import GateOptions, read_numbers
from jupyter_mlops.commands.notebook_evidence import GitNotebooks
from jupyter_mlops.commands.project_evidence import (
    read_large_files,
    read_mismatches,
    read_pointer_states,
)
from jupyter_mlops.commands.verdicts import Judged, WorktreeVerdicts
from jupyter_mlops.commands.workspace import Workspace, open_workspace
from jupyter_mlops.config import CONFIG_NAME, ChecksConfig
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.git.revisions import head
from jupyter_mlops.notebooks.names import names_bound
from jupyter_mlops.notebooks.verdict import VerdictWord
from jupyter_mlops.progress import NoProgress, Progress
from jupyter_mlops.reports.findings import Checked, Finding
from jupyter_mlops.reports.gates import GateResult, judge_gates
from jupyter_mlops.reports.gates import Judged as JudgedGate
from jupyter_mlops.reports.lock_files import FIXES
from jupyter_mlops.reports.notebook_rules import Counts, check_order, check_outputs
from jupyter_mlops.reports.pointers import NOT_PUSHED, RULE, check_pointers
from jupyter_mlops.reports.project_rules import (
    check_environment,
    check_large_files,
    check_recorded,
    check_snapshots,
)
from jupyter_mlops.reports.selection import Selection
from jupyter_mlops.reports.verdict_words import explain_verdict, find_replay, find_run, first_line

_NO_CONFIG = f"There is no {CONFIG_NAME}, so pointer files and gates were not looked at."
_NO_FILE = "{} has no file, so Git and the project were not looked at."
_NO_GIT = (
    "There is no Git repository here, so only the notebook's file was looked at: not Git's version"
    " of it, no pointer files, no gates."
)
_GATE_RULES = (
    "gate-broken",
    "gate-without-metric",
    "gate-unmeasurable",
    "gate-metric-uncommitted",
    "gate-metric-outdated",
)


class Projects:
    """What the rules are given that look beyond a notebook's own file; for one thread."""

    def __init__(self, options: CheckOptions, progress: Progress | None = None) -> None:
        self._options = options
        self._progress = progress or NoProgress()
        self._opened: dict[Path, GitNotebooks | MlopsError] = {}
        self._roots: dict[Path, GitNotebooks] = {}
        self._done: set[Path | str] = set()
        self._verdicts: dict[Path, WorktreeVerdicts] = {}
        self._workspaces: dict[Path, Workspace | MlopsError] = {}
        self._runs: dict[Path, ProjectRuns] = {}
        self.gates: list[JudgedGate] = []
        """Every bound of a gate that was judged."""

    def config(self, file: Path | None) -> ChecksConfig:
        """Return what the project of ``file`` says of checks, the defaults where it does not."""
        ws = self.workspace(file)
        return ws.config.checks if isinstance(ws, Workspace) else ChecksConfig()

    def select(self, file: Path | None) -> Selection:
        """Return the rules that count for ``file``.

        What its project says counts as far as it has a meaning: :meth:`check_project` tells else.
        """
        try:
            return self._options.choose(self.config(file))
        except MlopsError:
            return self._options.choose(ChecksConfig())

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

    def list_gone(self, file: Path | None) -> Mapping[str, str]:
        """Return the names that cells defined which ran and are gone, each with such a line."""
        judged = self._judge(file) if file is not None else None
        cells = judged.run.cells if judged is not None else ()
        gone: dict[str, str] = {}
        for cell in cells:
            if cell.role in ("deleted", "edited"):
                for bound in names_bound(cell.source):
                    gone.setdefault(bound, first_line(cell.source))
        return gone

    def runs(self, file: Path | None) -> ProjectRuns | None:
        """Return what is known of runs in the project of ``file``; None outside of one."""
        ws = self.workspace(file)
        if not isinstance(ws, Workspace):
            return None
        return self._runs.setdefault(ws.root, ProjectRuns(ws, yes=self._options.yes))

    def _judge(self, file: Path) -> Judged | None:
        """Return the verdict on a notebook, None outside of Git and where it cannot be told."""
        found = self._open(file)
        if isinstance(found, MlopsError):
            return None
        verdicts = self._verdicts.setdefault(found.repo.root, WorktreeVerdicts(found.repo))
        try:
            return verdicts.judge(found.name(file))
        except MlopsError:
            return None

    def check_project(self, file: Path | None, files: Sequence[Path]) -> Checked:
        """Return what is wrong with the project of ``file``: nothing, but for one notebook of it.

        That is the last of ``files``, the notebooks of this check, that lies in the project. What
        lies in no Git repository is taken together: a note says what was not looked at.
        """
        if file is None:
            return Checked()
        found = self._open(file)
        key = _key(found)
        if key in self._done or not self._is_last(key, file, files):
            return Checked()
        self._done.add(key)
        if isinstance(found, NotFoundError):
            return Checked(notes=(_NO_GIT,))
        if isinstance(found, MlopsError):
            return Checked((_unreadable(found),))
        return self.check_root(file)

    def check_root(self, file: Path) -> Checked:
        """Return what is wrong with the project that ``file`` lies in."""
        ws = self.workspace(file)
        if isinstance(ws, NotFoundError) and ws.code == "no-mlops-toml":
            return Checked(notes=() if self._options.fast else (_NO_CONFIG,))
        if not isinstance(ws, Workspace):
            return Checked((_unreadable(ws),) if ws is not None else ())
        findings: list[Finding] = []
        notes: list[str] = []
        try:
            selection = self._options.choose(ws.config.checks)
            for checked in self._iter_checks(ws, selection):
                findings += checked.findings
                notes += checked.notes
        except MlopsError as error:
            return Checked((*findings, _unreadable(error)), tuple(notes))
        return selection.apply(Checked(tuple(findings), tuple(notes)))

    def _iter_checks(self, ws: Workspace, selection: Selection) -> Iterator[Checked]:
        """Yield what each rule about the project finds, of those that count."""
        if selection.counts(RULE, NOT_PUSHED):
            pointers = read_pointer_states(
                ws, asks_remote=not self._options.fast, yes=self._options.yes
            )
            yield Checked(tuple(check_pointers(pointers.states)), pointers.notes)
        if selection.counts("large-file-in-git"):
            sizes = read_large_files(ws)
            yield Checked(tuple(check_large_files(sizes, ws.config.hooks.big_file_bytes)))
        if selection.counts("environment-differs") and (found := read_mismatches(ws)) is not None:
            yield Checked(tuple(check_environment(*found, FIXES[found[0]])))
        if selection.counts("snapshot-other-code", "metrics-of-other-code"):
            yield from _iter_commit_checks(ws, selection)
        if ws.config.gates and selection.counts(*_GATE_RULES):
            yield self._judge_gates(ws).checked

    def _judge_gates(self, ws: Workspace) -> GateResult:
        runs = self._runs.get(ws.root)
        options = GateOptions(
            base=self._options.base,
            yes=self._options.yes,
            written=runs.list_written() if runs is not None else frozenset(),
            repeats=runs.repeats() if runs is not None else {},
        )
        result = judge_gates(ws.config.gates, read_numbers(ws, options))
        self.gates += result.judged
        return result

    def find_path(self, file: Path) -> str | None:
        """Return the path of a notebook within its working tree, None where it lies in none."""
        found = self._open(file)
        return found.name(file) if isinstance(found, GitNotebooks) else None

    def _is_last(self, key: Path | str, file: Path, files: Sequence[Path]) -> bool:
        others = (other for other in reversed(files) if _key(self._open(other)) == key)
        return next(others, file) == file

    def workspace(self, file: Path | None) -> Workspace | MlopsError | None:
        """Return the project of ``file``, why it cannot be opened, or None where it has no file."""
        found = self._open(file) if file is not None else None
        if not isinstance(found, GitNotebooks):
            return found
        root = found.repo.root
        if root not in self._workspaces:
            try:
                self._workspaces[root] = open_workspace(root, progress=self._progress)
            except MlopsError as error:
                self._workspaces[root] = error
        return self._workspaces[root]

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


def _iter_commit_checks(ws: Workspace, selection: Selection) -> Iterator[Checked]:
    """Yield what is wrong with how HEAD's numbers came about."""
    commit = head(ws.git).commit
    if commit is None:
        return
    evidence = CommitEvidence(ws, commit)
    if selection.counts("snapshot-other-code"):
        yield Checked(tuple(check_snapshots(evidence.find_other_code())))
    if selection.counts("metrics-of-other-code"):
        gated = {gate.metric.rpartition(":")[0] for gate in ws.config.gates}
        files = [one for one in evidence.metrics if one not in gated]
        outdated = (evidence.find_outdated(one) for one in files if evidence.sources(one))
        yield Checked(tuple(check_recorded(one for one in outdated if one is not None)))


def _key(found: GitNotebooks | MlopsError) -> Path | str:
    """Return what tells one project from another: its root, or why Git refuses it, or nothing."""
    if isinstance(found, GitNotebooks):
        return found.repo.root
    return "" if isinstance(found, NotFoundError) else found.message


def _unreadable(error: MlopsError) -> Finding:
    fix = error.hints[0] if error.hints else "jupyter mlops doctor"
    return Finding("project-unreadable", "error", error.message, fix, file=CONFIG_NAME)
