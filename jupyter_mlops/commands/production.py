"""The metrics of what is in production, as ``[production]`` in ``mlops.toml`` says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from jupyter_mlops.commands.number_files import metric_files
from jupyter_mlops.commands.number_trees import open_revision
from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.errors import MlopsError, UsageError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.git.revisions import shorten
from jupyter_mlops.metrics.chart import Level
from jupyter_mlops.metrics.read import Number, Problem, decode_metrics, read_metrics
from jupyter_mlops.storage.web_file import read_web_file, web_place
from jupyter_mlops.text import visible

LIMIT_BYTES = 1 << 20
LIMIT_SECONDS = 15.0
CHART_SECONDS = 3.0
"""How long a chart waits for a web address: it is drawn without."""

_SUFFIXES = (".json", ".yaml", ".yml", ".toml")


class Production(NamedTuple):
    """Production's metrics, and where they are from.

    ``values`` are by full name where they are from a revision; a URL or a file may call a metric
    by its key path as well. ``commit`` is the full id of the revision's commit.
    """

    label: str
    values: dict[str, Number]
    commit: str | None = None

    def find(self, metric: str) -> Number | None:
        """Return the value of a metric by its full name."""
        return self.values.get(metric, self.values.get(metric.rpartition(":")[2]))


def is_configured(ws: Workspace) -> bool:
    """Return whether ``mlops.toml`` says where production's metrics are."""
    place = ws.config.production
    return any(one is not None for one in (place.ref, place.url, place.file))


def find_level(ws: Workspace, names: Iterable[str]) -> tuple[Level | None, tuple[Problem, ...]]:
    """Return production's values of metrics for a chart, and why there are none.

    Neither where nothing says what is in production.
    """
    if not is_configured(ws):
        return None, ()
    try:
        found = read_production(ws, limit_seconds=CHART_SECONDS)
    except MlopsError as error:
        return None, (Problem("production", error.message.rstrip(".")),)
    values = {name: value for name in names if (value := found.find(name)) is not None}
    return Level(visible(found.label), values), ()


def read_production(
    ws: Workspace, *, yes: bool = False, limit_seconds: float = LIMIT_SECONDS
) -> Production:
    """Return the metrics of production.

    A web address is asked only where this user has let a project use its host before, or ``yes``
    says so now: a cloned project may have written any. No credential is sent, and nothing outside
    of the project is read.

    Raises:
        MlopsError: they cannot be had; code ``production-unreadable``, or that of the cause.
    """
    place = ws.config.production
    if place.ref is not None:
        source = open_revision(ws, place.ref)
        assert source.commit is not None and source.tree is not None
        read = read_metrics(source.tree, metric_files(ws.config, source.tree))
        label = f"{place.ref}, {shorten(ws.git, source.commit)}"
        return Production(label, dict(read.values), source.commit)
    if place.file is not None:
        content = WorkTree(ws.root).read(place.file, limit_bytes=LIMIT_BYTES)
        return Production(place.file, _decode(place.file, content))
    assert place.url is not None
    where = web_place(place.url)
    if yes:
        known_places().add_place(where)
    else:
        hint = "jupyter mlops gates --yes"
        known_places().require_place(where, "What is in production", hint)
    content = read_web_file(
        place.url, ws.clock, limit_bytes=LIMIT_BYTES, limit_seconds=limit_seconds
    )
    return Production(where, _decode(place.url, content))


def _decode(name: str, content: bytes) -> dict[str, Number]:
    path = name.partition("?")[0]
    suffix = path[path.rfind(".") :].lower()
    try:
        return decode_metrics(f"production{suffix if suffix in _SUFFIXES else '.json'}", content)
    except ValueError as error:
        raise _unreadable(str(error)) from error


def _unreadable(why: str) -> UsageError:
    from_config = f"what [production] in {CONFIG_NAME} names"
    return UsageError(
        f"The metrics of production cannot be read from {from_config}: {why}.",
        code="production-unreadable",
        hints=("jupyter mlops gates",),
    )
