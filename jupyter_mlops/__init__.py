"""MLOps inside the notebook, on plain Git.

Importing this package loads next to nothing: a name is looked up when it is first used. The names
are those of the commands (``snapshot``, ``restore``, ``metrics_show`` …: see docs/commands.md),
of tracking (``log``, ``log_metric``, ``log_params``, ``run``), and of reading (``open``,
``read_table``).
"""

from __future__ import annotations

from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

from jupyter_mlops._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_NAMES = {
    "jupyter_mlops.tracking": (
        "Run",
        "flush",
        "log",
        "log_artifact",
        "log_figure",
        "log_image",
        "log_metric",
        "log_metrics",
        "log_model",
        "log_note",
        "log_param",
        "log_params",
        "log_table",
        "log_tags",
        "log_text",
        "next_step",
        "run",
        "use_data",
    ),
    "jupyter_mlops.reading.open": ("open", "read_table"),
    "jupyter_mlops.errors": (
        "ConflictError",
        "IntegrityError",
        "InternalError",
        "MlopsError",
        "NotFoundError",
        "UnavailableError",
        "UnsupportedError",
        "UsageError",
    ),
}


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for module, names in _NAMES.items():
        if name in names:
            found = getattr(import_module(module), name)
            globals()[name] = found  # so that it is not looked up again
            return found
    found = import_module("jupyter_mlops.commands.python").find_function(name)
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found


def __dir__() -> list[str]:
    names = import_module("jupyter_mlops.commands.python").function_names()
    return sorted({*names, *chain.from_iterable(_NAMES.values()), "__version__"})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics and their completion: ``%load_ext jupyter_mlops``."""
    import_module("jupyter_mlops.magics.extension").load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics and their completion away again."""
    import_module("jupyter_mlops.magics.extension").unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Return what Jupyter's server loads; called by it alone."""
    extension = import_module("jupyter_mlops.server.extension")
    return [{"module": "jupyter_mlops", "app": extension.MlopsExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Return where JupyterLab's side lies; called by ``jupyter labextension`` alone."""
    return [{"src": "labextension", "dest": "jupyter-mlops"}]


__all__ = ["__version__", "load_ipython_extension", "unload_ipython_extension"]
