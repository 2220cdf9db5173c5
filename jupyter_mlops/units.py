"""Amounts as text for people, and text as amounts."""

from __future__ import annotations

import math
import re

_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_FACTORS = {unit: 1024**power for power, unit in enumerate(_BINARY_UNITS)} | {
    unit: 1000**power for power, unit in enumerate(("B", "kB", "MB", "GB", "TB", "PB", "EB"))
}
_SIZE = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,6}))? ?([kKMGTPE]?i?B)")
_LARGEST_BYTES = 2**63 - 1


def format_bytes(count: int) -> str:
    """Return ``count`` bytes in the largest binary unit that keeps it at 1 or more: ``1.2 MiB``."""
    if abs(count) < 1024:
        return f"{count} B"
    power = min((abs(count).bit_length() - 1) // 10, len(_BINARY_UNITS) - 1)
    amount = count / 1024**power
    if abs(amount) >= 1023.5 and power < len(_BINARY_UNITS) - 1:
        power += 1
        amount = count / 1024**power
    digits = 1 if abs(amount) < 99.95 else 0
    return f"{amount:.{digits}f} {_BINARY_UNITS[power]}"


def parse_bytes(amount: str | int) -> int:
    """Return the number of bytes that ``amount`` says.

    It is an integer, or text such as ``10 MiB`` or ``1.5 GB``.
    KiB, MiB, … are powers of 1024; kB, MB, … powers of 1000. A fraction of a byte is dropped.

    Raises:
        ValueError: ``amount`` is neither, is negative, or is more than 2**63 - 1.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | str):
        raise ValueError(f'not a size: {amount!r}; write it as "10 MiB" or as a number of bytes')
    if isinstance(amount, str):
        match = _SIZE.fullmatch(amount.strip())
        factor = _FACTORS.get(match[3]) if match else None
        if match is None or factor is None:
            raise ValueError(
                f'not a size: {amount[:60]!r}; write it as "10 MiB" or as a number of bytes'
            )
        fraction = match[2] or "0"
        count = int(match[1]) * factor + int(fraction) * factor // 10 ** len(fraction)
    else:
        count = amount
    if not 0 <= count <= _LARGEST_BYTES:
        raise ValueError("not a size: it must be between 0 and 2**63 - 1 bytes")
    return int(count)


def format_number(number: float) -> str:
    """Return ``number`` as people read it: integers whole, others with six significant digits."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.6g}"


def format_duration(seconds: float) -> str:
    """Return ``seconds`` in two units at most: ``240 ms``, ``3.2 s``, ``2 min 5 s``, ``3 h``."""
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two_units(whole, 60, "min", "s")
    if whole < 86400:
        return _two_units(round(whole / 60), 60, "h", "min")
    return _two_units(round(whole / 3600), 24, "d", "h")


def _two_units(amount: int, factor: int, large: str, small: str) -> str:
    rest = f" {amount % factor} {small}" if amount % factor else ""
    return f"{amount // factor} {large}{rest}"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Return ``count`` with its noun: ``1 file``, ``1,200 files``.

    ``many`` is the plural where it is not the noun and an s.
    """
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
