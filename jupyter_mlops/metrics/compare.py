"""What changed between two revisions, and whether that is better; pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jupyter_mlops.config import Better
from jupyter_mlops.metrics.read import Number, Scalar, split_name

_HIGHER_WORDS = (
    "acc accuracy auc auroc auprc ap f1 fbeta r2 precision recall sensitivity specificity "
    "iou dice bleu rouge ndcg mcc kappa"
)
_LOWER_WORDS = (
    "loss logloss error err rmse rmsle mse msle mae mape smape perplexity ppl wer cer fid"
)
_HIGHER = frozenset(_HIGHER_WORDS.split())
_LOWER = frozenset(_LOWER_WORDS.split())
_WORDS = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+")


@dataclass(frozen=True, slots=True)
class MetricChange:
    """One metric in two revisions; None where a revision lacks it."""

    name: str
    old: Number | None
    new: Number | None
    delta: Number | None
    better: bool | None


@dataclass(frozen=True, slots=True)
class ParamChange:
    """One parameter in two revisions; None where a revision lacks it, or its value is null."""

    name: str
    old: Scalar
    new: Scalar


def compare_metrics(
    old: Mapping[str, Number], new: Mapping[str, Number], better: Mapping[str, Better]
) -> tuple[MetricChange, ...]:
    """Return the metrics that differ, those of ``new`` first, in its order."""
    names = [*new, *(name for name in old if name not in new)]
    changes = (
        _compare(name, old.get(name), new.get(name), direction(name, better)) for name in names
    )
    return tuple(change for change in changes if change is not None)


def compare_params(old: Mapping[str, Scalar], new: Mapping[str, Scalar]) -> tuple[ParamChange, ...]:
    """Return the parameters that differ, those of ``new`` first, in its order."""
    names = [*new, *(name for name in old if name not in new)]
    return tuple(
        ParamChange(name, old.get(name), new.get(name))
        for name in names
        if (name in old) != (name in new) or not _same(old[name], new[name])
    )


def delta(old: Number | None, new: Number | None) -> Number | None:
    """Return ``new - old``, None where one is missing or the difference is no number."""
    if old is None or new is None:
        return None
    try:
        difference = new - old
    except OverflowError:
        return None
    return None if math.isnan(difference) else difference


def is_better(old: Number | None, new: Number | None, way: Better | None) -> bool | None:
    """Return whether ``new`` is better than ``old``, None where they are equal or nobody knows.

    Becoming NaN is worse, ceasing to be NaN better, where the way is known.
    """
    if old is None or new is None or way is None or _same(old, new):
        return None
    if math.isnan(old) or math.isnan(new):
        return math.isnan(old)
    return new > old if way == "higher" else new < old


def direction(name: str, better: Mapping[str, Better]) -> Better | None:
    """Return which way the metric with the full name ``name`` is better, None where unknown.

    What the project says goes first, by full name, then by key path, then by the path's last part;
    then the words of the last part decide, then those of the parts before it.
    """
    key = split_name(name)[1]
    parts = re.split(r"[./]", key)
    for spelling in (name, key, parts[-1]):
        if spelling in better:
            return better[spelling]
    for part in reversed(parts):
        words = {word.lower() for word in _WORDS.findall(part)} | {part.lower()}
        up, down = bool(words & _HIGHER), bool(words & _LOWER)
        if up != down:
            return "higher" if up else "lower"
        if up:
            return None
    return None


def matches_name(full: str, wanted: str) -> bool:
    """Return whether ``wanted`` means ``full``: written in full, as key path, or its last part."""
    key = split_name(full)[1]
    return wanted in (full, key) or key.endswith((f".{wanted}", f"/{wanted}"))


def _compare(
    name: str, old: Number | None, new: Number | None, way: Better | None
) -> MetricChange | None:
    if old is not None and new is not None and _same(old, new):
        return None
    return MetricChange(name, old, new, delta(old, new), is_better(old, new, way))


def _same(old: Scalar, new: Scalar) -> bool:
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, float) and isinstance(new, float) and math.isnan(old):
        return math.isnan(new)
    return old == new
