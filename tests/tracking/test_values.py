from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.metrics.read import decode_metrics
from jupyter_mlops.tracking.values import (
    format_values,
    iter_flat,
    to_number,
    to_param,
)


class Tensor:
    def __init__(self, *values: float) -> None:
        self._values = values

    def item(self) -> float:
        if len(self._values) != 1:
            raise RuntimeError("a tensor with several elements cannot be converted to a scalar")
        return self._values[0]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1),
        (0.5, 0.5),
        (True, 1),
        (numpy.float32(0.5), 0.5),
        (numpy.float64(0.1), 0.1),
        (numpy.int64(7), 7),
        (numpy.bool_(True), 1),
        (numpy.array(3.0), 3.0),
        (Tensor(2.0), 2.0),
        (Decimal("0.25"), 0.25),
        (Fraction(1, 4), 0.25),
        (math.inf, math.inf),
        (2**63 - 1, 2**63 - 1),
        (10**30, 1e30),
    ],
)
def test_numbers_of_all_kinds(value: object, number: float) -> None:
    taken = to_number(value)
    assert taken == number
    assert type(taken) in (int, float)


@pytest.mark.parametrize(
    "value", ["0.5", b"1", None, [1], {}, object(), numpy.array([1, 2]), Tensor(1, 2), 1j, 10**400]
)
def test_what_is_no_number(value: object) -> None:
    assert to_number(value) is None


def test_params_keep_what_json_has() -> None:
    assert to_param(numpy.float64(0.5)) == 0.5
    assert to_param((1, numpy.int64(2), "x")) == [1, 2, "x"]
    assert to_param(Path("data/x")) == "data/x"
    assert to_param(None) is None
    assert len(str(to_param(Path("x" * 5000)))) == 1000


def test_nested_names_are_joined() -> None:
    assert dict(iter_flat({"a": {"b": {"c": 1}}, "d": 2})) == {"a.b.c": 1, "d": 2}


def test_keys_are_sorted_one_a_line() -> None:
    content = format_values({"b": 1, "a": 0.5, "ü": float("nan"), "c": [1, 2]})
    assert content.decode() == '{\n "a": 0.5,\n "b": 1,\n "c": [1, 2],\n "ü": "NaN"\n}\n'
    assert format_values({}) == b"{}\n"


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.floats()))
def test_what_is_written_is_read_back(values: dict[str, float]) -> None:
    read = decode_metrics("m.json", format_values(values))
    assert list(read) == sorted(values, key=lambda name: name.encode())
    assert all(
        read[name] == value or (math.isnan(value) and math.isnan(read[name]))
        for name, value in values.items()
    )
