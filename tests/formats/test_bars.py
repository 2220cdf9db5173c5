from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import UnsupportedError, UsageError
from jupyter_mlops.formats.bars import Bar, format_bars, parse_bars

NAMES = st.text(st.characters(codec="utf-8"), min_size=1)
VALUES = st.floats(allow_nan=False, allow_infinity=False)
COMMITS = st.none() | st.sampled_from(["a" * 40, "0" * 64])


@given(st.dictionaries(NAMES, st.builds(Bar, VALUES, COMMITS)))
def test_what_is_written_is_read(bars: dict[str, Bar]) -> None:
    assert parse_bars(format_bars(bars)) == bars
    assert format_bars(dict(reversed(bars.items()))) == format_bars(bars)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "its format is "),
        ("format = true", "its format is "),
        ("format = 0\nbar = 3", "something else"),
        ("format = 0\nx = 1", "something else"),
        ("format = 0\n[[bar]]\nmetric = 'm'\n", "no number"),
        ("format = 0\n[[bar]]\nmetric = ''\nvalue = 1\n", "no metric"),
        ("format = 0\n[[bar]]\nmetric = 'm'\nvalue = nan\n", "no finite number"),
        ("format = 0\n[[bar]]\nmetric = 'm'\nvalue = 1\ncommit = 'HEAD'\n", "no full id"),
        ("format = 0\n[[bar]]\nmetric = 'm'\nvalue = 1\nby = 'x'\n", "nothing else"),
        ("format = 0\n" + "[[bar]]\nmetric = 'm'\nvalue = 1\n" * 2, "two bars"),
        ("<<<<<<< HEAD", "not TOML"),
        ("#" * 2**20 + "#", "larger"),
    ],
)
def test_anything_else_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as raised:
        parse_bars(text.encode())
    assert raised.value.code == "bars-invalid"


def test_a_newer_format_is_told() -> None:
    with pytest.raises(UnsupportedError):
        parse_bars(b"format = 1\nanything = 1\n")
