"""Tables and images that are drawn, and what ``mlops.toml`` says of them."""

from __future__ import annotations

import io

import pyarrow
import pyarrow.parquet
import pytest

from tests.hostile.arena import Arena, Case
from tests.hostile.conftest import Attack
from tests.hostile.corpus import MANY, PATHS, words, write

pytestmark = pytest.mark.slow

_SVG = '<svg xmlns="http://www.w3.org/2000/svg">%s</svg>'
_MARKUP = "</script><img src=x onerror=alert(1)>"


def _parquet(**columns: object) -> bytes:
    written = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), written)
    return written.getvalue()


_WHOLE = _parquet(x=[1, 2], y=[0.5, None], who=["a", _MARKUP])

PLOTS: dict[str, tuple[str, str | bytes]] = {
    "ragged": ("csv", "a,b\n1\n1,2,3\n1,2\n"),
    "quote that never ends": ("csv", 'a,b\n"1,2\n3,4\n'),
    "one long line": ("csv", "a," * 200_000),
    "one long cell": ("csv", "a\n" + "9" * 2_000_000),
    "NULs": ("csv", "\0" * 1000),
    "UTF-16": ("csv", "a,b\n1,2\n".encode("utf-16")),
    "markup": ("csv", f"x,{_MARKUP}\n1,2\n2,{_MARKUP}\n"),
    "terminal": ("csv", "x,\x1b[2J\n1,2\n\x1b]0;x\x07,3\n"),
    "formulas": ("csv", "=cmd|calc,@x\n1,2\n"),
    "extremes": ("csv", "x,y\n1e308,-1e308\n-1e308,1e308\nnan,inf\n"),
    "words of dates": ("csv", "date,y\n9999-12-31T23:59:59,1\n0001-01-01,2\n2026-02-30,3\n"),
    "many columns": ("csv", ",".join(f"c{at}" for at in range(900)) + "\n" + "1," * 899 + "1\n"),
    "many categories": ("csv", "x,y\n" + "".join(f"k{at},{at}\n" for at in range(20_000))),
    "deep": ("json", "[" * MANY),
    "deep tables": ("json", '{"a": ' * MANY + "1" + "}" * MANY),
    "many digits": ("json", '[{"y": 1' + "0" * 5000 + "}]"),
    "surrogates": ("json", '[{"\\ud800": 1, "b": "\\udfff"}]'),
    "prototype": ("json", '[{"__proto__": 1, "constructor": 2}]'),
    "lists in lists": ("json", '{"a": [[1], [2]], "b": [{}, {}]}'),
    "many names": ("json", "[" + ",".join(f'{{"a{at}": 1}}' for at in range(5_000)) + "]"),
    "lines of anything": ("jsonl", '[]\n1\n"x"\n{"a": {}}\nnull\n' + "[" * MANY + "\n"),
    "whole": ("parquet", _WHOLE),
    "cut": ("parquet", _WHOLE[:-20]),
    "turned": ("parquet", bytes(one ^ 0x55 for one in _WHOLE)),
    "footer too long": ("parquet", _WHOLE[:-8] + b"\xff\xff\xff\x7fPAR1"),
    "no image": ("png", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "huge image": ("png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\x7f\xff\xff\xff" * 2 + bytes(9)),
    "cut image": ("jpg", b"\xff\xd8\xff\xe0\xff\xff"),
    "HTML as an image": ("png", "<script>alert(1)</script>"),
    "script": ("svg", _SVG % "<script>alert(1)</script>"),
    "laughs": ("svg", '<!DOCTYPE svg [<!ENTITY a "b">]>' + _SVG % "&a;"),
    "outside": ("svg", _SVG % '<image href="http://127.0.0.1:9/x.png"/>'),
    "within itself": ("svg", _SVG % '<g id="a"><use href="#a"/></g>'),
    "deep elements": ("svg", _SVG % ("<g>" * MANY + "</g>" * MANY)),
}

_TEMPLATES = ("line", "scatter", "bar", "histogram", "confusion", "roc", "pr", "residuals", "image")


def _plant(suffix: str, content: str | bytes, template: str) -> Case:
    """Return a file that is drawn by itself, and by a template that does not suit it."""
    path = f"plots/evil.{suffix}"
    text = f'[[plot]]\nfile = "plots/**"\n[[plot]]\nfile = "{path}"\ntemplate = "{template}"\n'

    def plant(arena: Arena) -> None:
        write("mlops.toml", text)(arena)
        write(path, content)(arena)
        arena.project.git("add", "--force", "--", path)
        arena.project.git("commit", "-q", "-m", "x")

    return Case(f"{suffix} {template}", plant, words("plots diff HEAD HEAD~1"))


def test_what_is_drawn(attack: Attack) -> None:
    attack(
        [
            _plant(suffix, content, _TEMPLATES[number % len(_TEMPLATES)])
            for number, (suffix, content) in enumerate(PLOTS.values())
        ]
    )


def test_what_is_to_be_drawn(attack: Attack) -> None:
    texts = {
        **{f"path {path[:20]!r}": f"[[plot]]\nfile = {_quote(path)}" for path in PATHS[::8]},
        **{f"run {path[:20]!r}": f"[[plot]]\nrun = {_quote(path)}" for path in PATHS[1::8]},
        "many": '[[plot]]\nfile = "metrics/train.json"\n' * 200,
        "everything": '[[plot]]\nfile = "**"\n' * 20,
        "columns": f'[[plot]]\nfile = "data/a.csv"\ny = {_quote(_MARKUP)}\nx = "__proto__"',
        "keys": '[[plot]]\nfile = "metrics/train.json"\nkey = "' + "a." * 500 + 'a"',
    }
    attack(
        [Case(name, write("mlops.toml", text), words("plots diff")) for name, text in texts.items()]
    )


def _quote(text: str) -> str:
    return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'
