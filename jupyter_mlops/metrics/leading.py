"""What is told of a run first: its leading metrics, and how far it is; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from jupyter_mlops.config import Better
from jupyter_mlops.metrics.compare import direction
from jupyter_mlops.metrics.read import full_name
from jupyter_mlops.metrics.runs import Run
from jupyter_mlops.units import format_number

_HELD_OUT = re.compile(r"(?<![a-z])(?:val|valid|validation|test|eval|dev|holdout)(?![a-z])", re.I)
_TOTALS = {
    "epoch": ("epochs", "max_epochs", "num_epochs", "n_epochs", "num_train_epochs", "total_epochs"),
    "step": ("steps", "max_steps", "num_steps", "n_steps", "total_steps"),
}


def leading_names(run: Run, better: Mapping[str, Better]) -> list[str]:
    """Return the run's metrics, the most telling first.

    Those come first of which it is known which way is better, then those of data that was held
    out, then those that were logged first. What tells how far the run is comes last.
    """

    def order(name: str) -> tuple[bool, bool, bool]:
        way = direction(values_name(run.name, name), better)
        return _last_part(name) == "epoch", way is None, _HELD_OUT.search(name) is None

    return sorted(run.values, key=order)


def values_path(run: str) -> str:
    """Return the path of the file that has the last values of a run's metrics."""
    return f"metrics/{run}.json"


def values_name(run: str, name: str) -> str:
    """Return the full name of the last value of a run's metric."""
    return full_name(values_path(run), name)


def describe_progress(run: Run) -> str | None:
    """Return how far a run is, as ``epoch 7/20``; None where nothing says it.

    That is the metric ``epoch``, else the highest step; of how many, where a parameter says so.
    """
    epoch = next((run.values[name] for name in run.values if _last_part(name) == "epoch"), None)
    word, done = ("step", run.step) if epoch is None else ("epoch", epoch)
    if done is None:
        return None
    totals = [
        value
        for name, value in run.params.items()
        if _last_part(name) in _TOTALS[word] and type(value) is int and value >= done
    ]
    return f"{word} {_count(done)}{f'/{totals[0]:,}' if totals else ''}"


def _last_part(name: str) -> str:
    return re.split(r"[./]", name)[-1].lower()


def _count(value: float) -> str:
    return f"{int(value):,}" if value == value // 1 and abs(value) < 1e15 else format_number(value)
