from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.metrics.curve import Curve, draw_blocks, envelope, merge, thin_largest, thin_line

FINITE = st.floats(allow_nan=False)
ADDED = st.lists(st.tuples(st.integers(-50, 50), FINITE), max_size=200)


def curve(added: list[tuple[int, float]]) -> Curve:
    made = Curve()
    for step, value in added:
        made.add(step, value)
    return made


def points(made: Curve) -> list[tuple[float, float]]:
    return list(zip(*made.points(), strict=True))


@given(ADDED)
def test_points_are_in_order_and_of_one_step_the_last_one_counts(
    added: list[tuple[int, float]],
) -> None:
    assert points(curve(added)) == sorted(dict(added).items())


@given(ADDED, ADDED)
def test_what_is_added_after_a_look_counts_like_what_was_before(
    first: list[tuple[int, float]], then: list[tuple[int, float]]
) -> None:
    made = curve(first)
    made.points()
    for step, value in then:
        made.add(step, value)
    assert points(made) == sorted(dict([*first, *then]).items())
    assert made.count == len(first) + len(then)


@given(ADDED, ADDED)
def test_of_two_curves_the_second_counts_where_both_have_a_step(
    one: list[tuple[int, float]], other: list[tuple[int, float]]
) -> None:
    merged = merge(curve(one).points(), curve(other).points())
    assert list(zip(*merged, strict=True)) == sorted({**dict(one), **dict(other)}.items())


def test_late_values_of_a_long_run_find_their_place() -> None:
    made = Curve()
    for step in range(100_000):
        made.add(step, 0)
    for step in reversed(range(70_000)):
        made.add(step, step)
    steps, values = made.points()
    assert list(steps) == list(range(100_000))
    assert values[:70_000].tolist() == list(range(70_000))
    assert set(values[70_000:]) == {0}


@given(st.lists(st.floats(), min_size=1, max_size=300), st.integers(5, 40))
def test_an_envelope_is_small_in_order_and_has_all_extremes(
    values: list[float], limit: int
) -> None:
    steps = [float(step) for step in range(len(values))]
    thin_steps, thin = envelope(steps, values, limit)
    assert len(thin) == len(thin_steps) <= limit
    assert list(thin_steps) == sorted(set(thin_steps))
    assert (thin_steps[0], thin_steps[-1]) == (steps[0], steps[-1])
    for step, value in zip(thin_steps, thin, strict=True):
        assert repr(values[int(step)]) == repr(value)
    finite = [value for value in values if math.isfinite(value)]
    kept = [value for value in thin if math.isfinite(value)]
    assert (min(kept, default=0), max(kept, default=0)) == (
        min(finite, default=0),
        max(finite, default=0),
    )
    assert any(map(math.isfinite, thin)) == bool(finite)
    assert all(map(math.isfinite, thin)) == (len(finite) == len(values))


def test_spikes_and_gaps_among_a_million_values_survive() -> None:
    values = [0.5] * 1_000_000
    values[123_457], values[654_321] = 9.0, -9.0
    values[222_222], values[777_777] = math.nan, math.inf
    places = thin_line(values, 100)
    assert {123_457, 654_321, 222_222, 777_777} <= set(places)


def test_curves_are_thinned_where_they_are_longest_and_keep_their_spikes() -> None:
    short, long = Curve(), Curve()
    for step in range(1000):
        long.add(step, 7.0 if step == 333 else 0.0)
        if step < 10:
            short.add(step, step)
    thin_largest([short, long], 300)
    assert len(short) == 10
    assert len(long) <= 290
    assert 7.0 in long.points()[1]
    assert long.points()[0][-1] == 999
    assert long.count == 1000


def test_without_points_only_the_last_value_is_known() -> None:
    made = Curve(keeps_points=False)
    made.add(1, 5.0, 10.0)
    made.add(0, 6.0, 11.0)
    assert (len(made), made.last, made.last_at, made.count) == (0, 6.0, 11.0, 2)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([math.nan, math.inf], ""),
        ([1.0], "▅"),
        ([2.0, 2.0], "▅▅"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([0, math.nan, 1], "▁ █"),
        ([-1.7e308, 1.7e308], "▁█"),
    ],
)
def test_a_curve_as_characters(values: list[float], drawn: str) -> None:
    assert draw_blocks(values, 20) == drawn


def test_a_spike_shows_in_a_narrow_curve() -> None:
    values = [0.0] * 1000
    values[500] = 1.0
    assert draw_blocks(values, 10).count("█") == 1
