"""What user code imports to log metrics and parameters; it never raises into training."""

from jupyter_mlops.tracking.recorder import (
    flush,
    log,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    next_step,
    run,
)
from jupyter_mlops.tracking.run import Run

__all__ = [
    "Run",
    "flush",
    "log",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "next_step",
    "run",
]
