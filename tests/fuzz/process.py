"""Fuzzing in processes that begin where one stands in which the package is instrumented."""

from __future__ import annotations

import ctypes
import os
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path

_FUZZING = "tests.fuzz.fuzzing"


def make_fuzzers() -> ForkServerContext:
    """Return what starts the processes."""
    context = get_context("forkserver")
    context.set_forkserver_preload([_FUZZING])
    return context


def fuzz_apart(
    fuzzers: ForkServerContext,
    name: str,
    folder: Path,
    seconds: int,
    seed: int,
    breaking: str = "",
    runs: int = -1,
) -> tuple[int, str]:
    """Fuzz the parser called ``name``; return the exit status, and all that was said."""
    said = folder / "said"
    process = fuzzers.Process(
        target=_fuzz, args=(said, name, folder / "new", seconds, seed, breaking, runs)
    )
    process.start()
    process.join(seconds + 60)
    if process.is_alive():
        process.kill()
        process.join()
    assert process.exitcode is not None
    return process.exitcode, said.read_text(errors="replace")


def _fuzz(said: Path, *arguments: object) -> None:
    with said.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        import_module(_FUZZING).fuzz(*arguments)
    except SystemExit:
        # libFuzzer writes what it found as C's exit() is called, which multiprocessing does without
        ctypes.CDLL(None).exit(1)
