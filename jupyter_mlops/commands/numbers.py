"""The metrics and parameters of the working tree, as a snapshot records them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jupyter_mlops.commands.number_files import metric_files, param_files
from jupyter_mlops.commands.number_trees import logged_tree
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.formats.snapshot import Scalar
from jupyter_mlops.metrics.patterns import compile_patterns
from jupyter_mlops.metrics.read import read_metrics, read_params


@dataclass(frozen=True, slots=True)
class Numbers:
    """Metrics and parameters by full name (``file:key.path``)."""

    metrics: Mapping[str, float]
    params: Mapping[str, Scalar]


def read_numbers(ws: Workspace) -> Numbers:
    """Return the metrics and parameters of the working tree, what was just logged among them."""
    metrics, params = ws.config.metrics.files, ws.config.params.files
    tree = logged_tree(ws, (*metrics, *params))
    return Numbers(
        read_metrics(tree, metric_files(ws.config, tree)).values,
        read_params(tree, param_files(ws.config, tree)).values,
    )


def list_number_files(ws: Workspace) -> list[str]:
    """Return the metrics and params files of the working tree, sorted."""
    patterns = (*ws.config.metrics.files, *ws.config.params.files)
    matches = compile_patterns(patterns)
    return [path for path in logged_tree(ws, patterns).iter_paths() if matches(path)]
