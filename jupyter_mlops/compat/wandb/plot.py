"""``wandb.plot``: what a plot would show, kept as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jupyter_mlops.compat.stand_in import StandIn, find_unsupported, guarded
from jupyter_mlops.compat.wandb.media import Table


def __getattr__(name: str) -> StandIn:
    return find_unsupported("wandb.plot", name)


def line(
    table: Any,
    x: str,
    y: str,
    stroke: str | None = None,
    title: str = "",
    split_table: bool = False,
) -> Any:
    """Return the table that a line is drawn from."""
    return table


def scatter(table: Any, x: str, y: str, title: str = "", split_table: bool = False) -> Any:
    """Return the table that points are drawn from."""
    return table


def bar(table: Any, label: str, value: str, title: str = "", split_table: bool = False) -> Any:
    """Return the table that bars are drawn from."""
    return table


def histogram(table: Any, value: str, title: str = "", split_table: bool = False) -> Any:
    """Return the table that a histogram is drawn from."""
    return table


@guarded
def line_series(
    xs: Any,
    ys: Sequence[Sequence[Any]],
    keys: Sequence[str] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> Table:
    """Return lines as a table: a row a point."""
    rows = list(xs)
    shared = not rows or not hasattr(rows[0], "__len__")
    found = Table(columns=[xname, "line", "y"])
    for at, values in enumerate(ys):
        name = keys[at] if keys else f"line {at + 1}"
        for x, y in zip(rows if shared else rows[at], values, strict=False):
            found.add_data(x, name, y)
    return found


@guarded
def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> Table:
    """Return true and predicted classes as a table, a row a sample."""
    if preds is None:
        preds = [max(range(len(row)), key=list(row).__getitem__) for row in probs]
    found = Table(columns=["actual", "predicted"])
    for true, predicted in zip(y_true, preds, strict=False):
        found.add_data(_class_name(true, class_names), _class_name(predicted, class_names))
    return found


@guarded
def roc_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Any = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> Table:
    """Return true classes and probabilities as a table, a row a sample."""
    return _probabilities(y_true, y_probas, labels)


@guarded
def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Any = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> Table:
    """Return true classes and probabilities as a table, a row a sample."""
    return _probabilities(y_true, y_probas, labels)


def _probabilities(y_true: Any, y_probas: Any, labels: Sequence[str] | None) -> Table:
    rows = [list(row) if hasattr(row, "__len__") else [row] for row in y_probas]
    width = max(map(len, rows), default=0)
    names = list(labels) if labels is not None and len(labels) == width else None
    found = Table(columns=["actual", *(names or [f"score {at}" for at in range(width)])])
    for true, row in zip(y_true, rows, strict=False):
        found.add_data(_class_name(true, labels), *row)
    return found


def _class_name(value: Any, names: Sequence[str] | None) -> Any:
    try:
        return names[int(value)] if names is not None else value
    except (TypeError, ValueError, IndexError):
        return value
