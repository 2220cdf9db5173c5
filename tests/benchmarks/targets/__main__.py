"""Measures all targets: ``python -m tests.benchmarks.targets --help``."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.targets.bench import Bench
from tests.benchmarks.targets.page import format_page
from tests.benchmarks.targets.parts import PARTS
from tests.benchmarks.targets.places import Places
from tests.benchmarks.targets.record import (
    MAIN,
    begin_record,
    read_record,
    write_record,
)
from tests.benchmarks.targets.tools import OUR_TOOL, dvc_tool, find_dvc
from tests.benchmarks.workloads import Sizes
from tests.support.project import IDENTITY, hermetic_environment

_ROOT = Path(__file__).parents[3]
PAGE = _ROOT / "docs" / "benchmarks.md"
_SETTINGS = {
    "DVC_NO_ANALYTICS": "1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "key",
    "AWS_DEFAULT_REGION": "us-east-1",
}
RECORD = _ROOT / ".benchmarks" / "targets.json"


def main(words: Sequence[str]) -> None:
    """Measure what was asked for, keep the record, and print the page or write it."""
    asked = _parse(words)
    if asked.measure:
        _measure(asked)
    record = read_record(asked.record)
    old = PAGE.read_text() if PAGE.exists() else ""
    page = format_page(record, old)
    if asked.write:
        PAGE.write_text(page)
    else:
        print(page)


def _measure(asked: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    dvc = find_dvc(asked.dvc)
    if dvc is None and asked.dvc is not None:
        sys.exit(f"{asked.dvc} cannot be run")
    tools = [OUR_TOOL, *([] if dvc is None else [dvc_tool(dvc)])]
    with tempfile.TemporaryDirectory(prefix="mlops-targets-", dir=asked.folder) as folder:
        home = Path(folder)
        env = hermetic_environment(home, os.environ) | IDENTITY | _SETTINGS
        env["PYTHONPATH"] = str(_ROOT)
        _compile(env)
        versions = {tool.name: _version(tool.version, env) for tool in tools}
        versions |= {"Git": _version("git --version", env)}
        versions |= {"Python": sys.version.split()[0]}
        record = begin_record(asked.scale, versions)
        if asked.add:
            record = read_record(asked.record)
            if (record.scale, record.versions) != (asked.scale, versions):
                sys.exit(f"{asked.record} is of another size or of other programs")
        places = Places(home, disks=not asked.no_disks)
        record.file_systems = places.file_systems
        sizes = Sizes.at(asked.scale)
        room = 8 * sizes.big_file_bytes + (sizes.small_files_count << 14)
        with places.open(MAIN, room) as sources:
            bench = Bench(
                record,
                places,
                sources,
                tools,
                env,
                sizes,
                rounds=asked.rounds,
                versions_count=asked.versions,
                pause_seconds=asked.pause,
            )
            for name in asked.parts or PARTS:
                PARTS[name](bench)
                write_record(record, asked.record)


def _compile(env: Mapping[str, str]) -> None:
    """Compile the package, as an installer compiles what it installs, DVC for one."""
    package = _ROOT / "jupyter_mlops"
    env = {name: value for name, value in env.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-m", "compileall", "-q", package], env=env, check=True)


def _version(script: str, env: dict[str, str]) -> str:
    done = subprocess.run(shlex.split(script), env=env, capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.targets", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("parts", nargs="*", metavar="|".join(PARTS), help="all by default")
    parser.add_argument("--scale", type=float, default=0.1, help="1: the full size, an hour or two")
    parser.add_argument("--rounds", type=int, default=3, help="an odd number")
    parser.add_argument("--versions", type=int, default=100, help="of a project that has aged")
    parser.add_argument("--pause", type=float, default=3, help="seconds that data gets to be old")
    parser.add_argument("--dvc", type=Path, help="the program, where it is not on PATH")
    parser.add_argument("--folder", type=Path, help="where file systems and data are made")
    parser.add_argument("--no-disks", action="store_true", help="make no new file systems")
    parser.add_argument("--record", type=Path, default=RECORD, help="where the raw figures go")
    parser.add_argument("--add", action="store_true", help="further parts to the record there is")
    parser.add_argument("--measure", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    asked = parser.parse_args(words)
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    if asked.rounds % 2 == 0:
        parser.error("--rounds must be an odd number, so that there is a median run")
    if asked.versions < 2:
        parser.error("--versions must be 2 or more")
    return asked


if __name__ == "__main__":
    main(sys.argv[1:])
