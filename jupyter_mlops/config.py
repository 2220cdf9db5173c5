"""What a project's ``mlops.toml`` says, as frozen values.

The file's format is in ``formats.project``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CONFIG_NAME = "mlops.toml"

REPLAY_VARIABLE = "JUPYTER_MLOPS_REPLAY"
"""Set for the kernels of ``notebook verify``: nothing of a replay is seen outside of it."""

Better = Literal["higher", "lower"]

Template = Literal[
    "line",
    "scatter",
    "bar",
    "histogram",
    "confusion",
    "roc",
    "pr",
    "residuals",
    "image",
]
"""How the columns of a file are drawn."""


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """One remote: where it is; never a credential."""

    url: str


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """Which files hold metrics, and which way each metric is better.

    ``dvc``: those that DVC's files name hold metrics as well.
    """

    files: tuple[str, ...] = ("metrics/**/*.json",)
    better: Mapping[str, Better] = field(default_factory=dict)
    dvc: bool = True


@dataclass(frozen=True, slots=True)
class ParamsConfig:
    """Which files hold parameters.

    ``dvc``: those that DVC's files name hold parameters as well.
    """

    files: tuple[str, ...] = ("params/**/*.json",)
    dvc: bool = True


@dataclass(frozen=True, slots=True)
class PlotConfig:
    """One plot: a data file, files by a pattern, or a run, and what is drawn of it.

    Either ``file`` or ``run`` is there. ``y`` is empty where every column of numbers is drawn.
    """

    file: str | None = None
    run: str | None = None
    metric: str | None = None
    key: str | None = None
    x: str | None = None
    y: tuple[str, ...] = ()
    template: Template | None = None
    title: str | None = None
    x_label: str | None = None
    y_label: str | None = None
    positive: str | None = None


@dataclass(frozen=True, slots=True)
class GateConfig:
    """One gate: a metric and the bound that it must keep."""

    metric: str
    better: Better | None = None
    min: float | None = None
    max: float | None = None
    against: str | None = None
    tolerance: float | str | None = None
    ratchet: bool = False


@dataclass(frozen=True, slots=True)
class ProductionConfig:
    """Where production's metrics are: a revision, a URL, or a file of the project; one of them."""

    ref: str | None = None
    url: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class ChecksConfig:
    """Which rules of checks count, and how runs are judged.

    ``select`` and ``ignore`` are names of rules, patterns among them; no ``select`` means all.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    output_tolerance: float = 0.001
    timeout_seconds: int | None = None
    kernel: str | None = None


@dataclass(frozen=True, slots=True)
class ReportConfig:
    """What a project's reports have of its own: Markdown files, paths from the root."""

    sections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotebooksConfig:
    """What happens to notebooks' outputs."""

    keep_outputs: bool = True
    output_limit_bytes: int = 10 * 1024**2


@dataclass(frozen=True, slots=True)
class SnapshotConfig:
    """Limits on what a snapshot takes along of files that are no tracked data."""

    file_limit_bytes: int = 10 * 1024**2
    untracked_limit_bytes: int = 100 * 1024**2
    run_file_limit_bytes: int = 1024**3


@dataclass(frozen=True, slots=True)
class HooksConfig:
    """Limits for what the Git hooks do without being asked."""

    restore_limit_bytes: int = 1024**3
    big_file_bytes: int = 5 * 1024**2


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of ``mlops.toml``; a missing table has its defaults."""

    default_remote: str | None = None
    remotes: Mapping[str, RemoteConfig] = field(default_factory=dict)
    metrics: MetricsConfig = MetricsConfig()
    params: ParamsConfig = ParamsConfig()
    plots: tuple[PlotConfig, ...] = ()
    gates: tuple[GateConfig, ...] = ()
    production: ProductionConfig = ProductionConfig()
    checks: ChecksConfig = ChecksConfig()
    report: ReportConfig = ReportConfig()
    notebooks: NotebooksConfig = NotebooksConfig()
    snapshot: SnapshotConfig = SnapshotConfig()
    hooks: HooksConfig = HooksConfig()
