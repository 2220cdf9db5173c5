"""Notebooks of every kind that people have, and files that are none: the same for each seed."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

TEXTS = (
    "x = 1\nx",
    "print('naïve façade')\n",
    "# Überschrift\n\nein *Wort* \u2028 und \u2029 noch eins",
    "数据 = 'データ'\n数据\n",
    "s = '🙂 \U0001f9ea \u200d \u202e'\n\n\n",
    "a\r\nb\rc\x0bd\x0ce\x85f",
    "tabs\t\x00\x1b[31m red \x7f",
    "%matplotlib inline\n!ls -la\n",
    "   \n\t\n",
    "",
    "no line end",
    "'</script><script>alert(1)</script>'\n",
)
TAGS = ("keep_output", "parameters", "skip", "hide-input", "Ünï")
KEYS = (
    "collapsed",
    "scrolled",
    "ExecuteTime",
    "execution",
    "hidden",
    "heading_collapsed",
    "trusted",
)
KINDS = ("new", "without ids", "4.0", "4.1", "4.2", "4.3", "4.4", "ids missing", "3", "broken")


@dataclass(frozen=True, slots=True)
class Sample:
    """A file named ``.ipynb``; ``is_notebook`` says whether it is one that can be stripped.

    ``ids_are_made`` says that nbformat makes up ids for it, which nobody can foresee.
    """

    name: str
    content: bytes
    is_notebook: bool = True
    ids_are_made: bool = False


def make_samples(count: int, seed: int = 0) -> Iterator[Sample]:
    """Yield ``count`` samples, all kinds in turn."""
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        yield _make(kind, number, random.Random(f"{seed} {number}"))


def make_huge(size_bytes: int) -> Sample:
    """Return a notebook of which one output has that size."""
    cell = _code_cell(random.Random(0), "x")
    cell["outputs"] = [
        {"name": "stdout", "output_type": "stream", "text": "0123456\n" * (size_bytes // 8)}
    ]
    return Sample("huge", _encode(_notebook([cell], 4)))


def _make(kind: str, number: int, chance: random.Random) -> Sample:
    name = f"{number:03} {kind}"
    if kind == "broken":
        return Sample(name, _break(chance, number), is_notebook=False)
    if kind == "3":
        return Sample(name, _write(chance, _old_notebook(chance)))
    minor = {"new": 5, "ids missing": 5, "without ids": chance.randrange(5)}.get(kind)
    minor = int(kind[-1]) if minor is None else minor
    cells = [_cell(chance) for _ in range(chance.choice((0, 1, 3, 8)))]
    if kind in ("new", "4.4"):
        for place, cell in enumerate(cells):
            cell["id"] = f"{place}-{chance.getrandbits(32):08x}"
    made = False
    if kind == "ids missing" and cells:
        made = True
        for cell in cells[1:]:
            cell["id"] = "same"
    return Sample(name, _write(chance, _notebook(cells, minor, chance)), ids_are_made=made)


def _notebook(cells: list[Json], minor: int, chance: random.Random | None = None) -> Json:
    metadata = _notebook_metadata(chance) if chance is not None else {}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}


def _notebook_metadata(chance: random.Random) -> Json:
    found: Json = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "name": "python3"}}
    choices: dict[str, Callable[[], Any]] = {
        "widgets": lambda: {
            "application/vnd.jupyter.widget-state+json": {
                "state": {
                    f"{chance.getrandbits(64):x}": {
                        "model_name": "FloatProgressModel",
                        "state": {"value": 0.5},
                    }
                    for _ in range(4)
                },
                "version_major": 2,
            }
        },
        "signature": lambda: "sha256:0",
        "keep_output": lambda: chance.random() < 0.5,
        "language_info": lambda: {"name": "python", "version": "3.11.2"},
        "nan": lambda: [float("nan"), float("inf"), -float("inf"), 1e400, 1e-7, 10**30],
        "orig_nbformat": lambda: 3,
        "toc": lambda: {"a.b": {"c": []}, "nested": {"deep": {"er": None}}},
    }
    for key, value in choices.items():
        if chance.random() < 0.25:
            found[key] = value()
    return found


def _cell(chance: random.Random) -> Json:
    source = chance.choice(TEXTS)
    kind = chance.choice(("code", "code", "code", "markdown", "raw"))
    if kind == "code":
        return _code_cell(chance, source)
    cell: Json = {
        "cell_type": kind,
        "metadata": _cell_metadata(chance),
        "source": _lines(chance, source),
    }
    if kind == "raw":
        cell["metadata"]["format"] = "text/restructuredtext"
    if chance.random() < 0.3:
        picture = base64.b64encode(chance.randbytes(90)).decode()
        cell["attachments"] = {"bild 1.png": {"image/png": picture, "text/plain": ["a\n", "b"]}}
    return cell


def _code_cell(chance: random.Random, source: str) -> Json:
    return {
        "cell_type": "code",
        "execution_count": chance.choice((None, 1, 12, 10**6)),
        "metadata": _cell_metadata(chance),
        "outputs": [_output(chance) for _ in range(chance.choice((0, 1, 1, 3)))],
        "source": _lines(chance, source),
    }


def _cell_metadata(chance: random.Random) -> Json:
    found: Json = {}
    if chance.random() < 0.3:
        found["tags"] = chance.sample(TAGS, chance.randrange(3))
    for key in KEYS:
        if chance.random() < 0.15:
            found[key] = chance.choice(
                (True, False, {"iopub.status.busy": "t", "b": {"c": 1}}, None)
            )
    if chance.random() < 0.15:
        found["init_cell"] = chance.choice((True, False, 0, 1))
    if chance.random() < 0.15 and "keep_output" not in found.get("tags", []):
        found["keep_output"] = chance.choice((True, False))
    if chance.random() < 0.1:
        found["own"] = {"nan": float("nan"), "k": {"l": [1, {"m": "ü"}]}}
    return found


def _output(chance: random.Random) -> Json:
    big = "y" * 20_000 if chance.random() < 0.05 else "y"
    return chance.choice(
        (
            {"name": "stdout", "output_type": "stream", "text": ["epoch 1\n", "é\u2028\n", big]},
            {"name": "stderr", "output_type": "stream", "text": "one\rtwo\n"},
            {
                "ename": "ValueError",
                "evalue": "<b>no</b>",
                "output_type": "error",
                "traceback": ["\x1b[31mred\x1b[0m", "line\n"],
            },
            {
                "data": {
                    "application/json": {"a": [float("nan")]},
                    "application/javascript": "a;\nb;\n",
                    "application/vnd.plotly.v1+json": ["not\n", "lines\n"],
                    "image/png": base64.b64encode(chance.randbytes(60)).decode() + "\n",
                    "image/svg+xml": ["<svg>\n", "</svg>"],
                    "text/html": ["<script>alert(1)</script>\n", big],
                    "text/plain": "<Figure size 640x480>",
                },
                "metadata": {"image/png": {"height": 3}},
                "output_type": "display_data",
            },
            {
                "data": {"text/latex": ["$\\alpha$\n"], "text/plain": ["1\n", "2"]},
                "execution_count": 7,
                "metadata": {},
                "output_type": "execute_result",
            },
        )
    )


def _lines(chance: random.Random, text: str) -> str | list[str]:
    return text if chance.random() < 0.2 else text.splitlines(True)


def _old_notebook(chance: random.Random) -> Json:
    # nbformat 3 takes a line that begins a text without a line end for one that lost its own
    texts = ["x = 1\nx", "print('é')\n\n", "a\n数据\n", ""]
    cells: list[Json] = [
        {
            "cell_type": "code",
            "collapsed": chance.random() < 0.5,
            "input": chance.choice(texts).splitlines(True),
            "language": "python",
            "metadata": _cell_metadata(chance),
            "outputs": [
                {"output_type": "stream", "stream": "stdout", "text": ["é\n", "x\n"]},
                {
                    "output_type": "pyout",
                    "prompt_number": 2,
                    "text": "1\n2",
                    "html": ["<b>\n", "</b>"],
                },
                {"output_type": "display_data", "png": "aGVsbG8=", "svg": "<svg/>"},
                {"output_type": "pyerr", "ename": "E", "evalue": "v", "traceback": ["a\n"]},
            ][: chance.randrange(5)],
            "prompt_number": chance.choice((None, 2)),
        },
        {"cell_type": "markdown", "metadata": {}, "source": chance.choice(texts)},
        {"cell_type": "heading", "level": 2, "metadata": {"trusted": True}, "source": ["Title"]},
        {"cell_type": "raw", "metadata": {}, "source": "raw\n"},
    ]
    sheets = [{"cells": cells[: chance.randrange(1, 5)], "metadata": {}}]
    if chance.random() < 0.2:
        sheets.append({"cells": [], "metadata": {}})
    return {"metadata": {"name": "älter"}, "nbformat": 3, "nbformat_minor": 0, "worksheets": sheets}


def _write(chance: random.Random, notebook: Json) -> bytes:
    """Return the notebook as one of the programs that write notebooks does."""
    style = chance.choice(("nbformat", "nbformat", "compact", "other", "ascii", "CRLF"))
    if style == "compact":
        return json.dumps(notebook, separators=(",", ":"), ensure_ascii=False).encode()
    if style == "other":
        return json.dumps(notebook, indent=4).encode()
    if style == "ascii":
        return (json.dumps(notebook, indent=1, sort_keys=True) + "\n").encode()
    written = _encode(notebook)
    return written.replace(b"\n", b"\r\n") if style == "CRLF" else written


def _encode(notebook: Json) -> bytes:
    return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _break(chance: random.Random, number: int) -> bytes:
    """Return what is no notebook, or none that can be read."""
    good = _encode(_notebook([_cell(chance), _code_cell(chance, "x\n")], 5, chance))
    lines = good.splitlines(True)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: b"\xef\xbb\xbf" + good,
        lambda: good[: chance.randrange(1, len(good) - 3)],
        lambda: b"".join([b"<<<<<<< HEAD\n", *lines[:4], b"=======\n", *lines, b">>>>>>> topic\n"]),
        lambda: good.replace(b'"cells"', b'"cell"', 1),
        lambda: good.replace(b'"metadata"', b'"meta"'),
        lambda: good.decode().encode("utf-16"),
        lambda: good.replace(b"x", b"\xff"),
        lambda: b"null",
        lambda: b'[{"cells": []}]',
        lambda: good.replace(b'"nbformat": 4', b'"nbformat": 9'),
        lambda: b"\x00" * 64,
        lambda: b'{"cells": ' + b"[" * 5000,
    )
    return ways[number // len(KINDS) % len(ways)]()
