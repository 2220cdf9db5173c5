"""What gates are judged by: metrics here, elsewhere, and how they came about."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from jupyter_mlops.commands.ci import find_state_base
from jupyter_mlops.commands.commit_evidence import CommitEvidence
from jupyter_mlops.commands.number_files import metric_files
from jupyter_mlops.commands.number_trees import logged_tree, open_revision
from jupyter_mlops.commands.production import is_configured, read_production
from jupyter_mlops.commands.repeats import read_repeats, read_runs
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.config import GateConfig
from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.bars import BARS_NAME, MAX_BARS_BYTES, Bar, parse_bars
from jupyter_mlops.git.bases import Base
from jupyter_mlops.git.history import last_changes
from jupyter_mlops.git.revisions import head, shorten
from jupyter_mlops.git.state_tree import blob_oid
from jupyter_mlops.metrics.read import Number, read_metrics, split_name
from jupyter_mlops.reports.findings import quote_path
from jupyter_mlops.reports.gates import BASE, PRODUCTION, Baseline, Numbers, Provenance
from jupyter_mlops.reports.project_rules import name_paths
from jupyter_mlops.reports.tolerance import REPEATS_NEEDED, parse_tolerance


@dataclass(frozen=True, slots=True)
class GateOptions:
    """What a caller knows beside the project.

    Attributes:
        base: the revision that ``against = "base"`` means; None: what the CI system says.
        yes: whether places that the project names may be asked from now on.
        written: metrics files that the runs of this check have written.
        repeats: by full name, what those runs came to.
        environ: variables of the process.
    """

    base: str | None = None
    yes: bool = False
    written: frozenset[str] = frozenset()
    repeats: Mapping[str, Sequence[Number]] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def read_numbers(ws: Workspace, options: GateOptions | None = None) -> Numbers:
    """Return the metrics of the working tree, and of each place that a gate compares with."""
    return GateEvidence(ws, options or GateOptions()).read()


class GateEvidence:
    """What the gates of one project are judged by; for one thread."""

    def __init__(self, ws: Workspace, options: GateOptions) -> None:
        self._ws = ws
        self._options = options
        self._gates = ws.config.gates
        self._commit = head(ws.git).commit
        self._evidence: dict[str, CommitEvidence] = {}
        self._values: Mapping[str, Number] = {}

    def read(self) -> Numbers:
        """Return all of it.

        Raises:
            UsageError: ``gates.lock.toml`` is not valid (code ``bars-invalid``).
        """
        tree = logged_tree(self._ws, self._ws.config.metrics.files)
        read = read_metrics(tree, metric_files(self._ws.config, tree))
        self._values = read.values
        judged = sorted({split_name(g.metric)[0] for g in self._gates if g.metric in read.values})
        return Numbers(
            values=read.values,
            sources=self._read_sources(judged),
            baselines={name: self._read_baseline(name) for name in self._list_against()},
            problems=read.problems,
            better=self._ws.config.metrics.better,
            bars=self._read_bars(),
            provenance=self._read_provenance(judged),
            removed=self._read_removed(),
        )

    def _list_against(self) -> list[str]:
        return list(dict.fromkeys(gate.against for gate in self._gates if gate.against is not None))

    @cached_property
    def base(self) -> Base:
        """The commit that ``base`` means.

        Raises:
            MlopsError: it cannot be found.
        """
        if self._commit is None:
            return Base(None, "the base, and there is no commit yet", is_none=True)
        options = self._options
        return find_state_base(self._ws.git, self._commit, options.base, options.environ)

    def _around(self, commit: str) -> CommitEvidence:
        if commit not in self._evidence:
            self._evidence[commit] = CommitEvidence(self._ws, commit)
        return self._evidence[commit]

    def _read_baseline(self, against: str) -> Baseline:
        if against == BASE:
            return self._read_base()
        if against == PRODUCTION and is_configured(self._ws):
            return self._read_production()
        try:
            source = open_revision(self._ws, against)
        except (NotFoundError, ConflictError):
            return Baseline(None)
        assert source.commit is not None
        return self._read_commit(source.commit, against, shorten(self._ws.git, source.commit))

    def _read_base(self) -> Baseline:
        try:
            commit, why, is_none, fix = self.base
        except MlopsError as error:
            why = f"the base, which cannot be had: {error.message.rstrip('.')}"
            return Baseline(None, why=why, fix=error.hints[0])
        if is_none:
            return Baseline("there is no commit before")
        if commit is None:
            return Baseline(None, why=why, fix=fix or "jupyter mlops gates --base REVISION")
        short = shorten(self._ws.git, commit)
        return self._read_commit(commit, BASE, f"{short}, {why.removeprefix('the base ')}")

    def _read_production(self) -> Baseline:
        try:
            found = read_production(self._ws, yes=self._options.yes)
        except MlopsError as error:
            fix = error.hints[0] if error.hints else "jupyter mlops gates"
            why = f"production, which cannot be read: {error.message.rstrip('.')}"
            return Baseline(None, why=why, fix=fix)
        if found.commit is not None:
            return self._read_commit(found.commit, PRODUCTION, found.label)
        gates = [gate for gate in self._gates if gate.against == PRODUCTION]
        values = {g.metric: value for g in gates if (value := found.find(g.metric)) is not None}
        return Baseline(found.label, values, self._repeats_of(gates, None))

    def _read_commit(self, commit: str, against: str, label: str) -> Baseline:
        tree = self._around(commit).tree
        read = read_metrics(tree, metric_files(self._ws.config, tree))
        gates = [gate for gate in self._gates if gate.against == against]
        return Baseline(label, read.values, self._repeats_of(gates, commit))

    def _repeats_of(
        self, gates: Sequence[GateConfig], commit: str | None
    ) -> dict[str, Sequence[Number]]:
        """Return what metrics came to in runs of ``commit``; of HEAD, where those are too few."""
        found: dict[str, Sequence[Number]] = {}
        for gate in gates:
            tolerance = parse_tolerance(gate.tolerance)
            if tolerance is None or tolerance.unit != "sd":
                continue
            given = self._options.repeats.get(gate.metric, ())
            groups: list[Sequence[Number]] = [given]
            for one in dict.fromkeys((commit, self._commit)):
                if one is not None and max(map(len, groups)) < REPEATS_NEEDED:
                    groups.append(read_repeats(self._ws, self._around(one), gate.metric))
            found[gate.metric] = max(groups, key=len)
        return found

    def _read_bars(self) -> dict[str, Baseline]:
        gates = [gate for gate in self._gates if gate.ratchet]
        if not gates:
            return {}
        repeats = self._repeats_of(gates, None)
        return {
            metric: Baseline(bar.commit[:7] if bar.commit else "", {metric: bar.value}, repeats)
            for metric, bar in read_bars(self._ws).items()
        }

    def _read_sources(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Return, in words, which commit the working tree's content of each path is of."""
        if not paths or self._commit is None:
            return dict.fromkeys(paths, "working tree, no commit yet")
        entries = self._around(self._commit).tree.entries
        changed_in = last_changes(self._ws.git, [path for path in paths if path in entries])
        sources = {}
        for path in paths:
            if path not in entries:
                sources[path] = "working tree, not in HEAD"
            elif self._is_committed(path):
                sources[path] = f"working tree, as of {changed_in.get(path, 'HEAD')}"
            else:
                sources[path] = f"working tree, changed since {changed_in.get(path, 'HEAD')}"
        return sources

    def _read_removed(self) -> dict[str, str]:
        """Return what took away each file that a gate names, and that HEAD or a commit before had.

        In words that go on after "was removed".
        """
        named = dict.fromkeys(split_name(g.metric)[0] for g in self._gates)
        gone = [path for path in named if path and not (self._ws.root / path).exists()]
        if self._commit is None or not gone:
            return {}
        there = self._around(self._commit).tree.entries
        past = last_changes(self._ws.git, [path for path in gone if path not in there])
        here = {path: "here, in no commit" for path in gone if path in there}
        return here | {path: f"in {commit}" for path, commit in past.items()}

    def _is_committed(self, path: str) -> bool:
        assert self._commit is not None
        entry = self._around(self._commit).tree.entries.get(path)
        content = WorkTree(self._ws.root).read(path)
        return entry is not None and entry.oid == blob_oid(self._ws.git, content)

    def _read_provenance(self, paths: Sequence[str]) -> dict[str, Provenance]:
        if self._commit is None:
            return {}
        found = {path: self._judge_provenance(path) for path in paths}
        return {path: one for path, one in found.items() if one is not None}

    def _judge_provenance(self, path: str) -> Provenance | None:
        """Return whose numbers a metrics file has, if not those of HEAD."""
        assert self._commit is not None
        evidence = self._around(self._commit)
        dirty = evidence.find_dirty(path)
        add = f"git commit -m 'Metrics' -- {quote_path(path)}"
        if path in self._options.written:
            if dirty:
                why = f"was logged by code that no commit has: {name_paths(dirty)}"
                return Provenance("gate-metric-uncommitted", why, _commit_all(dirty))
            return None
        if not self._is_committed(path):
            if not dirty and self._was_logged_here(path):
                return None
            why = "is not as HEAD has it, so that no commit tells which code it is of"
            fix = f"git add -- {quote_path(path)} && {add}"
            return Provenance("gate-metric-uncommitted", why, fix)
        if dirty:
            why = f"is HEAD's, and its code has changed since, in no commit: {name_paths(dirty)}"
            return Provenance("gate-metric-outdated", why, _commit_all(dirty))
        outdated = evidence.find_outdated(path)
        if outdated is None:
            return None
        why = (
            f"was recorded in {outdated.recorded_at}, and since then changed:"
            f" {name_paths(outdated.paths)}"
        )
        fix = "Run what logs it again, and commit its metrics file."
        notebook = next((one for one in outdated.paths if one.endswith(".ipynb")), None)
        if notebook is not None:
            words = f"--to notebook --execute --inplace {quote_path(notebook)}"
            fix = f"jupyter nbconvert {words}"
        return Provenance("gate-metric-outdated", why, fix)

    def _was_logged_here(self, path: str) -> bool:
        """Return whether the store has a run of HEAD's code that came to what gates judge here."""
        assert self._commit is not None
        evidence = self._around(self._commit)
        judged = [gate.metric for gate in self._gates if split_name(gate.metric)[0] == path]
        values = {name: self._values[name] for name in judged if name in self._values}
        return bool(values) and all(
            value in read_runs(self._ws, evidence, path, split_name(name)[1]).values()
            for name, value in values.items()
        )


def _commit_all(paths: Sequence[str]) -> str:
    words = " ".join(quote_path(path) for path in paths[:4])
    return f"Run it again as it is committed: git commit -- {words}"


def read_bars(ws: Workspace) -> dict[str, Bar]:
    """Return the bars in ``gates.lock.toml``; none where there is no such file.

    Raises:
        UsageError: it is not valid.
    """
    try:
        data = WorkTree(ws.root).read(BARS_NAME, limit_bytes=MAX_BARS_BYTES)
    except NotFoundError:
        return {}
    return parse_bars(data)
