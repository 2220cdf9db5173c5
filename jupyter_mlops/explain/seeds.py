"""Seeds of random numbers, in names of parameters and in code."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_IN_CODE = re.compile(
    r"\b(\w{0,60}?seed\w{0,60}|random_state|RandomState|default_rng|PRNGKey)"
    r"(?:\s?:\s?\w{1,20})?\s{0,3}(?:=|\()\s{0,3}(-?\d{1,30}|None)\b",
    re.IGNORECASE,
)


def is_seed(name: str) -> bool:
    """Return whether the last part of a parameter's name says that it is a seed."""
    last = re.split(r"[.:/]", name)[-1]
    words = [word.lower() for word in _WORDS.findall(last)]
    return "seed" in words or words[-2:] == ["random", "state"] or words == ["randomstate"]


def find_seeds(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the values that code gives to seeds, by the name that it gives them to.

    A name is that of a variable, a keyword or a function: ``random_state=1``, ``seed = 1``,
    ``np.random.seed(1)``. Values that are computed are not known.
    """
    found: dict[str, list[str]] = {}
    for line in lines:
        code = line.partition("#")[0]
        for name, value in _IN_CODE.findall(code[:10_000]):
            found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}
