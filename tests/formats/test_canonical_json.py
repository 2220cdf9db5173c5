from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.formats.canonical_json import encode_json

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(st.dictionaries(st.text(), VALUES))
def test_it_is_spelled_as_json_with_an_indent(values: dict[str, object]) -> None:
    text = json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    assert encode_json(values) == text.encode("utf-8", "backslashreplace")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_what_json_has_no_number_for_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode_json({"deep": {"value": value, "others": [{}]}})
