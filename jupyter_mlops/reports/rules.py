"""Every rule there is: what it is called, how sure it is, and what it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.reports.findings import Severity

Scope = Literal["notebook", "run", "project", "gate"]
"""What a rule looks at: a notebook's file, a run of it, its project, the project's gates."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, how sure it is, what it looks at, and what it finds, after "that".

    A look at notebooks and at Git's index is enough for one that ``is_fast``.
    """

    id: str
    severity: Severity
    scope: Scope
    summary: str
    is_fast: bool = True


RULES: tuple[Rule, ...] = (
    Rule("notebook-invalid", "error", "notebook", "the file is no notebook of nbformat 4"),
    Rule("outputs-in-git", "error", "notebook", "Git's version carries outputs or counts"),
    Rule("conflict-marks", "error", "notebook", "marks of a merge conflict stand in cells"),
    Rule("executed-out-of-order", "warning", "notebook", "cells ran in another order"),
    Rule("executed-other-code", "warning", "notebook", "the kernel ran code that is gone"),
    Rule("executed-with-gaps", "warning", "notebook", "cells were run again or deleted"),
    Rule("replay-failed", "error", "notebook", "running it again came to something else"),
    Rule("name-before-definition", "error", "notebook", "a name is used above its definition"),
    Rule("name-undefined", "warning", "notebook", "a name is used that no cell defines"),
    Rule("secret-in-source", "error", "notebook", "a cell's source shows a secret"),
    Rule("secret-in-output", "error", "notebook", "an output shows a secret"),
    Rule("cell-failed", "error", "run", "a cell raised an exception", is_fast=False),
    Rule("run-failed", "error", "run", "the run came to no end", is_fast=False),
    Rule("output-drift", "warning", "run", "outputs differ from the stored ones", is_fast=False),
    Rule("non-deterministic", "warning", "run", "two runs came to different ends", is_fast=False),
    Rule("project-unreadable", "error", "project", "the project cannot be looked at"),
    Rule(
        "pointer-unresolvable",
        "error",
        "project",
        "content of a pointer file is nowhere",
        is_fast=False,
    ),
    Rule("pointer-not-pushed", "error", "project", "the remote lacks content", is_fast=False),
    Rule(
        "snapshot-other-code",
        "warning",
        "project",
        "a snapshot's code is not the commit's",
        is_fast=False,
    ),
    Rule(
        "metrics-of-other-code",
        "warning",
        "project",
        "metrics are of code that has changed",
        is_fast=False,
    ),
    Rule("large-file-in-git", "warning", "project", "Git has a large file"),
    Rule(
        "environment-differs",
        "warning",
        "project",
        "packages are not those of the lock file",
        is_fast=False,
    ),
    Rule("gate-broken", "error", "gate", "a metric does not keep a bound", is_fast=False),
    Rule(
        "gate-without-metric",
        "error",
        "gate",
        "a gate names a metric that no file holds",
        is_fast=False,
    ),
    Rule("gate-unmeasurable", "error", "gate", "a gate cannot be judged", is_fast=False),
    Rule(
        "gate-metric-uncommitted",
        "error",
        "gate",
        "a gate's metric is of a dirty tree",
        is_fast=False,
    ),
    Rule(
        "gate-metric-outdated",
        "error",
        "gate",
        "a gate's metric is of another commit",
        is_fast=False,
    ),
)

BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}
