"""What a run is called when nobody says: the stem of the notebook or script."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

UNKNOWN = "run"

_UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]+')
_LENGTH_LIMIT = 100
_BYTES_LIMIT = 200
_GITS_NAMES = re.compile(r"\.?git(?:~1)?", re.IGNORECASE)
_NOT_SCRIPTS = frozenset(
    {"-c", "-m", "ipython", "ipython3", "ipykernel_launcher", "colab_kernel_launcher"}
)


def infer_source(
    environ: Mapping[str, str] | None = None,
    main: Mapping[str, object] | None = None,
    argv: list[str] | None = None,
) -> str | None:
    """Return the path of the notebook or script that runs here, None where neither is known.

    Looks at what VS Code and Jupyter say of the notebook, then at the main module's file. What is
    not handed in is this process's.
    """
    environ = os.environ if environ is None else environ
    main = vars(sys.modules["__main__"]) if main is None else main
    argv = sys.argv if argv is None else argv
    notebook = main.get("__vsc_ipynb_file__") or environ.get("JPY_SESSION_NAME")
    if isinstance(notebook, str) and notebook:
        return notebook
    if "get_ipython" in main:
        return None
    script = main.get("__file__") or (argv[0] if argv else "")
    if not isinstance(script, str) or _stem(script) in {"", *_NOT_SCRIPTS}:
        return None
    return script


def infer_run_name(
    environ: Mapping[str, str] | None = None,
    main: Mapping[str, object] | None = None,
    argv: list[str] | None = None,
) -> str:
    """Return the stem of what :func:`infer_source` finds, ``run`` where that is nothing."""
    source = infer_source(environ, main, argv)
    if source is None:
        return UNKNOWN
    stem = _stem(source)
    if stem == "__main__":
        stem = os.path.basename(os.path.dirname(os.path.abspath(source)))
    return clean_run_name(stem)


def is_in_kernel() -> bool:
    """Return whether a person types here, cell by cell, and errors end nothing."""
    return "get_ipython" in vars(sys.modules["__main__"])


def clean_run_name(name: object) -> str:
    """Return ``name`` as a file's name can be: no separators, no control characters, not hidden."""
    cleaned = _UNFIT.sub("-", str(name)).strip(" .-")[:_LENGTH_LIMIT]
    cleaned = cleaned.encode("utf-8", "replace")[:_BYTES_LIMIT].decode("utf-8", "ignore")
    cleaned = cleaned.rstrip(" .")
    return UNKNOWN if not cleaned or _GITS_NAMES.fullmatch(cleaned) else cleaned


def _stem(path: str) -> str:
    name = re.split(r"[/\\]", path)[-1]
    return name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name
