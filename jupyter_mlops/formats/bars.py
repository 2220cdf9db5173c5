"""``gates.lock.toml``: the best value that each metric with a ratchet has had; formats/bars.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from jupyter_mlops.errors import UnsupportedError, UsageError
from jupyter_mlops.formats.names import show
from jupyter_mlops.formats.toml import parse_toml

BARS_NAME = "gates.lock.toml"
MAX_BARS_BYTES = 1 << 20
_FORMAT = 0
_HEADER = f"""\
# How good each metric with a ratchet in mlops.toml was at its best. `jupyter mlops gates
# --update-ratchet` raises the bars, and never lowers one: who wants that edits this file.
format = {_FORMAT}
"""


class Bar(NamedTuple):
    """The best value so far, and the full id of the commit that had it, None where nobody knows."""

    value: float
    commit: str | None = None


def parse_bars(data: bytes, *, origin: str = BARS_NAME) -> dict[str, Bar]:
    """Return the bars by the metric's full name.

    Raises:
        UsageError: it is not of that format (code ``bars-invalid``).
        UnsupportedError: it has a newer format (code ``format-newer``).
    """
    if len(data) > MAX_BARS_BYTES:
        _refuse(origin, f"it is larger than {MAX_BARS_BYTES} bytes")
    try:
        top = parse_toml(data.decode())
    except UnicodeDecodeError:
        _refuse(origin, "it is not UTF-8 text")
    except ValueError as error:
        _refuse(origin, f"it is {error}")
    version = top.pop("format", None)
    if type(version) is int and version > _FORMAT:
        raise UnsupportedError(
            f"{origin} has format {version}, and this version knows {_FORMAT}.",
            code="format-newer",
            hints=("pip install --upgrade jupyter-mlops",),
        )
    if type(version) is not int or version != _FORMAT:
        _refuse(origin, f"its format is {show(version)}, not {_FORMAT}")
    rows = top.pop("bar", [])
    if top or not isinstance(rows, list):
        _refuse(origin, "it holds something else than format and [[bar]]")
    bars: dict[str, Bar] = {}
    for row in rows:
        name, bar = _read(row, origin)
        if name in bars:
            _refuse(origin, f"it has two bars for {show(name)}")
        bars[name] = bar
    return bars


def format_bars(bars: Mapping[str, Bar]) -> bytes:
    """Return the one encoding of ``bars``: sorted by metric, so that changes merge in Git."""
    parts = [_HEADER]
    for name, bar in sorted(bars.items()):
        parts.append(f"\n[[bar]]\nmetric = {_quote(name)}\nvalue = {bar.value!r}\n")
        if bar.commit is not None:
            parts.append(f'commit = "{bar.commit}"\n')
    return "".join(parts).encode()


def _read(row: object, origin: str) -> tuple[str, Bar]:
    if not isinstance(row, dict) or not row.keys() <= {"metric", "value", "commit"}:
        _refuse(origin, "a bar has metric, value and commit, and nothing else")
    name, value, commit = row.get("metric"), row.get("value"), row.get("commit")
    if not isinstance(name, str) or not name:
        _refuse(origin, "a bar has no metric")
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(origin, f"the bar of {show(name)} is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        _refuse(origin, f"the bar of {show(name)} is no finite number")
    is_id = isinstance(commit, str) and len(commit) in (40, 64)
    if commit is not None and not (is_id and set(commit) <= set("0123456789abcdef")):
        _refuse(origin, f"the commit of {show(name)} is no full id")
    return name, Bar(number, commit)


def _quote(text: str) -> str:
    """Return ``text`` as TOML's basic string, which escapes as JSON does, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _refuse(origin: str, reason: str) -> NoReturn:
    raise UsageError(
        f"{origin} is not valid: {reason}.",
        code="bars-invalid",
        hints=(f"git log --oneline -- {BARS_NAME}",),
    )
