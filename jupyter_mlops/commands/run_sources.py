"""Which files of a commit decide what a run logs: its notebook or script, modules, data."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import PurePosixPath

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.formats.pointer import POINTER_SUFFIX
from jupyter_mlops.notebooks.canonical import MALFORMED, cell_source, iter_cells, parse_notebook
from jupyter_mlops.notebooks.names import modules_imported, modules_of
from jupyter_mlops.tracking.names import clean_run_name

CODE_SUFFIXES = frozenset(
    {".ipynb", ".py", ".pyx", ".r", ".jl", ".scala", ".sh", ".sql", ".c", ".cpp", ".rs", ".java"}
)
"""What files of code are called; whatever else a commit changes does not make metrics old."""

_RUN_SUFFIXES = (".ipynb", ".py")
_FILES_LIMIT = 200
_TEXT_LIMIT = 4 << 20


def is_code(path: str) -> bool:
    """Return whether ``path`` is called as files of code are."""
    return PurePosixPath(path).suffix.lower() in CODE_SUFFIXES


def find_sources(
    paths: Collection[str], read: Callable[[str], bytes], metrics: str
) -> frozenset[str]:
    """Return the files that decide what stands in the metrics file ``metrics``.

    These are the notebooks and scripts whose runs have its name, else those that call a run so, the
    modules of the project that they import, and the pointer files of data whose names stand in
    their code; none where nothing has that name.

    Args:
        paths: all files of the commit.
        read: returns the bytes of one of them.
        metrics: path of the metrics file.
    """
    stem = PurePosixPath(metrics).stem
    found = {path for path in paths if _is_run(path, stem)} or _find_callers(paths, read, stem)
    texts: list[str] = []
    waiting = sorted(found)
    while waiting and len(found) < _FILES_LIMIT:
        path = waiting.pop()
        modules, text = _read_code(path, read)
        texts.append(text)
        for module in modules:
            new = set(_find_module(paths, path, module)) - found
            found |= new
            waiting += sorted(new)
    joined = "\n".join(texts)
    pointers = (path for path in paths if path.endswith(POINTER_SUFFIX))
    for pointer in pointers if found else ():
        if PurePosixPath(pointer.removesuffix(POINTER_SUFFIX)).name in joined:
            found.add(pointer)
    return frozenset(found)


def _find_callers(paths: Collection[str], read: Callable[[str], bytes], stem: str) -> set[str]:
    """Return the notebooks and scripts that begin a run by this name, as ``mlops.run("name")``."""
    call = re.compile(rf"""\brun\(\s*(?:name\s*=\s*)?(["']){re.escape(stem)}\1""")
    programs = sorted(path for path in paths if PurePosixPath(path).suffix in _RUN_SUFFIXES)
    return {path for path in programs[:_FILES_LIMIT] if call.search(_read_code(path, read)[1])}


def _is_run(path: str, stem: str) -> bool:
    name = PurePosixPath(path)
    return name.suffix in _RUN_SUFFIXES and clean_run_name(name.stem) == stem


def _read_code(path: str, read: Callable[[str], bytes]) -> tuple[frozenset[str], str]:
    """Return the modules that a file may import, and its code as text."""
    with suppress(NotFoundError, *MALFORMED):
        content = read(path)[:_TEXT_LIMIT]
        if not path.endswith(".ipynb"):
            text = content.decode("utf-8", "replace")
            return modules_of(text), text
        notebook = parse_notebook(content)
        return modules_imported(notebook), "\n".join(map(cell_source, iter_cells(notebook)))
    return frozenset(), ""


def _find_module(paths: Collection[str], importer: str, module: str) -> Iterator[str]:
    """Yield the files of the project that ``module`` may be; of a package, all modules in it."""
    parts = module.split(".")
    folder = PurePosixPath(importer).parent
    for root in dict.fromkeys((folder, PurePosixPath(), PurePosixPath("src"))):
        top = root / parts[0]
        if f"{top}.py" in paths:
            yield f"{top}.py"
        elif f"{top}/__init__.py" in paths:
            yield from (path for path in paths if path.startswith(f"{top}/") and path[-3:] == ".py")
        elif len(parts) > 1 and f"{root / '/'.join(parts)}.py" in paths:
            yield f"{root / '/'.join(parts)}.py"
