"""The calls of user code: each logs to the run that is current in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from jupyter_mlops.formats.run import Number
from jupyter_mlops.tracking.recorder import recorder
from jupyter_mlops.tracking.run import Run

_Path = TypeVar("_Path")


def run(
    name: str | None = None,
    *,
    resume: bool = False,
    system_seconds: float | None = None,
    card: bool = True,
) -> Run:
    """Begin a run: what is logged from now on belongs to it.

    Usable as a context manager: at its end everything is written, the run is done, or failed where
    an exception came out of it, and the run before it logs again.

    Args:
        name: names its files, ``metrics/<name>.json`` and ``params/<name>.json``; without it the
            notebook's or script's stem does.
        resume: go on with the execution that this name had last, its steps included; else its files
            are replaced.
        system_seconds: how often the machine is looked at, 0 for never; 15 by default.
        card: in a notebook, show the run below the cell while it goes on.
    """
    return recorder().begin(name, resume=resume, system_seconds=system_seconds, card=card)


def log(
    values: Mapping[str, object] | None = None,
    /,
    *,
    step: Number | None = None,
    **named: object,
) -> None:
    """Log metrics by name, all at one step: ``log(loss=0.2, acc=0.91, step=3)``.

    Takes a mapping as well; nested ones are joined with dots. Never raises for a value that cannot
    be kept: a warning says so once. Each call is in the run's series when it returns.
    """
    recorder().current().log(values, step=step, **named)


def log_metric(name: str, value: object, step: Number | None = None) -> None:
    """Log one metric: ``log_metric("loss", 0.2, step=3)``."""
    recorder().current().log({name: value}, step=step)


def log_metrics(values: Mapping[str, object], step: Number | None = None) -> None:
    """Log metrics by name, all at one step."""
    recorder().current().log(values, step=step)


def log_param(name: str, value: object) -> None:
    """Log one parameter: ``log_param("depth", 6)``."""
    recorder().current().log_params({name: value})


def log_params(values: Mapping[str, object] | None = None, /, **named: object) -> None:
    """Log parameters by name: ``log_params({"depth": 6, "rate": 0.1})``."""
    recorder().current().log_params(values, **named)


def next_step() -> None:
    """Begin the next step: what is logged without a step from now on belongs to it."""
    recorder().current().next_step()


def log_image(name: str, image: object, step: Number | None = None) -> None:
    """Keep an image with the run: see :meth:`Run.log_image`."""
    recorder().current().log_image(name, image, step)


def log_figure(name: str, figure: object, step: Number | None = None) -> None:
    """Keep a figure of matplotlib, Bokeh or plotly with the run: see :meth:`Run.log_figure`."""
    recorder().current().log_figure(name, figure, step)


def log_table(name: str, table: object, step: Number | None = None) -> None:
    """Keep a table with the run: see :meth:`Run.log_table`."""
    recorder().current().log_table(name, table, step)


def log_text(name: str, text: str, step: Number | None = None) -> None:
    """Keep a text with the run: see :meth:`Run.log_text`."""
    recorder().current().log_text(name, text, step)


def log_model(name: str, model: object, *, pickle: bool = False) -> None:
    """Keep a model with the run, in a safe format: see :meth:`Run.log_model`."""
    recorder().current().log_model(name, model, pickle=pickle)


def log_artifact(path: object, name: str | None = None) -> None:
    """Keep a copy of a file or folder with the run: see :meth:`Run.log_artifact`."""
    recorder().current().log_artifact(path, name)


def use_data(path: _Path) -> _Path:
    """Note that the run reads the tracked data at ``path``, and return ``path``."""
    recorder().current().use_data(path)
    return path


def log_note(text: str) -> None:
    """Add a note to the run in your own words."""
    recorder().current().log_note(text)


def log_tags(*tags: str) -> None:
    """Add words by which the run is found again."""
    recorder().current().log_tags(*tags)


def flush() -> None:
    """Write the last values of what has been logged so far, now."""
    recorder().flush()
