from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.metrics.compare import (
    compare_metrics,
    compare_params,
    delta,
    direction,
    is_better,
    matches_name,
)
from jupyter_mlops.metrics.read import Scalar

NUMBERS = st.integers() | st.floats()


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("m/a.json:acc", "higher"),
        ("m/a.json:val_accuracy", "higher"),
        ("m/a.json:roc_auc", "higher"),
        ("m/a.json:f1", "higher"),
        ("m/a.json:F1-score", "higher"),
        ("m/a.json:valAcc", "higher"),
        ("m/a.json:R2", "higher"),
        ("m/a.json:test/recall", "higher"),
        ("m/a.json:loss", "lower"),
        ("m/a.json:val_loss", "lower"),
        ("m/a.json:loss.train", "lower"),
        ("m/a.json:RMSE", "lower"),
        ("m/a.json:mean_error", "lower"),
        ("m/loss.json:seconds", None),
        ("m/a.json:rows", None),
        ("m/a.json:glossary", None),
        ("m/a.json:precision_error", None),
    ],
)
def test_the_way_is_known_by_name(name: str, way: str | None) -> None:
    assert direction(name, {}) == way


def test_what_the_project_says_goes_first() -> None:
    better = {"loss": "higher", "m/a.json:acc": "lower"}
    assert direction("m/a.json:val.loss", better) == "higher"  # type: ignore[arg-type]
    assert direction("m/a.json:acc", better) == "lower"  # type: ignore[arg-type]
    assert direction("m/b.json:acc", better) == "higher"  # type: ignore[arg-type]


def test_only_what_differs_is_a_change() -> None:
    old = {"f.json:acc": 0.8, "f.json:same": 1, "f.json:gone": 2, "f.json:nan": math.nan}
    new = {"f.json:new": 3, "f.json:acc": 0.9, "f.json:same": 1.0, "f.json:nan": math.nan}
    changes = compare_metrics(old, new, {})
    assert [(one.name, one.old, one.new) for one in changes] == [
        ("f.json:new", None, 3),
        ("f.json:acc", 0.8, 0.9),
        ("f.json:gone", 2, None),
    ]
    assert [one.better for one in changes] == [None, True, None]
    assert changes[1].delta == pytest.approx(0.1)
    assert changes[0].delta is None


@pytest.mark.parametrize(
    ("old", "new", "better"),
    [
        (1, 2, True),
        (2, 1, False),
        (1, 1, None),
        (1, math.nan, False),
        (math.nan, 1, True),
        (math.nan, math.nan, None),
        (1, math.inf, True),
        (None, 1, None),
    ],
)
def test_better_where_higher_is(old: float | None, new: float | None, better: bool | None) -> None:
    assert is_better(old, new, "higher") is better
    assert is_better(old, new, None) is None


def test_a_difference_that_is_no_number_is_none() -> None:
    assert delta(math.inf, math.inf) is None
    assert delta(1, math.nan) is None
    assert delta(10**300, 1) == 1 - 10**300


@given(NUMBERS, NUMBERS)
def test_ways_are_opposite(old: float, new: float) -> None:
    up, down = is_better(old, new, "higher"), is_better(old, new, "lower")
    assert (up is None) == (down is None)
    if not (math.isnan(old) or math.isnan(new)) and up is not None:
        assert up is not down


def test_params_differ_by_value_and_type() -> None:
    old: dict[str, Scalar] = {"p:a": 1, "p:b": True, "p:c": None, "p:d": "x", "p:e": 2}
    new: dict[str, Scalar] = {"p:a": 1.0, "p:b": 1, "p:d": "x", "p:e": 3}
    assert [one.name for one in compare_params(old, new)] == ["p:b", "p:e", "p:c"]


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ("m/a.json:val.acc", True),
        ("val.acc", True),
        ("acc", True),
        ("al.acc", False),
        ("cc", False),
        ("val", False),
    ],
)
def test_a_metric_is_meant_by_the_end_of_its_name(wanted: str, matches: bool) -> None:
    assert matches_name("m/a.json:val.acc", wanted) is matches
