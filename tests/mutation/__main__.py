"""Tells how many small faults in the write path a test notices: ``python -m tests.mutation``.

The faults are cosmic-ray's (``pip install cosmic-ray coverage``), and statements left out. First
the tests run once, to see which of them reach a line and how long each takes; then each fault is
put into a copy of the package, and the tests that reach it run, cheap ones first, until one fails.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import coverage
import pytest

from tests.mutation.faults import Fault, choose, put, show

ROOT = Path(__file__).parents[2]
MODULES = {
    "files": ("append", "batch", "beneath", "durable", "lock", "sync", "worktree"),
    "formats": ("index", "manifest", "pack", "pointer"),
    "objects": (
        *("check", "chunker", "collect", "encode", "evict", "ledger", "merge", "packing", "plain"),
        *("reader", "records", "repair", "running", "segments", "source", "store", "trash"),
        "writer",
    ),
    "snapshots": (
        *("apply", "collect", "content", "evict", "merge", "needed", "operations", "origins"),
        *("restore", "roots", "take", "tracked", "undo", "unfinished"),
    ),
}
TESTS = (
    *("tests/formats", "tests/files", "tests/objects", "tests/snapshots"),
    *("tests/commands/test_snapshot.py", "tests/commands/test_restore.py"),
    *("tests/commands/test_undo.py", "tests/commands/test_check.py"),
    *("tests/commands/test_paths.py", "tests/commands/test_move.py"),
    *("tests/commands/test_gc.py", "tests/commands/test_evict.py"),
    "tests/commands/test_merge.py",
)
OUTCOMES = ("killed", "timeout", "survived", "unreached")
ENOUGH = 0.8
"""Which part of the faults must be noticed."""

HIDE_WHAT_THEY_REACH = ("hypothesis", "run_watched", "subprocess")
"""What a test's file mentions when its work runs where nothing tells which test it belongs to."""

LONGEST_SECONDS = 40.0
"""How long the tests of one fault took together when they ran without it, at most."""


class Reach(NamedTuple):
    """Which tests reach which line of a module, and how long each takes."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    def tests_of(self, fault: Fault) -> list[str]:
        """Return the tests to try: of those that reach it or may, the package's own first.

        Cheap ones come before others.
        """
        lines = self.lines.get(fault.module, {})
        touched = range(fault.first_line, fault.last_line + 1)
        names = {name for line in touched for name in lines.get(line, ())} & self.seconds.keys()
        if not names:  # what runs in other processes, or when the module is imported
            names = {name for found in lines.values() for name in found} & self.seconds.keys()
        own = f"tests/{fault.module.split('/')[1]}/"
        names |= {name for name in self.seconds if name.startswith(_hiding_files(own))}
        ordered = sorted(names, key=lambda name: (not name.startswith(own), *self._cost(name)))
        chosen: list[str] = []
        left = LONGEST_SECONDS
        for name in ordered:
            left -= self.seconds[name]
            if chosen and left < 0:
                break
            chosen.append(name)
        return chosen

    def _cost(self, name: str) -> tuple[float, str]:
        return self.seconds[name], name


@cache
def _hiding_files(folder: str) -> tuple[str, ...]:
    return tuple(
        f"{folder}{path.name}::"
        for path in sorted((ROOT / folder).glob("test_*.py"))
        if any(word in path.read_text("utf-8") for word in HIDE_WHAT_THEY_REACH)
    )


def measure(work: Path, workers: int) -> Reach:
    """Run the tests once and return what each reaches; ``work`` may have that from before."""
    settings, found, times = work / "coveragerc", work / "reach", work / "times.xml"
    if not times.exists():
        settings.write_text(
            f"[run]\ndata_file = {found}\nsource = {ROOT / 'jupyter_mlops'}\n"
            "dynamic_context = test_function\nparallel = true\npatch = subprocess\n"
        )
        tests = ["pytest", "-q", "-p", "no:cacheprovider", f"-n{workers}", f"--junitxml={times}"]
        _run_coverage("run", f"--rcfile={settings}", "-m", *tests, *TESTS)
        _run_coverage("combine", "--quiet", f"--rcfile={settings}")
    return read_reach(found, times)


def _run_coverage(*words: str) -> None:
    command = [sys.executable, "-m", "coverage", *words]
    environment = {**os.environ, "PYTHONPATH": _path(ROOT)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def read_reach(found: Path, times: Path) -> Reach:
    """Return what a run of the tests left in ``found`` and ``times``."""
    data = coverage.CoverageData(str(found))
    data.read()
    lines = {
        Path(file).relative_to(ROOT).as_posix(): {
            line: [_test_name(context) for context in contexts]
            for line, contexts in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    seconds: dict[str, float] = defaultdict(float)
    for case in ElementTree.parse(times).iter("testcase"):
        function = case.attrib["name"].partition("[")[0]
        seconds[_test_name(f"{case.attrib['classname']}.{function}")] += float(case.attrib["time"])
    return Reach(lines, dict(seconds))


def _test_name(context: str) -> str:
    """Return how pytest names the test that coverage calls ``tests.files.test_lock.test_x``."""
    module, _, function = context.rpartition(".")
    return f"{module.replace('.', '/')}.py::{function}" if module else ""


def try_fault(fault: Fault, reach: Reach, work: Path) -> tuple[Fault, str]:
    """Return the fault and what came of it, one of OUTCOMES."""
    tests = reach.tests_of(fault)
    if not tests:
        return fault, "unreached"
    tree = _own_tree(work)
    module = tree / fault.module
    sound = (ROOT / fault.module).read_text("utf-8")
    _forget_compiled(module)
    module.write_text(put(fault, sound) or sound, "utf-8")
    try:
        patience = 20 + 5 * sum(reach.seconds[test] for test in tests)
        status = _run(tree, tests, patience)
    finally:
        module.write_text(sound, "utf-8")
        _forget_compiled(module)
    if status is None:
        return fault, "timeout"
    return fault, "killed" if status else "survived"


def _forget_compiled(module: Path) -> None:
    """Remove what Python compiled of ``module``: it tells changes within a second by size only."""
    for compiled in module.parent.glob(f"__pycache__/{module.stem}.*"):
        compiled.unlink()


def _run(tree: Path, tests: list[str], patience_seconds: float) -> int | None:
    """Run ``tests`` in a process of its own; None if they had to be ended."""
    child = os.fork()
    if child == 0:
        os.setsid()
        silent = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(silent, fd)
        _forget_package()
        os.chdir(tree)
        os.environ["PYTHONPATH"] = _path(tree)
        sys.path[:] = [str(tree), *(one for one in sys.path if one not in {"", str(ROOT)})]
        failed = 1
        with suppress(BaseException):
            temporary = tree.parent / f"{tree.name}-tmp"
            options = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={temporary}"]
            failed = int(pytest.main([*options, *tests]))
        os._exit(failed)
    deadline = time.monotonic() + patience_seconds
    status: int | None = None
    while time.monotonic() < deadline:
        ended, raw = os.waitpid(child, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(raw)
            break
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
    return status


def _forget_package() -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in {"jupyter_mlops", "tests"}:
            del sys.modules[name]


def _path(first: Path) -> str:
    return os.pathsep.join(filter(None, [str(first), os.environ.get("PYTHONPATH")]))


@cache
def _own_tree(work: Path) -> Path:
    """Return this process's copy of all that the tests need."""
    tree = work / f"tree-{os.getpid()}"
    leave = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("jupyter_mlops", "tests", "docs", "labextension"):
        shutil.copytree(ROOT / name, tree / name, ignore=leave)
    for path in ROOT.glob("*.*"):
        if path.is_file():
            shutil.copy(path, tree)
    return tree


def main(words: list[str]) -> int:
    """Try a sample of faults, tell each that no test noticed, and count by module."""
    known = [f"jupyter_mlops/{p}/{m}.py" for p, names in MODULES.items() for m in names]
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="files/sync.py; all when none")
    parser.add_argument("--count", type=int, default=400, help="how many faults (default 400)")
    parser.add_argument("--seed", type=int, default=0, help="which of them (default 0)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, help="a folder that keeps what the first run found")
    asked = parser.parse_args(words)
    modules = [
        one for one in known if not asked.modules or any(word in one for word in asked.modules)
    ]
    counts: dict[str, Counter[str]] = {module: Counter() for module in modules}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        work = Path(temporary)
        reach = measure(asked.keep or work, asked.workers)
        for name in ("jupyter_mlops.commands.table", "tests.conftest", "hypothesis"):
            importlib.import_module(name)  # what the tests stand on, once for all
        faults = choose(ROOT, modules, asked.count, asked.seed)
        attempt = partial(try_fault, reach=reach, work=work)
        quietly = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
        pool = multiprocessing.get_context("fork").Pool(asked.workers, quietly)
        with suppress(KeyboardInterrupt), pool:  # whoever ends it early is told what came so far
            for fault, outcome in pool.imap_unordered(attempt, faults):
                counts[fault.module][outcome] += 1
                if outcome in {"survived", "unreached"}:
                    print(f"{outcome}: {show(ROOT, fault)}", flush=True)
    total = sum(counts.values(), Counter())
    for module, found in [*counts.items(), ("all", total)]:
        shown = ", ".join(f"{found[outcome]} {outcome}" for outcome in OUTCOMES if found[outcome])
        print(f"{module.removeprefix('jupyter_mlops/'):<28} {shown}")
    noticed = total["killed"] + total["timeout"]
    return int(noticed < ENOUGH * total.total())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
