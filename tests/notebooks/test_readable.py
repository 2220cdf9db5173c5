from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_mlops.notebooks.readable import EMPTY, format_readable, read_notebook
from jupyter_mlops.notebooks.strip import StripSettings, strip
from tests.notebooks.conftest import NOT_NOTEBOOKS, NOTEBOOKS, OLD, code, notebook_bytes


def text(data: bytes, *extra_keys: str) -> str:
    return format_readable(read_notebook(data, extra_keys))


def markdown(source: str, **fields: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "m", "metadata": {}, "source": source, **fields}


def test_a_notebook_is_its_cells_with_a_line_before_each() -> None:
    data = notebook_bytes(
        [code("x = 1\nx", id="c1", metadata={"tags": ["a", "b"]}), markdown("# Title")],
        kernelspec={"name": "python3"},
    )
    assert text(data) == (
        "── notebook\n· kernelspec.name: python3\n· nbformat: 4.5\n\n"
        "── code c1\n· tags: a, b\nx = 1\nx\n\n"
        "── markdown m\n# Title\n\n"
    )


@pytest.mark.parametrize("data", NOTEBOOKS.values(), ids=list(NOTEBOOKS))
def test_what_stripping_takes_away_does_not_show(data: bytes) -> None:
    assert text(data) == text(strip(data, StripSettings()).notebook)


def test_what_running_or_opening_writes_does_not_show() -> None:
    before = notebook_bytes([code("x", metadata={"own": 1})], language_info={"name": "python"})
    cell = code(
        "x",
        execution_count=9,
        outputs=[],
        metadata={"own": 1, "collapsed": True, "scrolled": False, "papermill": {"duration": 2}},
    )
    after = notebook_bytes(
        [cell], language_info={"name": "python", "version": "3.12"}, widgets={"a": 1}
    )
    assert text(before) == text(after)
    assert "own: 1" in text(before)


def test_keys_that_nbstripout_is_told_to_strip_do_not_show() -> None:
    cell = code("x", metadata={"own": {"k": 1, "l": 2}})
    data = notebook_bytes([cell], kernelspec={"name": "python3"})
    shown = text(data, "metadata.kernelspec", "cell.metadata.own.k")
    assert "kernelspec" not in shown
    assert "own.k" not in shown
    assert "· own.l: 2" in shown


def test_a_changed_attachment_shows_and_its_bytes_do_not() -> None:
    def attached(content: str) -> bytes:
        return notebook_bytes([markdown("![x](a)", attachments={"a": {"image/png": content}})])

    assert "aGVsbG8=" not in text(attached("aGVsbG8="))
    assert text(attached("aGVsbG8=")) != text(attached("aGVsbG9="))
    assert "· attachment a: image/png, 8 bytes in base64, " in text(attached("aGVsbG8="))


def test_long_values_are_cut_and_still_differ_when_they_differ() -> None:
    one, other = (notebook_bytes([code("x", metadata={"k": "v" * 5000 + end})]) for end in "ab")
    assert max(map(len, text(one).splitlines())) < 300
    assert text(one) != text(other)


def test_control_characters_are_written_out() -> None:
    evil = "\x1b[2J\r\x9b1m\u202e\x00"
    cell = code(f"a{evil}\n\tb", id=f"i{evil}\n", metadata={f"k{evil}\n": f"v{evil}\n"})
    shown = text(notebook_bytes([cell]))
    assert not set("\x1b\r\x9b\u202e\x00") & set(shown)
    assert "a\\x1b[2J\\r\\x9b1m\\u202e\\x00\n\tb\n" in shown
    assert len(shown.splitlines()) == 8


def test_half_of_a_surrogate_pair_can_be_printed() -> None:
    data = b'{"cells": [{"cell_type": "code", "id": "\\ud800", "source": "\\udc00"}]}'
    assert text(data).encode() == b"\xe2\x94\x80\xe2\x94\x80 code \\ud800\n\\udc00\n\n"


def test_a_source_cannot_pass_for_the_beginning_of_a_cell() -> None:
    shown = text(notebook_bytes([code("── code other\n· tags: x", id="a")]))
    assert "\n\\── code other\n\\· tags: x\n" in shown


def test_notebooks_of_version_3_are_read() -> None:
    shown = text(json.dumps(OLD).encode())
    assert "── code\nprint('é')\n1\n\n── markdown\n# Title\n" in shown


def test_an_empty_file_has_nothing() -> None:
    assert read_notebook(b" \n") is EMPTY
    assert text(b"") == ""


@pytest.mark.parametrize("name", ["conflict", "not UTF-8", "list", "other JSON", "deep"])
def test_what_is_no_notebook_says_why(name: str) -> None:
    with pytest.raises(ValueError, match=r"^is (not JSON|JSON, but not a notebook)$"):
        read_notebook(NOT_NOTEBOOKS[name])


def test_what_can_be_read_of_a_broken_notebook_is_read() -> None:
    cells = ["text", {"source": 3}, {"cell_type": 1, "metadata": 2, "source": ["a", 1]}, None]
    shown = text(json.dumps({"cells": cells, "metadata": "none"}).encode())
    assert shown == '── cell\n3\n\n── cell\n["a", 1]\n\n'
