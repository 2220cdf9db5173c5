"""What a run is called when nobody says: the stem of the notebook or script."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

UNKNOWN = "run"

_UNFIT = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
_LENGTH_LIMIT = 100
_NOT_SCRIPTS = frozenset(
    {"-c", "-m", "ipython", "ipython3", "ipykernel_launcher", "colab_kernel_launcher"}
)


def infer_run_name(
    environ: Mapping[str, str] | None = None,
    main: Mapping[str, object] | None = None,
    argv: list[str] | None = None,
) -> str:
    """Return the stem of the notebook or script that runs here, ``run`` where neither is known.

    Looks at what VS Code and Jupyter say of the notebook, then at the main module's file. What is
    not handed in is this process's.
    """
    environ = os.environ if environ is None else environ
    main = vars(sys.modules["__main__"]) if main is None else main
    argv = sys.argv if argv is None else argv
    notebook = main.get("__vsc_ipynb_file__") or environ.get("JPY_SESSION_NAME")
    if isinstance(notebook, str) and notebook:
        return clean_run_name(_stem(notebook))
    if "get_ipython" in main:
        return UNKNOWN
    script = main.get("__file__") or (argv[0] if argv else "")
    stem = _stem(script) if isinstance(script, str) else ""
    if stem == "__main__" and isinstance(script, str):
        stem = os.path.basename(os.path.dirname(os.path.abspath(script)))
    return UNKNOWN if stem in _NOT_SCRIPTS else clean_run_name(stem)


def clean_run_name(name: str) -> str:
    """Return ``name`` as a file's name can be: no separators, no control characters, not hidden."""
    cleaned = _UNFIT.sub("-", str(name)).strip(" .-")[:_LENGTH_LIMIT].rstrip(" .")
    return cleaned.encode("utf-8", "replace").decode() or UNKNOWN


def _stem(path: str) -> str:
    name = re.split(r"[/\\]", path)[-1]
    return name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name
