"""What people log, as the numbers and parameters that are kept; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from jupyter_mlops.formats.numbers import spell_out
from jupyter_mlops.formats.run import MAX_INTEGER, MIN_INTEGER, Number, Param

_NESTING_LIMIT = 16
_TEXT_LIMIT = 1000


def to_number(value: object) -> Number | None:
    """Return ``value`` as a plain number, None where it is none.

    Takes numbers, NumPy scalars, and tensors of one element (whatever has ``item()``). NaN and
    infinities are numbers, texts are not. Whole numbers of more than 63 bits become less exact.
    """
    kind = type(value)
    if kind is float:
        return value  # type: ignore[return-value]
    if isinstance(value, int):
        return _to_integer(int(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str | bytes):
        return None
    item = getattr(value, "item", None)
    try:
        if callable(item):
            taken = item()
            return None if type(taken) is kind else to_number(taken)
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def _to_integer(value: int) -> Number | None:
    if MIN_INTEGER <= value <= MAX_INTEGER:
        return value
    try:
        return float(value)
    except OverflowError:
        return None


def to_param(value: object, depth: int = 0) -> Param:
    """Return ``value`` as what a parameters file can hold; what JSON lacks becomes text."""
    if value is None or isinstance(value, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)  # not a type of NumPy's that is made from it
    if isinstance(value, list | tuple) and depth < _NESTING_LIMIT:
        return [to_param(part, depth + 1) for part in value]
    number = to_number(value) if hasattr(value, "item") else None
    return str(value)[:_TEXT_LIMIT] if number is None else number


def iter_flat(
    values: Mapping[str, object], prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, object]]:
    """Yield name and value of everything in ``values``; a nested name is joined with dots."""
    for name, value in values.items():
        full = f"{prefix}{name}"
        if isinstance(value, Mapping) and depth < _NESTING_LIMIT:
            yield from iter_flat(value, f"{full}.", depth + 1)
        else:
            yield full, value


def format_values(values: Mapping[str, Param]) -> bytes:
    """Return the file that holds ``values``: a JSON object, keys sorted, one a line."""
    lines = ",\n".join(
        f" {_encode(name)}: {_encode(values[name])}" for name in sorted(values, key=_sort_key)
    )
    return (f"{{\n{lines}\n}}\n" if lines else "{}\n").encode("utf-8", "replace")


def _sort_key(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _encode(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_spell_out(value), ensure_ascii=False)


def _spell_out(value: object) -> object:
    if isinstance(value, list):
        return [_spell_out(part) for part in value]
    return spell_out(value)
