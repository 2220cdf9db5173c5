"""Notebooks as Jupyter and others write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

Cells = list[dict[str, Any]]


def code(source: str, **fields: Any) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": 3,
        "id": f"id-{abs(hash(source)) % 10**8}",
        "metadata": {},
        "outputs": [{"name": "stdout", "output_type": "stream", "text": ["one\n", "two"]}],
        "source": source.splitlines(True),
    }
    return cell | fields


def notebook_bytes(cells: Cells, *, minor: int = 5, **metadata: Any) -> bytes:
    """Return a notebook as nbformat would write it."""
    tree = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
    return (json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


FIGURE = {
    "data": {
        "application/vnd.plotly.v1+json": {"data": [{"y": [1.5, float("nan"), float("inf")]}]},
        "image/png": "iVBORw0KGgo=\n",
        "text/html": ["<b>naïve</b>\n", "<i>\u2028", "</i>"],
        "text/plain": ["<Figure>"],
    },
    "execution_count": 3,
    "metadata": {"image/png": {"width": 3}},
    "output_type": "execute_result",
}

OLD = {
    "metadata": {"name": "old"},
    "nbformat": 3,
    "nbformat_minor": 0,
    "worksheets": [
        {
            "cells": [
                {
                    "cell_type": "code",
                    "collapsed": False,
                    "input": ["print('é')\n", "1"],
                    "language": "python",
                    "metadata": {},
                    "outputs": [
                        {"output_type": "stream", "stream": "stdout", "text": ["é\n", "x\n"]},
                        {"output_type": "pyout", "prompt_number": 2, "text": ["1"]},
                    ],
                    "prompt_number": 2,
                },
                {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
            ],
            "metadata": {},
        }
    ],
}

NOTEBOOKS: dict[str, bytes] = {
    "plain": notebook_bytes([code("x = 1\nx")]),
    "figure": notebook_bytes([code("plot()", outputs=[FIGURE])], widgets={"state": {"a": 1}}),
    "volatile metadata": notebook_bytes(
        [
            code("y", metadata={"ExecuteTime": {"end": 1}, "scrolled": True, "own": {"k": 1}}),
            code("z", metadata={"execution": {"iopub.status": "t"}, "trusted": True}),
        ],
        kernelspec={"name": "python3"},
        signature="abc",
    ),
    "kept": notebook_bytes(
        [
            code("a", metadata={"tags": ["keep_output"]}, outputs=[FIGURE]),
            code("b", metadata={"keep_output": True}),
            code("c", metadata={"init_cell": True}),
            code("d", metadata={"init_cell": False}),
        ]
    ),
    "keeps all": notebook_bytes([code("a"), code("b")], keep_output=True),
    "no ids": notebook_bytes(
        [{k: v for k, v in code(text).items() if k != "id"} for text in ("a", "a", "b")], minor=4
    ),
    "markdown": notebook_bytes(
        [
            {
                "attachments": {"a.png": {"image/png": "aGVsbG8="}},
                "cell_type": "markdown",
                "id": "m",
                "metadata": {},
                "source": "# Überschrift\n\ntext",
            },
            {"cell_type": "raw", "id": "r", "metadata": {}, "source": []},
        ]
    ),
    "compact": json.dumps(json.loads(notebook_bytes([code("x = 1\nx")]))).encode(),
    "old": (json.dumps(OLD, indent=1, sort_keys=True) + "\n").encode(),
}
"""Valid notebooks that nbstripout strips."""

NOT_NOTEBOOKS: dict[str, bytes] = {
    "conflict": b'{\n "cells": [\n<<<<<<< ours\n=======\n>>>>>>> theirs\n ]\n}\n',
    "not UTF-8": b'{"cells": "\xff"}',
    "list": b"[1, 2]",
    "other JSON": b'{"a": 1}',
    "cells of text": b'{"cells": ["a"], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "no metadata": b'{"cells": [], "nbformat": 4, "nbformat_minor": 5}',
    "no outputs": (
        b'{"cells": [{"cell_type": "code", "metadata": {}, "source": []}],'
        b' "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    ),
    "future": b'{"cells": [], "metadata": {}, "nbformat": 5, "nbformat_minor": 0}',
    "ancient": b'{"cells": [], "nbformat": 1}',
    "deep": b'{"cells": ' + b"[" * 100_000,
    "contradiction": notebook_bytes(
        [code("a", metadata={"keep_output": False, "tags": ["keep_output"]})]
    ),
}


@pytest.fixture(params=NOTEBOOKS.values(), ids=list(NOTEBOOKS))
def notebook(request: pytest.FixtureRequest) -> bytes:
    data: bytes = request.param
    return data


@pytest.fixture(params=NOT_NOTEBOOKS.values(), ids=list(NOT_NOTEBOOKS))
def not_notebook(request: pytest.FixtureRequest) -> bytes:
    data: bytes = request.param
    return data
