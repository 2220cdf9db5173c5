"""What people log, as the numbers and parameters that are kept; pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Number = int | float
Param = str | int | float | bool | list[Any] | None

_NESTING_LIMIT = 16
_TEXT_LIMIT = 1000


def to_number(value: object) -> Number | None:
    """Return ``value`` as a plain number, None where it is none.

    Takes numbers, NumPy scalars, and tensors of one element (whatever has ``item()``). NaN and
    infinities are numbers, texts are not.
    """
    kind = type(value)
    if kind is float or kind is int:
        return value  # type: ignore[return-value]
    if isinstance(value, bool | int):
        return int(value)
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


def to_param(value: object) -> Param:
    """Return ``value`` as what a parameters file can hold; what JSON lacks becomes text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [to_param(part) for part in value]
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


def format_line(record: Mapping[str, object]) -> str:
    """Return one line of a run's series."""
    return _encode(record, separators=(",", ":")) + "\n"


def _sort_key(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _encode(value: object, **options: Any) -> str:
    encode: Callable[..., str] = json.dumps
    try:
        return encode(value, ensure_ascii=False, allow_nan=False, **options)
    except ValueError:
        return encode(_spell_out(value), ensure_ascii=False, **options)


def _spell_out(value: object) -> object:
    """Return ``value`` with NaN and infinities as the texts that stand for them in JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {name: _spell_out(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_spell_out(part) for part in value]
    return value
