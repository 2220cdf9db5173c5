"""Which bytes are asked for together; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jupyter_mlops.storage.backend import ByteRange

GAP_BYTES = 128 << 10
"""Ranges this near to each other are one request: the bytes between cost less than asking again."""

SPAN_BYTES = 32 << 20
"""The most that one request asks for, unless a single range is larger."""


@dataclass(slots=True)
class Span:
    """Bytes that one request asks for, and the numbers of the ranges that are cut out of them."""

    offset: int
    end: int
    numbers: list[int]


def plan_spans(ranges: Sequence[ByteRange]) -> list[Span]:
    """Return spans in order that cover ``ranges``, by the two limits above; empty ranges in none.

    Raises:
        ValueError: an offset or a size is negative.
    """
    spans: list[Span] = []
    for number in sorted(range(len(ranges)), key=lambda number: ranges[number].offset):
        wanted = ranges[number]
        if wanted.offset < 0 or wanted.size_bytes < 0:
            raise ValueError(f"not a range of bytes: {wanted}")
        if not wanted.size_bytes:
            continue
        if spans and wanted.offset - spans[-1].end <= GAP_BYTES:
            last = spans[-1]
            end = max(last.end, wanted.end)
            if end == last.end or end - last.offset <= SPAN_BYTES:
                last.end = end
                last.numbers.append(number)
                continue
        spans.append(Span(wanted.offset, wanted.end, [number]))
    return spans


def read_spans(ranges: Sequence[ByteRange], read_span: Callable[[ByteRange], bytes]) -> list[bytes]:
    """Return the bytes of each of ``ranges``, reading every span once with ``read_span``.

    ``read_span`` returns exactly the bytes of its span, or raises.
    """
    found = [b""] * len(ranges)
    for span in plan_spans(ranges):
        read = read_span(ByteRange(span.offset, span.end - span.offset))
        if len(span.numbers) == 1:
            found[span.numbers[0]] = read
            continue
        for number in span.numbers:
            start = ranges[number].offset - span.offset
            found[number] = read[start : start + ranges[number].size_bytes]
    return found
