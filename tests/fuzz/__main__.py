"""Fuzzes one parser by hand: ``python -m tests.fuzz NAME [--seconds N] [--keep]``.

New inputs that reach new code lie in a folder that is named at the end; with ``--keep`` the
smallest of them are added to ``tests/fuzz/corpus/NAME``. A crash is written there as a file, and
told with its traceback. ``--breaking CODE`` puts something broken in the place of a function
first, to see that it is found.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.fuzz.corpus import keep


def main() -> None:
    """Fuzz until the time is over, or something is found."""
    options = _parse()
    from tests.fuzz.fuzzing import fuzz

    found = Path(options.found or mkdtemp(prefix=f"fuzz-{options.name}-"), "new")
    fuzz(options.name, found, options.seconds, options.seed, options.breaking)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("name")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", help="the folder for what is found, in new")
    parser.add_argument("--breaking", default="", help="Python code that breaks the parser")
    parser.add_argument("--keep", metavar="FOLDER", help="add the smallest of FOLDER to the corpus")
    options = parser.parse_args()
    if options.keep:
        print(keep(options.name, Path(options.keep)))
        sys.exit()
    return options


if __name__ == "__main__":
    main()
