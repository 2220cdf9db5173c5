"""How a run of nbconvert ends: with status 1 when something was found, after all is written."""

from __future__ import annotations

import sys
from typing import Any

from nbconvert.postprocessors.base import PostProcessorBase
from traitlets.config import Application

from jupyter_mlops.reports.report import count_findings
from jupyter_mlops.units import plural

App = Any
"""An ``NbConvertApp``, whose module cannot be imported: it imports every exporter itself."""


class Gate(PostProcessorBase):
    """Stands in for the application's postprocessor and ends the run after the last notebook.

    nbconvert has no hook at the end of a run. It calls its postprocessor after each file is
    written, also for ``--stdout`` and ``--stdin``, and nothing is left to do after the last one.
    The postprocessor that was there is called first.
    """

    def __init__(self, app: App, name: str) -> None:
        super().__init__(parent=app)
        self._name = name
        self._app = app
        self._inner = app.postprocessor
        self._notebooks = 1 if app.from_stdin else len(app.notebooks)
        self._written = 0
        self._findings = 0

    def add(self, count: int) -> None:
        """Count findings."""
        self._findings += count

    def postprocess(self, input_: Any) -> None:
        """Pass ``input_`` on; after the last notebook, say what was found and exit."""
        if self._inner is not None:
            self._inner(input_)
        self._written += 1
        if self._written < self._notebooks:
            return
        checked = plural(self._notebooks, "notebook")
        print(f"{self._name}: {checked}, {count_findings(self._findings)}.", file=sys.stderr)
        sys.stderr.flush()
        if self._findings:
            self._app.exit(1)


def find_app(exporter: object) -> App | None:
    """Return the application that runs ``exporter``, None where it is used as a library."""
    if not Application.initialized():
        return None
    app = Application.instance()
    return app if getattr(app, "exporter", None) is exporter else None


def open_gate(app: App, name: str) -> Gate:
    """Return the gate of ``app``, put in place when there is none yet; ``name`` is what it ends."""
    if not isinstance(app.postprocessor, Gate):
        app.postprocessor = Gate(app, name)
    gate: Gate = app.postprocessor
    return gate
