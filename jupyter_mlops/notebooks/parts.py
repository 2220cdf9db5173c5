"""Parts of a notebook, decoded fast and without a look at the rest."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

_T = TypeVar("_T")


def decode_parts(data: bytes, parts: type[_T]) -> _T:
    """Return what a ``msgspec.Struct`` says of the notebook ``data``, which is not checked else.

    Raises:
        ValueError: ``data`` is not JSON, or has other types there.
        RecursionError: it is nested too deeply.
    """
    try:
        return msgspec.json.decode(data, type=parts)
    except msgspec.DecodeError:  # NaN is no JSON to msgspec, but stands in many a figure's output
        return msgspec.convert(json.loads(data), parts)
