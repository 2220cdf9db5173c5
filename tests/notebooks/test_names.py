from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.notebooks.names import find_name_uses, modules_imported, names_bound


def notebook(*sources: str, tags: dict[int, list[str]] | None = None, **metadata: Any) -> Any:
    cells = [
        {"cell_type": "code", "source": source, "metadata": {"tags": (tags or {}).get(i, [])}}
        for i, source in enumerate(sources)
    ]
    return {"nbformat": 4, "metadata": metadata, "cells": cells}


def uses(*sources: str, **more: Any) -> list[tuple[str, int, int | None]]:
    """Return each name, the cell that uses it, and the one that defines it."""
    return [
        (name, cell.index, below.index if below is not None else None)
        for name, cell, below in find_name_uses(notebook(*sources, **more))
    ]


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        (("print(x)", "x = 1"), [("x", 0, 1)]),
        (("x = x + 1",), [("x", 0, 0)]),
        (("x += 1",), [("x", 0, 0)]),
        (("def f():\n    return z + w", "z = 1\nf()"), [("w", 0, None)]),
        (("[a for a in b]", "b = 1"), [("b", 0, 1)]),
        (("class A(B):\n    pass",), [("B", 0, None)]),
        (("class A:\n    y = 1\n    def f(self):\n        return y",), [("y", 0, None)]),
        (("@cached\ndef f(x=start):\n    pass",), [("cached", 0, None), ("start", 0, None)]),
        (("x: int\nx",), [("x", 0, None)]),
        (("lambda a: a + b",), [("b", 0, None)]),
        (("%%time\ny = zz",), [("zz", 0, None)]),
        (("await foo()",), [("foo", 0, None)]),
        (("for x in rows:\n    pass",), [("rows", 0, None)]),
        (("with open('f') as f:\n    pass\nf.read(size)",), [("size", 0, None)]),
        (("print(f'{a!r:>{width}}')", "a = width = 1"), [("a", 0, 1), ("width", 0, 1)]),
    ],
)
def test_names_that_a_run_from_the_top_lacks(
    sources: tuple[str, ...], found: list[tuple[str, int, int | None]]
) -> None:
    assert uses(*sources) == found


@pytest.mark.parametrize(
    "sources",
    [
        ("x = 1", "print(x, len, __name__, _, _3, In, display)"),
        ("def f():\n    return later", "later = 1\nf()"),
        ("for i in range(3):\n    if i:\n        print(p)\n    p = i",),
        ("class A:\n    x = 1\n    y = x\n    def f(self):\n        return A",),
        ("try:\n    foo\nexcept NameError:\n    foo = 1", "foo"),
        ("def f():\n    global q\n    q = 1\nf()\nq",),
        ("match 1:\n    case [a, *b]:\n        a + len(b)\n    case {'k': 1, **c}:\n        c",),
        ("[y := 1, y**2]\nprint(y)",),
        ("{k: v for k, v in {}.items() for w in v if w}",),
        ("import a.b, c as d\nfrom e import f as g\na, d, g",),
        ("%matplotlib inline\nfiles = !ls\nprint(files)\n!rm {files}\nfiles?",),
        ("%%capture out\n1", "out.show()"),
        ("%%bash --out text\necho $x", "text"),
        ("%%bash\nif [ x ]; then",),
        ("%lsmagic \\\n  nothing\nx = 1\nx",),
        ("from os import *\nlistdir",),
        ("%run other.py", "anything"),
        ("globals()['x'] = 1\nx",),
        ("if 'x' in dir():\n    x",),
        ("exec('x = 1')", "x"),
        ("x = (", "y = x"),
        ("df.groupby((((" * 60, "y"),
        ("x = " + "-" * 200_000 + "1",),
        ("except = 'no Python'",),
    ],
)
def test_what_is_defined_or_cannot_be_known(sources: tuple[str, ...]) -> None:
    assert uses(*sources) == []


def test_cells_that_do_not_run_or_may_raise_use_nothing() -> None:
    assert uses("x", tags={0: ["raises-exception"]}) == []
    assert uses("x", tags={0: ["skip-execution"]}) == []
    # What is skipped defines nothing either.
    assert uses("x = 1", "x", tags={0: ["skip-execution"]}) == [("x", 1, None)]


def test_other_languages_are_not_looked_at() -> None:
    assert uses("x <- y", kernelspec={"language": "R", "name": "ir"}) == []
    assert uses("y", language_info={"name": "ipython"}) == [("y", 0, None)]
    assert uses("y", kernelspec=3) == [("y", 0, None)]


def test_each_name_is_told_once() -> None:
    assert uses("x\nx", "x") == [("x", 0, None)]


@given(st.lists(st.text(alphabet="xy=()[]:.,%!?\n \\'\"#λ:=+defclassimportlambda", max_size=60)))
def test_no_source_is_too_strange(sources: list[str]) -> None:
    find_name_uses(notebook(*sources))


def test_names_and_modules_of_a_source() -> None:
    assert names_bound("x = 1\nimport a.b\ndef f(): y = 2") == {"x", "a", "f"}
    assert names_bound("x = (") == frozenset()
    found = modules_imported(notebook("import a.b", "from c import d\nfrom . import e"))
    assert found == {"a.b", "c", "c.d"}
