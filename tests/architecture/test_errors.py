"""docs/errors.md lists every error code there is, and no other."""

from __future__ import annotations

import ast
import re

from jupyter_mlops import errors
from tests.architecture.sources import ROOT, iter_calls, sources

_ROW = re.compile(r"^\| `([a-z0-9-]+)` \|", re.MULTILINE)
_FORM = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def _codes() -> set[str]:
    found = {
        keyword.value.value
        for source in sources()
        for call in iter_calls(source.tree)
        for keyword in call.keywords
        if keyword.arg == "code"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    }
    defaults = {
        kind.default_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.MlopsError)
    }
    return found | defaults


def test_every_code_is_documented() -> None:
    documented = _ROW.findall((ROOT / "docs/errors.md").read_text("utf-8"))
    assert sorted(documented) == sorted(_codes())


def test_codes_are_kebab_case() -> None:
    assert all(_FORM.fullmatch(code) for code in _codes())
