"""What happens in the demo, commit by commit, in the order in which it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class NotebookRun:
    """One notebook, run from top to bottom after its parameters have been changed."""

    notebook: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One commit on ``branch``.

    ``kind`` says how it is made: from what running notebooks left, by merging the branch ``other``,
    by reverting the branch's last commit, or by naming the remote. A branch that is not there yet
    begins at ``main``.
    """

    branch: str
    message: str
    runs: tuple[NotebookRun, ...] = ()
    kind: Literal["commit", "merge", "revert", "remote"] = "commit"
    other: str | None = None
    tag: str | None = None


def _commit(branch: str, message: str, *runs: NotebookRun, tag: str | None = None) -> Step:
    return Step(branch, message, runs, tag=tag)


def _merge(branch: str, other: str, message: str, tag: str | None = None) -> Step:
    return Step(branch, message, kind="merge", other=other, tag=tag)


STEPS = (
    _commit("main", "Begin the project"),
    Step("main", "Name a remote, for colleagues to pull from", kind="remote"),
    _commit(
        "main",
        "Keep the two data sets",
        NotebookRun("data-cancer.ipynb"),
        NotebookRun("data-digits.ipynb"),
    ),
    _commit("main", "Predict cancer by a linear model", NotebookRun("cancer-linear.ipynb")),
    _commit(
        "main",
        "Scale the columns first",
        NotebookRun("cancer-linear.ipynb", {"scale": True}),
        tag="v1",
    ),
    _commit("trees", "Try one shallow tree", NotebookRun("cancer-trees.ipynb")),
    _commit(
        "trees",
        "Grow twenty trees instead of one",
        NotebookRun("cancer-trees.ipynb", {"trees": 20, "depth": 4}),
    ),
    _commit("digits", "Tell digits by the nearest mean picture", NotebookRun("digits.ipynb")),
    _commit(
        "digits",
        "Tell digits by a linear model",
        NotebookRun("digits.ipynb", {"kind": "linear"}),
    ),
    _commit(
        "digits",
        "Add a shifted copy of every training picture",
        NotebookRun("data-digits.ipynb", {"shifts": (0, 1)}),
        NotebookRun("digits.ipynb"),
    ),
    Step("digits", "Do without the shifted copies: they made it worse", kind="revert"),
    _merge("main", "digits", "Take over the digits"),
    _merge("trees", "main", "Follow main"),
    _commit(
        "trees",
        "Grow sixty deep trees",
        NotebookRun("cancer-trees.ipynb", {"trees": 60, "depth": 8}),
    ),
    _commit(
        "boosting",
        "Boost small trees, without the error columns",
        NotebookRun("data-cancer.ipynb", {"groups": ("mean", "worst")}),
        NotebookRun("cancer-boosting.ipynb"),
    ),
    _commit(
        "boosting",
        "Learn faster",
        NotebookRun("cancer-boosting.ipynb", {"stages": 60, "rate": 0.3}),
    ),
    _commit(
        "boosting",
        "Learn slowly again, for two hundred stages",
        NotebookRun("cancer-boosting.ipynb", {"stages": 200, "rate": 0.1}),
    ),
    _merge("main", "boosting", "Take over boosting", tag="v2"),
    _commit("main", "Show where to start", NotebookRun("start-here.ipynb")),
)
