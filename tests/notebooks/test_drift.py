from __future__ import annotations

from typing import Any

import pytest

from jupyter_mlops.notebooks.drift import compare_outputs


def notebook(*outputs: dict[str, Any], source: str = "x", count: int | None = 1) -> Any:
    cell = {
        "cell_type": "code",
        "id": "c",
        "source": source,
        "execution_count": count,
        "outputs": list(outputs),
    }
    return {"nbformat": 4, "cells": [cell]}


def printed(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def value(**data: str) -> dict[str, Any]:
    return {
        "output_type": "execute_result",
        "data": {k.replace("_", "/"): v for k, v in data.items()},
    }


def differs(old: Any, new: Any, tolerance: float = 0.001) -> str | None:
    found = compare_outputs(old, new, tolerance)
    return found[0].why if found else None


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("acc 0.91", "acc 0.9100001", None),
        ("acc 0.9", "acc 0.8", "0.8 instead of 0.9"),
        ("a\nb", "a\nc", "“c” instead of “b”"),
        ("a\n", "a\nb\n", "2 lines instead of 1"),
        ("<X at 0x7f00aa1122>", "<X at 0x7f00bb1133>", None),
        ("\x1b[31mred\x1b[0m", "red", None),
        ("loss nan", "loss nan", None),
        ("loss nan", "loss 0.5", "0.5 instead of nan"),
        ("1e400", "1", "1 instead of 1e400"),
        ("0", "0.0001", "0.0001 instead of 0"),
        ("v1.2", "v1.3", "“v1.3” instead of “v1.2”"),
    ],
)
def test_numbers_may_differ_a_little_and_words_not(old: str, new: str, why: str | None) -> None:
    assert differs(notebook(printed(old)), notebook(printed(new))) == why


def test_the_tolerance_is_a_part_of_the_stored_value() -> None:
    old, new = notebook(printed("200")), notebook(printed("201"))
    assert differs(old, new, 0.001) == "201 instead of 200"
    assert differs(old, new, 0.01) is None


def test_what_is_not_compared() -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<F>"}}
    other = {"output_type": "display_data", "data": {"image/png": "BBBB", "text/plain": "<G>"}}
    assert differs(notebook(picture), notebook(other)) is None
    assert differs(notebook(printed("1", "stderr")), notebook(printed("2", "stderr"))) is None
    # A cell that was never run, and one of other code.
    assert differs(notebook(count=None), notebook(printed("1"))) is None
    assert differs(notebook(printed("1")), notebook(printed("2"), source="y")) is None


def test_kinds_that_come_and_go() -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "AAAA"}}
    assert differs(notebook(picture), notebook(printed("1"))) == "there is no a picture any more"
    failed = {"output_type": "error", "ename": "E", "evalue": "no", "traceback": []}
    assert differs(notebook(count=1), notebook(failed)) == "there is an error that was not there"
    assert differs(notebook(value(text_plain="1")), notebook(value(text_plain="2"))) is not None


@pytest.mark.parametrize("outputs", [None, 3, [1], [{"output_type": "stream", "name": "stdout"}]])
def test_malformed_outputs_are_none(outputs: Any) -> None:
    broken = notebook()
    broken["cells"][0]["outputs"] = outputs
    assert differs(broken, notebook()) in (None, "there is no text any more")
