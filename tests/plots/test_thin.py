from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.plots.thin import thin_cloud, thin_line

NUMBERS = st.floats(width=32)


@given(st.lists(NUMBERS, max_size=300), st.integers(4, 60))
def test_a_line_keeps_its_ends_and_extremes(ys: list[float], limit: int) -> None:
    chosen = thin_line(ys, limit)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= max(limit + limit // 4, 5)
    finite = [one for one in ys if math.isfinite(one)]
    kept = [ys[at] for at in chosen if math.isfinite(ys[at])]
    if finite:
        assert (min(kept), max(kept)) == (min(finite), max(finite))
    if ys:
        assert (chosen[0], chosen[-1]) == (0, len(ys) - 1)


def test_one_spike_and_one_gap_in_a_million_stay() -> None:
    ys = [math.sin(at / 1e4) for at in range(1_000_000)]
    ys[654_321], ys[222_222] = 50.0, math.nan
    chosen = thin_line(ys)
    assert len(chosen) <= 2_500
    assert {654_321, 222_222} <= set(chosen)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=300), st.integers(1, 60))
def test_a_cloud_keeps_no_more_than_is_asked_for(
    points: list[tuple[float, float]], limit: int
) -> None:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    chosen = thin_cloud(xs, ys, limit)
    finite = [at for at in range(len(xs)) if math.isfinite(xs[at]) and math.isfinite(ys[at])]
    assert len(chosen) <= limit or len(chosen) == 1
    assert set(chosen) <= set(finite)
    assert bool(chosen) == bool(finite)


def test_a_point_that_lies_alone_stays() -> None:
    xs = [at % 100 / 100 for at in range(10_000)]
    ys = [at // 100 / 100 for at in range(10_000)]
    xs[5_000], ys[5_000] = 9.0, 9.0
    assert 5_000 in thin_cloud(xs, ys, 500)
