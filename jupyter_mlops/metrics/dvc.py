"""Which files hold a DVC project's metrics, parameters and plots: what ``dvc.yaml`` says; pure.

A name with an expression in it (``${item}``) stands for any text within that part of the path. What
leads out of the project, or could not be a file's name, is passed over.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from jupyter_mlops.metrics.patterns import compile_patterns
from jupyter_mlops.metrics.read import decode_file
from jupyter_mlops.trees import Tree

DVC_FILE = "dvc.yaml"
DVC_FILES = f"**/{DVC_FILE}"
"""The pattern of the files that name others."""

LIVE_METRICS = "**/dvclive/metrics.json"
"""Where DVCLive writes metrics, whatever ``dvc.yaml`` says."""

LIVE_PARAMS = "**/dvclive/params.yaml"
PARAMS = "params.yaml"
"""Where DVC looks for parameters, whatever ``dvc.yaml`` says."""

_PLOT_WORDS = ("title", "template", "x_label", "y_label")
_NAMES_LIMIT = 1000
_LENGTH_LIMIT = 1024
_EXPRESSION = re.compile(r"\$\{[^}]*\}")
_SPECIAL = re.compile(r"([*?\[\\])")
_ESCAPED = re.compile(r"\\([*?\[\\])")
_UNFIT = re.compile(r"[\x00-\x1f\x7f]")


class DvcPlot(msgspec.Struct, frozen=True, array_like=True):
    """A file, or a folder of files, that is to be drawn; ``pattern`` matches it."""

    pattern: str
    x: str | None = None
    y: tuple[str, ...] = ()
    title: str | None = None
    template: str | None = None
    x_label: str | None = None
    y_label: str | None = None


class DvcFiles(msgspec.Struct, frozen=True, array_like=True):
    """The patterns of files that one or more ``dvc.yaml`` name, each once."""

    metrics: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    plots: tuple[DvcPlot, ...] = ()


def read_dvc_yaml(content: bytes, folder: str = "") -> DvcFiles:
    """Return what a ``dvc.yaml`` in ``folder`` names; the patterns are the project's.

    Raises:
        ValueError: it is not YAML, or no table; the message is the reason.
    """
    top = decode_file(DVC_FILE, content)
    if top is None:
        return DvcFiles()
    if not isinstance(top, Mapping):
        raise ValueError("it is no table")
    metrics = list(_iter_names(top.get("metrics"), folder))
    params = list(_iter_names(top.get("params"), folder))
    plots = list(_iter_plots(top.get("plots"), folder))
    for stage in _iter_stages(top.get("stages")):
        wdir = stage.get("wdir")
        here = posixpath.join(folder, wdir) if isinstance(wdir, str) else folder
        metrics += _iter_names(stage.get("metrics"), here)
        params += _iter_params(stage.get("params"), here)
        plots += _iter_plots(stage.get("plots"), here)
    return DvcFiles(
        _once(metrics), _once(params), tuple({one.pattern: one for one in plots}.values())
    )


def join_dvc_files(found: Iterable[DvcFiles]) -> DvcFiles:
    """Return what all of ``found`` name."""
    metrics: list[str] = []
    params: list[str] = []
    plots: dict[str, DvcPlot] = {}
    for one in found:
        metrics += one.metrics
        params += one.params
        plots.update((plot.pattern, plot) for plot in one.plots)
    return DvcFiles(_once(metrics), _once(params), tuple(plots.values()))


def literal_paths(patterns: Iterable[str]) -> list[str]:
    """Return the paths that patterns of DVC's spell, those left out that stand for several."""
    return [
        _ESCAPED.sub(r"\1", one) for one in patterns if not _SPECIAL.search(_ESCAPED.sub("", one))
    ]


def match_named(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return whether a path is, or lies below, what one of ``patterns`` of DVC's names."""
    named = dict.fromkeys(patterns)
    return compile_patterns((*named, *(f"{one}/" for one in named)))


def read_dvc_files(tree: Tree, paths: Iterable[str] | None = None) -> DvcFiles:
    """Return what DVC's files in ``tree`` name; one that cannot be read names nothing.

    Args:
        tree: what is looked at.
        paths: where its ``dvc.yaml`` are, if that is known.
    """
    if paths is None:
        paths = (path for path in tree.iter_paths() if path.rpartition("/")[2] == DVC_FILE)
    found = []
    for path, content in tree.read_many(paths):
        try:
            found.append(read_dvc_yaml(content, path.rpartition("/")[0]))
        except ValueError:
            continue
    return join_dvc_files(found)


def _iter_stages(stages: object) -> Iterator[Mapping[object, object]]:
    for stage in stages.values() if isinstance(stages, Mapping) else ():
        if isinstance(stage, Mapping):
            each = stage.get("do")
            yield each if isinstance(each, Mapping) else stage


def _iter_names(names: object, folder: str) -> Iterator[str]:
    """Yield a pattern for each file in a list of names, or of tables whose keys are names."""
    for one in names if isinstance(names, list) else ():
        for name in one if isinstance(one, Mapping) else (one,):
            pattern = _pattern(name, folder)
            if pattern is not None:
                yield pattern


def _iter_params(params: object, folder: str) -> Iterator[str]:
    """Yield a pattern for each file: a name alone is a parameter in ``params.yaml``."""
    for one in params if isinstance(params, list) else ():
        if isinstance(one, Mapping | str):
            yield from _iter_names([PARAMS if isinstance(one, str) else one], folder)


def _iter_plots(plots: object, folder: str) -> Iterator[DvcPlot]:
    for one in plots if isinstance(plots, list) else ():
        for name, said in one.items() if isinstance(one, Mapping) else ((one, None),):
            table = said[0] if isinstance(said, list) and said else said
            table = table if isinstance(table, Mapping) else {}
            y = table.get("y")
            words = [_text(table.get(one)) for one in _PLOT_WORDS]
            for file, columns in y.items() if isinstance(y, Mapping) else ((name, y),):
                x = table.get("x")
                x = x.get(file) if isinstance(x, Mapping) else x
                pattern = _pattern(file, folder)
                if pattern is not None:
                    named = columns if isinstance(columns, list) else [columns]
                    ys = tuple(column for column in named if isinstance(column, str))
                    yield DvcPlot(pattern, _text(x), ys, *words)


def _pattern(name: object, folder: str) -> str | None:
    """Return the pattern that matches the file or folder ``name``; None where it is unfit."""
    if not isinstance(name, str) or len(name) > _LENGTH_LIMIT or _UNFIT.search(name):
        return None
    whole = posixpath.normpath(posixpath.join(folder, _EXPRESSION.sub("\0", name)))
    parts = whole.split("/")
    if whole.startswith("/") or whole == "." or ".." in parts or ".git" in parts:
        return None
    literal = _SPECIAL.sub(r"\\\1", whole).replace("\0", "*")
    return literal if _is_text(literal) else None


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:_NAMES_LIMIT]
