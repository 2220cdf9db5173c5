"""Fuzzes one parser by hand: ``python -m tests.fuzz NAME [--seconds N] [--keep]``.

New inputs that reach new code lie in a folder that is named at the end; with ``--keep`` the
smallest of them are added to ``tests/fuzz/corpus/NAME``. A crash is written there as a file, and
told with its traceback. ``--breaking MODULE:NAME=CODE`` puts something broken in the place of a
function first, to see that it is found.
"""

from __future__ import annotations

import argparse
import resource
import sys
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp

import atheris

from tests.fuzz.corpus import LIMIT_BYTES, keep, kept_folder

MEMORY_MB = 1024
SLOW_SECONDS = 10


def main() -> None:
    """Fuzz until the time is over, or something is found."""
    options = _parse()
    with atheris.instrument_imports(include=["jupyter_mlops"]):
        from tests.fuzz.targets import TARGETS
    import_module("nbstripout")  # it takes a second, which no input shall be blamed for
    if options.breaking:
        exec(options.breaking, {})
    target = TARGETS[options.name]
    new = Path(options.found or mkdtemp(prefix=f"fuzz-{options.name}-"))
    new.mkdir(parents=True, exist_ok=True)
    kept = kept_folder(options.name)
    folders = [str(new), *([str(kept)] if kept.is_dir() else [])]
    # a process begins with the highest memory that the one which started it has had
    begun_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    arguments = [
        *("-print_final_stats=1", "-verbosity=1", f"-max_total_time={options.seconds}"),
        *(
            f"-max_len={LIMIT_BYTES}",
            f"-timeout={SLOW_SECONDS}",
            f"-rss_limit_mb={begun_mb + MEMORY_MB}",
        ),
        *(f"-seed={options.seed}", f"-artifact_prefix={new}/found-"),
    ]
    atheris.Setup([sys.argv[0], *arguments, *folders], lambda data: _run(target, data))
    atheris.Fuzz()


def _run(target: object, data: bytes) -> None:
    assert callable(target)
    target(data)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("name")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", help="the folder for what is found")
    parser.add_argument("--breaking", default="", help="Python code that breaks the parser")
    parser.add_argument("--keep", metavar="FOLDER", help="add the smallest of FOLDER to the corpus")
    options = parser.parse_args()
    if options.keep:
        print(keep(options.name, Path(options.keep)))
        sys.exit()
    return options


if __name__ == "__main__":
    main()
