"""Every address there is, and what answers there."""

from __future__ import annotations

import re
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.server.bokehjs import FILE_NAME, BokehScriptHandler, BokehVersionHandler
from jupyter_mlops.server.command_handler import CommandHandler
from jupyter_mlops.server.handler import MlopsHandler, explained
from jupyter_mlops.server.job_handlers import JobHandler, JobsHandler
from jupyter_mlops.server.kernels import ClientHandler, SaveHandler
from jupyter_mlops.server.services import Services
from jupyter_mlops.server.watch_handler import WatchHandler

PREFIX = "/mlops/api/v1"

Route = tuple[str, type[MlopsHandler], dict[str, Any]]


class UnknownHandler(MlopsHandler):
    """Every address that is none."""

    @web.authenticated
    @authorized
    @explained
    async def get(self) -> None:
        """Say that there is nothing."""
        raise NotFoundError("There is nothing at this address.", code="unknown-route")

    post = put = delete = get


def make_routes(services: Services) -> list[Route]:
    """Return the routes of one server, relative to its base URL."""
    shared = {"services": services}
    commands: list[Route] = [
        (
            f"{PREFIX}/{re.escape('/'.join(command.words))}",
            CommandHandler,
            {**shared, "command": command},
        )
        for command in services.commands
        if command.rest
    ]
    return [
        *commands,
        (f"{PREFIX}/jobs", JobsHandler, shared),
        (f"{PREFIX}/jobs/([0-9a-f]+)", JobHandler, shared),
        (f"{PREFIX}/watch", WatchHandler, shared),
        (f"{PREFIX}/kernels/([^/]+)/clients/([^/]+)", ClientHandler, shared),
        (f"{PREFIX}/kernels/([^/]+)/saves/([^/]+)", SaveHandler, shared),
        (f"{PREFIX}/bokehjs", BokehVersionHandler, shared),
        (f"{PREFIX}/bokehjs/([^/]+)/{re.escape(FILE_NAME)}", BokehScriptHandler, shared),
        (f"{PREFIX}(?:/.*)?", UnknownHandler, shared),
    ]
