"""Outputs of two runs of a notebook, compared: numbers within a tolerance, the rest as it is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from jupyter_mlops.notebooks.canonical import CellPlace, Notebook, iter_cells

_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w])|[-+]?\b(?:inf|nan)\b"
)
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_COMPARED = ("text/plain", "text/markdown", "text/latex")
_PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
_TEXT_LIMIT = 1 << 20
_SHOWN = 60
_NAMED = 20


class Drift(NamedTuple):
    """A cell whose outputs differ, and how, to be put behind a colon."""

    cell: CellPlace
    why: str


def compare_outputs(before: Notebook, after: Notebook, tolerance: float) -> list[Drift]:
    """Return the cells of ``after`` that put out something else than in ``before``.

    Both are notebooks of the same cells. A cell that has no outputs in ``before`` is passed over,
    unless ``before`` was run as well. Compared are texts: what was printed, values, and errors;
    numbers in them may differ by the part ``tolerance`` of themselves. Addresses in memory,
    standard error, and the bytes of pictures are not compared, but whether there is a picture is.
    """
    found: list[Drift] = []
    pairs = zip(iter_cells(before), iter_cells(after), strict=False)
    for index, (old, new) in enumerate(pairs):
        if len(found) == _NAMED:
            break
        if old.get("cell_type") != "code" or old.get("source") != new.get("source"):
            continue
        if not old.get("outputs") and old.get("execution_count") is None:
            continue
        why = _differ(old.get("outputs"), new.get("outputs"), tolerance)
        if why is not None:
            id = new.get("id")
            found.append(Drift(CellPlace(index, id if isinstance(id, str) else None), why))
    return found


def _differ(old: object, new: object, tolerance: float) -> str | None:
    stored, made = _texts(old), _texts(new)
    for kind in dict.fromkeys((*stored, *made)):
        if kind not in made:
            return f"there is no {kind} any more"
        if kind not in stored:
            return f"there is {kind} that was not there"
        why = _differ_text(stored[kind], made[kind], tolerance)
        if why is not None:
            return why
    return None


def _texts(outputs: object) -> dict[str, str]:
    """Return what a cell's outputs say, by kind; those of one kind are joined."""
    found: dict[str, list[str]] = {}
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict):
            for kind, text in _iter_texts(output):
                found.setdefault(kind, []).append(text)
    return {kind: "".join(parts)[:_TEXT_LIMIT] for kind, parts in found.items()}


def _iter_texts(output: Notebook) -> Iterator[tuple[str, str]]:
    kind = output.get("output_type")
    if kind == "stream":
        if output.get("name") == "stdout":
            yield "text", _join(output.get("text"))
    elif kind == "error":
        yield "an error", f"{output.get('ename')}: {output.get('evalue')}"
    elif isinstance(data := output.get("data"), dict):
        if any(name in data for name in _PICTURES):
            yield "a picture", ""
            return  # its text is the name of a figure, and its size
        for name in _COMPARED:
            if name in data:
                yield "a value", _join(data[name])
                return


def _join(text: object) -> str:
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""


def _differ_text(old: str, new: str, tolerance: float) -> str | None:
    """Return how two texts differ beyond ``tolerance``, None where they do not."""
    if old == new:
        return None
    old, new = _plain(old), _plain(new)
    if old == new:
        return None
    old_words, old_numbers = _NUMBER.split(old), _NUMBER.findall(old)
    new_words, new_numbers = _NUMBER.split(new), _NUMBER.findall(new)
    for first, second in zip(old_numbers, new_numbers, strict=False):
        if not is_near(float(first), float(second), tolerance):
            return f"{second[:_SHOWN]} instead of {first[:_SHOWN]}"
    if [word.split() for word in old_words] == [word.split() for word in new_words]:
        return None
    pairs = zip(_lines(old), _lines(new), strict=False)
    first_pair = next(((a, b) for a, b in pairs if a.split() != b.split()), None)
    if first_pair is None:
        return f"{len(_lines(new))} lines instead of {len(_lines(old))}"
    return f"“{first_pair[1][:_SHOWN]}” instead of “{first_pair[0][:_SHOWN]}”"


def is_near(old: float, new: float, tolerance: float) -> bool:
    """Return whether ``new`` is ``old`` within the part ``tolerance`` of it; NaN is NaN."""
    if old == new or (math.isnan(old) and math.isnan(new)):
        return True
    allowed = tolerance * abs(old)
    return math.isfinite(allowed) and abs(new - old) <= allowed


def _plain(text: str) -> str:
    return _ADDRESS.sub("0x…", _COLOUR.sub("", text))


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
