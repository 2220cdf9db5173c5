from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.plots.thin import thin_cloud

NUMBERS = st.floats(width=32)


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
