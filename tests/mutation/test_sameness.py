from __future__ import annotations

import pytest

from tests.mutation.sameness import runs_alike

SAME = {
    "annotation": ("def f(a: int | None) -> int: ...", "def f(a: int & None) -> str: ..."),
    "docstring": ('def f():\n    "One."\n    g()', 'def f():\n    "Two."\n    g()'),
    "no program": ("a + b", "a + + * b"),
    "frozen": ("@dataclass(frozen=True)\nclass A: ...", "@dataclass(frozen=False)\nclass A: ..."),
    "strict": ("zip(a, b, strict=True)", "zip(a, b, strict=False)"),
    "tuned": ("_READ_BYTES = 4 << 20", "_READ_BYTES = 5 << 20"),
    "tuned count": ("_THREADS = 2", "_THREADS = 3"),
    "other system": (
        'if sys.platform == "win32":\n    f(1)\nelse:\n    g()',
        'if sys.platform == "win32":\n    f(2)\nelse:\n    g()',
    ),
    "import of one system": (
        'if sys.platform != "win32":\n    import fcntl',
        'if not sys.platform != "win32":\n    import fcntl',
    ),
    "flag of another system": ('getattr(os, "O_BINARY", 0)', 'getattr(os, "O_BINARY", 1)'),
}
OTHER = {
    "call": ("f(a)", "f(b)"),
    "order": ("@dataclass(order=True)\nclass A: ...", "@dataclass(order=False)\nclass A: ..."),
    "zipped": ("zip(a, b, strict=True)", "zip(a, a, strict=True)"),
    "nothing at a time": ("_READ_BYTES = 4 << 20", "_READ_BYTES = 4 >> 20"),
    "too much at a time": ("_READ_BYTES = 4 << 20", "_READ_BYTES = 4 ** 20"),
    "too many at a time": ("_THREADS = 2", "_THREADS = 2000"),
    "no number of bytes": ("_READ_BYTES = 4 << 20", "_READ_BYTES = 4 / 20"),
    "other constant": ("_PACK_BYTES = 4 << 20", "_PACK_BYTES = 5 << 20"),
    "this system": (
        'if sys.platform == "win32":\n    f()\nelse:\n    g(1)',
        'if sys.platform == "win32":\n    f()\nelse:\n    g(2)',
    ),
    "the other branch": (
        'if sys.platform == "win32":\n    f()\nelse:\n    g()',
        'if sys.platform != "win32":\n    f()\nelse:\n    g()',
    ),
}


@pytest.mark.parametrize("what", SAME)
def test_what_makes_no_difference_is_no_fault(what: str) -> None:
    assert runs_alike(*SAME[what])


@pytest.mark.parametrize("what", OTHER)
def test_what_makes_a_difference_is_one(what: str) -> None:
    assert not runs_alike(*OTHER[what])
