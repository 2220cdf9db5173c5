"""One metric along one branch: what it was at each commit, under each name its file had."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jupyter_mlops.metrics.compare import delta, matches_name
from jupyter_mlops.metrics.history import Point
from jupyter_mlops.metrics.read import Number, split_name


@dataclass(frozen=True, slots=True)
class Reading:
    """What the metric was at one commit, and the full name that it had there."""

    point: Point
    name: str
    value: Number


@dataclass(frozen=True, slots=True)
class Move:
    """From one reading to the next one; ``delta`` is None where the difference is no number."""

    old: Reading
    new: Reading

    @property
    def delta(self) -> Number | None:
        """How far it moved."""
        return delta(self.old.value, self.new.value)

    @property
    def is_any(self) -> bool:
        """Whether the value is another one; NaN is NaN."""
        old, new = self.old.value, self.new.value
        return old != new and not (math.isnan(old) and math.isnan(new))


def follow_metric(points: Sequence[Point], wanted: str) -> dict[str, list[Reading]]:
    """Return the readings of each metric that ``wanted`` means, by its newest full name.

    ``points`` are those of one branch, oldest first. Points that lack the metric are passed over. A
    metric goes on under another file's name where one file went and one came at the same commit
    that both have its key.
    """
    key = split_name(wanted)[1]
    relevant: dict[str, bool] = {}
    series: dict[str, int] = {}
    readings: list[list[Reading]] = []
    before: Mapping[str, Number] = {}
    for point in points:
        for name, value in point.values.items():
            if name not in relevant:
                relevant[name] = matches_name(name, wanted) or split_name(name)[1] == key
            if not relevant[name]:
                continue
            if name not in before:
                former = _former_name(name, before, point.values)
                if former is not None and former in series:
                    series[name] = series[former]
                elif name not in series:
                    series[name] = len(readings)
                    readings.append([])
            readings[series[name]].append(Reading(point, name, value))
        before = point.values
    if wanted in series:
        chosen = {series[wanted]}
    else:
        chosen = {at for name, at in series.items() if matches_name(name, wanted)}
    return {readings[at][-1].name: readings[at] for at in sorted(chosen)}


def _former_name(name: str, before: Mapping[str, Number], now: Mapping[str, Number]) -> str | None:
    """Return the name that a metric had whose file was renamed, None where it is a new one."""
    path, key = split_name(name)
    gone = [one for one in before if one not in now and split_name(one)[1] == key]
    came = [one for one in now if one not in before and split_name(one)[1] == key]
    if len(gone) != 1 or came != [name]:
        return None
    former = split_name(gone[0])[0]
    is_moved = all(split_name(one)[0] != former for one in now) and all(
        split_name(one)[0] != path for one in before
    )
    return gone[0] if is_moved else None


def list_moves(readings: Sequence[Reading]) -> list[Move]:
    """Return the moves between readings that follow one another, those by nothing among them."""
    return [Move(old, new) for old, new in pairwise(readings)]
