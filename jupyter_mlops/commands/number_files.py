"""Which files hold metrics or parameters: as ``mlops.toml`` says, and DVC's files.

What DVC's files name may be another set of files at each commit; so it is asked of a tree.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from jupyter_mlops.config import Config, MetricsConfig
from jupyter_mlops.files.folder_tree import FolderTree
from jupyter_mlops.metrics.dvc import (
    DVC_FILE,
    LIVE_METRICS,
    LIVE_PARAMS,
    PARAMS,
    DvcFiles,
    literal_paths,
    read_dvc_files,
)
from jupyter_mlops.metrics.known_facts import Rules
from jupyter_mlops.metrics.patterns import compile_patterns
from jupyter_mlops.metrics.read import FILE_LIMIT_BYTES
from jupyter_mlops.trees import Tree


def metric_rules(config: MetricsConfig) -> Rules:
    """Return by which rules a file of a commit holds metrics."""
    return Rules((*config.files, LIVE_METRICS) if config.dvc else config.files, config.dvc)


def metric_files(config: Config, tree: Tree | None) -> tuple[str, ...]:
    """Return the patterns of the files that hold metrics in ``tree``."""
    files = metric_rules(config.metrics).patterns
    if not config.metrics.dvc or tree is None:
        return files
    return (*files, *_with_folders(read_dvc_files(tree).metrics))


def list_metric_paths(config: Config, tree: Tree) -> list[str]:
    """Return the paths of the files of ``tree`` that hold metrics."""
    matches = compile_patterns(metric_files(config, tree))
    return [path for path in tree.iter_paths() if matches(path)]


def param_files(config: Config, tree: Tree | None) -> tuple[str, ...]:
    """Return the patterns of the files that hold parameters in ``tree``."""
    files = config.params.files
    if not config.params.dvc or tree is None:
        return files
    named = _with_folders(read_dvc_files(tree).params)
    return tuple(dict.fromkeys((*files, LIVE_PARAMS, PARAMS, *named)))


def dvc_paths(root: Path, config: Config) -> list[str]:
    """Return the paths in the working tree at ``root`` that DVC reads numbers from, and its own."""
    if not (config.metrics.dvc or config.params.dvc):
        return []
    names = [one.removeprefix("**/") for one in (LIVE_METRICS, LIVE_PARAMS)]
    live = [prefix + name for prefix in _iter_prefixes(root) for name in names]
    own = find_dvc_files(root)
    found = DvcFiles() if not own else read_dvc_files(FolderTree(root, FILE_LIMIT_BYTES + 1), own)
    return [*own, *live, PARAMS, *literal_paths((*found.metrics, *found.params))]


def find_dvc_files(root: Path) -> list[str]:
    """Return the paths of DVC's own files in the working tree at ``root``.

    They are looked for in the root, in the folders in it, and in ``dvclive`` folders there.
    """
    names = (DVC_FILE, f"dvclive/{DVC_FILE}")
    paths = [prefix + name for prefix in _iter_prefixes(root) for name in names]
    return [path for path in paths if (root / path).is_file()]


def _iter_prefixes(root: Path) -> Iterator[str]:
    yield ""
    yield from (f"{folder}/" for folder in _iter_folders(root))


def _iter_folders(root: Path) -> Iterator[str]:
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                yield entry.name


def _with_folders(patterns: Iterable[str]) -> Iterator[str]:
    """Yield patterns, and those of all that lies below what they name."""
    for one in patterns:
        yield one
        yield f"{one}/"
