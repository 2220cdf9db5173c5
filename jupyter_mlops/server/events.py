"""The Jupyter events that tell open panels what moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jupyter_events import EventLogger

CHANGED = "urn:jupyter-mlops:changed:1"
JOB = "urn:jupyter-mlops:job:1"

_TEXT_OR_NULL = {"type": ["string", "null"]}
_SCHEMAS: tuple[dict[str, Any], ...] = (
    {
        "$id": CHANGED,
        "version": "1",
        "title": "A project moved",
        "description": "Git, the store, a run or the settings of a project that is watched moved.",
        "personal-data": False,
        "type": "object",
        "properties": {
            "project": {"type": "string", "title": "The project's folder below the root"},
            "what": {
                "type": "array",
                "title": "What moved",
                "items": {"enum": ["git", "store", "run", "config", "project"]},
            },
        },
        "required": ["project", "what"],
        "additionalProperties": False,
    },
    {
        "$id": JOB,
        "version": "1",
        "title": "A command goes on or ended",
        "description": "How far a command is that runs in the background.",
        "personal-data": False,
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "command": {"type": "string"},
            "project": _TEXT_OR_NULL,
            "state": {"enum": ["running", "done", "failed", "cancelled"]},
            "label": _TEXT_OR_NULL,
            "done": {"type": "integer"},
            "total": {"type": ["integer", "null"]},
            "unit": _TEXT_OR_NULL,
        },
        "required": ["id", "command", "project", "state", "label", "done", "total", "unit"],
        "additionalProperties": False,
    },
)


class Events:
    """Tells whoever listens on the server's event stream; belongs on the event loop."""

    def __init__(self, logger: EventLogger) -> None:
        self._logger = logger
        for schema in _SCHEMAS:
            if schema["$id"] not in logger.schemas:
                logger.register_event_schema(schema)

    def tell_changed(self, project: str, what: Sequence[str]) -> None:
        """Tell that something of the project in the folder ``project`` moved."""
        self._logger.emit(schema_id=CHANGED, data={"project": project, "what": list(what)})

    def tell_job(self, fields: dict[str, Any]) -> None:
        """Tell how far a job is."""
        self._logger.emit(schema_id=JOB, data=fields)
