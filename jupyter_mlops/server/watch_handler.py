"""The route by which clients say that they look at a project."""

from __future__ import annotations

import re

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mlops.errors import UsageError
from jupyter_mlops.server.handler import MlopsHandler, explained
from jupyter_mlops.server.jobs import describe_error
from jupyter_mlops.server.settings import translate

_CLIENT = re.compile(r"[A-Za-z0-9-]{1,64}")


class WatchHandler(MlopsHandler):
    """A client's lease."""

    _track_activity = False

    @web.authenticated
    @authorized
    @explained
    async def post(self) -> None:
        """Look at a project for a client, or go on."""
        client = _check_client(self.read_body().get("client"))
        watched = await self.services.watcher.lease(client, self.read_at())
        await self.services.learn_language()
        problem = watched.problem
        told = {
            "project": watched.project,
            "name": watched.name,
            "problem": None if problem is None else describe_error(problem, translate),
            "lease_seconds": watched.lease_seconds,
        }
        self.answer(msgspec.json.encode(told))

    @web.authenticated
    @authorized
    @explained
    async def delete(self) -> None:
        """Look no more."""
        clients = self.read_query().get("client", [])
        self.services.watcher.end(_check_client(clients[0] if len(clients) == 1 else None))
        self.set_status(204)
        self.finish()


def _check_client(client: object) -> str:
    if not isinstance(client, str) or not _CLIENT.fullmatch(client):
        raise UsageError("'client' must be 1 to 64 letters, digits and hyphens.", code="bad-value")
    return client
