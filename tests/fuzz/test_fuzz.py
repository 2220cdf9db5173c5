"""Each parser under a fuzzer that sees which code an input reaches, in a process of its own."""

from __future__ import annotations

import re
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.fuzz.process import fuzz_apart, make_fuzzers
from tests.fuzz.targets import TARGETS
from tests.support.scoreboard import Scoreboard

pytestmark = pytest.mark.slow

RUNS = 1500
SECONDS = 120
"""When a parser is given up that is too slow to be fuzzed, on a machine that does much else too."""

_EXECUTED = re.compile(r"number_of_executed_units: (\d+)")


@pytest.fixture(scope="module")
def fuzzers() -> ForkServerContext:
    """Return what starts processes out of one in which the package is instrumented already."""
    pytest.importorskip("atheris", reason="not run: there is no atheris here")
    return make_fuzzers()


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_refusals(
    fuzzers: ForkServerContext, name: str, tmp_path: Path, scale: int, scoreboard: Scoreboard
) -> None:
    status, said = fuzz_apart(fuzzers, name, tmp_path, SECONDS * scale, scale, runs=RUNS * scale)
    assert status == 0, said[-4000:]
    count = _EXECUTED.search(said)
    assert count is not None, said[-4000:]
    assert int(count[1]) >= 500, "so few inputs show nothing"
    scoreboard.add("fuzz executions", int(count[1]))


BROKEN = {
    "a length that is believed": (
        "tree",
        "import struct, jupyter_mlops.formats.manifest as m\n"
        "m._TREE_HEAD = type('S', (), {'size': 16, 'unpack_from': lambda self, data: "
        "struct.unpack('>8sII', bytes(data[:16])) if len(data) > 20 else {}[len(data)]})()",
        "KeyError",
    ),
    "a second encoding": (
        "owner",
        "import tests.fuzz.targets as t, jupyter_mlops.files.owner as o\n"
        "t.format_owner = lambda owner: o.format_owner(owner._replace(host='0' * 8))",
        "AssertionError",
    ),
    "no bound on what is unpacked": (
        "size",
        "import resource, tests.fuzz.targets as t\n"
        "def parse(text):\n"
        "    if 'G' in text and not hasattr(t, 'kept'):\n"
        "        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10\n"
        "        t.kept = bytearray(peak + (3 << 30))  # memory is looked at once a second\n"
        "    return 0\n"
        "t.parse_bytes = parse",
        "out-of-memory",
    ),
}
"""A parser, what breaks it before it is fuzzed, and what is told then."""


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_found(fuzzers: ForkServerContext, what: str, tmp_path: Path) -> None:
    name, code, told = BROKEN[what]
    status, said = fuzz_apart(fuzzers, name, tmp_path, 20, 1, code)
    assert status != 0
    assert told in said, said[-4000:]
    assert list((tmp_path / "new").glob("found-*"))
