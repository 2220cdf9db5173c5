"""What user code imports to log; it never raises into training."""

from jupyter_mlops.tracking.calls import (
    flush,
    log,
    log_artifact,
    log_figure,
    log_image,
    log_metric,
    log_metrics,
    log_model,
    log_note,
    log_param,
    log_params,
    log_table,
    log_tags,
    log_text,
    next_step,
    run,
    use_data,
)
from jupyter_mlops.tracking.run import Run

__all__ = [
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
]
