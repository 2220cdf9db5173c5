from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.storage.backend import ByteRange
from jupyter_mlops.storage.ranges import GAP_BYTES, SPAN_BYTES, plan_spans, read_spans

_MIB = 1 << 20
_RANGES = st.lists(st.builds(ByteRange, st.integers(0, 90 * _MIB), st.integers(0, 9 * _MIB)))


@given(_RANGES)
def test_each_range_lies_in_its_span(ranges: list[ByteRange]) -> None:
    spans = plan_spans(ranges)
    numbers = [number for span in spans for number in span.numbers]
    assert sorted(numbers) == [n for n, wanted in enumerate(ranges) if wanted.size_bytes]
    for span in spans:
        for number in span.numbers:
            assert span.offset <= ranges[number].offset
            assert ranges[number].end <= span.end
        assert span.end - span.offset <= SPAN_BYTES


@given(_RANGES)
def test_spans_are_no_longer_than_what_they_are_for(ranges: list[ByteRange]) -> None:
    for span in plan_spans(ranges):
        covered = sorted((ranges[number] for number in span.numbers), key=lambda r: r.offset)
        end = span.offset
        for wanted in covered:
            assert wanted.offset - end <= GAP_BYTES
            end = max(end, wanted.end)
        assert end == span.end


@given(st.lists(st.builds(ByteRange, st.integers(0, 900), st.integers(0, 100))))
def test_ranges_are_cut_out_of_their_spans(ranges: list[ByteRange]) -> None:
    content = bytes(range(250)) * 4
    found = read_spans(ranges, lambda span: content[span.offset : span.end])
    assert found == [content[wanted.offset : wanted.end] for wanted in ranges]


def test_neighbours_share_a_request_and_others_do_not() -> None:
    near = [ByteRange(0, 10), ByteRange(10 + GAP_BYTES, 10)]
    assert len(plan_spans(near)) == 1
    assert len(plan_spans([ByteRange(0, 10), ByteRange(11 + GAP_BYTES, 10)])) == 2


def test_a_range_that_is_none_is_a_defect_of_the_caller() -> None:
    with pytest.raises(ValueError):
        plan_spans([ByteRange(-1, 5)])
