"""TOML that takes no more time and memory than its length allows."""

from __future__ import annotations

import time

import pytest

from jupyter_mlops.formats.toml import MAX_KEY_PARTS, parse_toml

MANY = 200_000


@pytest.mark.parametrize(
    "text",
    [
        "a." * MANY + "a = 1",
        "[" + "a . " * MANY + "a]",
        '"a".' * MANY + "a = 1",
        "'a' .\t" * MANY + "a = 1",
        "[[x." + "a." * MANY + "a]]",
        "[" * MANY,
        "a = " + "[" * MANY,
        "a = " + "{a = " * MANY,
    ],
    ids=lambda text: text[:12],
)
def test_deep_text_is_refused_at_once(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"^(nested too deeply|not TOML: )"):
        parse_toml(text)
    assert time.monotonic() - began < 2


def test_keys_of_a_reasonable_depth_are_read() -> None:
    value: object = parse_toml("a." * (MAX_KEY_PARTS - 1) + "a = 1")
    for _ in range(MAX_KEY_PARTS):
        assert isinstance(value, dict)
        value = value["a"]
    assert value == 1


@pytest.mark.parametrize("text", ["x = [" + "1.5, " * 1000 + "]", 'x = "' + "a. b " * 1000 + '"'])
def test_many_full_stops_are_no_deep_key(text: str) -> None:
    assert parse_toml(text).keys() == {"x"}
