"""One parser under a fuzzer that sees which code an input reaches; it takes the process over.

Importing this module instruments the package, which takes seconds: a process that has done so can
be forked for each parser.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import atheris

from tests.fuzz.corpus import LIMIT_BYTES, kept_folder

with atheris.instrument_imports(include=["jupyter_mlops"]):
    from tests.fuzz.targets import TARGETS
import_module("nbstripout")  # it takes a second, which no input shall be blamed for

MEMORY_MB = 1024
SLOW_SECONDS = 10


def fuzz(
    name: str, found: Path, seconds: int, seed: int, breaking: str = "", runs: int = -1
) -> None:
    """Fuzz the parser called ``name`` until one of the bounds, or something is found; then exit.

    Args:
        name: one of the targets.
        found: the folder for new inputs and for what makes the parser fail; what targets write
            lies beside it.
        seconds: how long at most.
        seed: of the fuzzer's chance.
        breaking: Python code that breaks the parser first.
        runs: how many inputs at most; -1 for no such bound.
    """
    exec(breaking, {})
    found.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(found.parent)  # where targets write, and nothing is cleared at the end
    target = TARGETS[name]
    kept = kept_folder(name)
    folders = [str(found), *([str(kept)] if kept.is_dir() else [])]
    # a process begins with the highest memory that the one which started it has had
    begun_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    arguments = [
        *("-print_final_stats=1", "-verbosity=1", f"-max_total_time={seconds}", f"-runs={runs}"),
        *(
            f"-max_len={LIMIT_BYTES}",
            f"-timeout={SLOW_SECONDS}",
            f"-rss_limit_mb={begun_mb + MEMORY_MB}",
        ),
        *(f"-seed={seed}", f"-artifact_prefix={found}/found-"),
    ]
    atheris.Setup([sys.argv[0], *arguments, *folders], lambda data: _run(target, data))
    atheris.Fuzz()


def _run(target: object, data: bytes) -> None:
    assert callable(target)
    target(data)
