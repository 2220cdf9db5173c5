"""One handler for every command of the table."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mlops.commands.schema import decode_arguments, decode_query
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.errors import UnavailableError, UsageError
from jupyter_mlops.server.calls import Call, Outcome, answer_call, plan_call
from jupyter_mlops.server.handler import MethodError, MlopsHandler, explained
from jupyter_mlops.server.services import Services

PATIENCE_SECONDS = 0.5
"""How long a request waits that asked to be answered without the result."""


class CommandHandler(MlopsHandler):
    """A command: GET where it changes nothing, else POST."""

    def initialize(self, services: Services, command: Command | None = None) -> None:
        """Take the handles that all requests share, and the command of this route."""
        super().initialize(services)
        assert command is not None
        self._command = command
        self._reading: asyncio.Task[Outcome] | None = None

    @web.authenticated
    @authorized
    @explained
    async def get(self) -> None:
        """Answer with the result of a command that changes nothing."""
        self._check_method("GET", reads=True)
        query, at = self.read_query(), self.read_at()
        plan = self._plan(at, functools.partial(decode_query, self._command, query))
        key = (self._command, at, tuple((name, tuple(query[name])) for name in sorted(query)))
        reading = functools.partial(answer_call, plan, self.services.root)
        self._reading = asyncio.ensure_future(self.services.reads.read(key, reading))
        await asyncio.wait({self._reading})
        if not self._reading.cancelled():
            await self._answer(self._reading.result())

    @web.authenticated
    @authorized
    @explained
    async def post(self) -> None:
        """Carry out a command, or begin to where the request prefers not to wait."""
        self._check_method("POST", reads=False)
        if self.read_query():
            raise UsageError("Parameters of a POST stand in its body.", code="unknown-option")
        decode = functools.partial(decode_arguments, self._command, self.read_body())
        plan = self._plan(self.read_at(), decode)
        call = await self.services.lookers.run(plan)
        jobs = self.services.jobs
        job = jobs.start(call)
        prefers_no_wait = _prefers_no_wait(self.request.headers.get_list("Prefer"))
        if prefers_no_wait:
            self.set_header("Preference-Applied", "respond-async")
            await self.services.learn_language()
        if await jobs.wait(job, PATIENCE_SECONDS if prefers_no_wait else None):
            await self._answer(job.outcome or Outcome())
            return
        jobs.announce(job)
        self.set_header("Location", f"{self.services.address}/jobs/{job.id}")
        self.answer(msgspec.json.encode(job.describe_whole()), 202)

    def on_connection_close(self) -> None:
        """Stop reading for a client that went away; what was begun to write goes on."""
        super().on_connection_close()
        if self._reading is not None:
            self._reading.cancel()

    def _plan(self, at: str, decode: Callable[[], Mapping[str, Any]]) -> Callable[[], Call]:
        return functools.partial(plan_call, self.services.root, self._command, at, decode)

    def _check_method(self, method: str, *, reads: bool) -> None:
        if self._command.reads != reads:
            self.set_header("Allow", "GET" if self._command.reads else "POST")
            raise MethodError(
                f"The command {self._command.name!r} is not asked by {method}.",
                code="wrong-method",
            )

    async def _answer(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            await self.refuse(outcome.error)
        elif outcome.result is not None:
            self.answer(outcome.result)
        else:
            await self.refuse(UnavailableError("The server is stopping.", code="server-stopping"))


def _prefers_no_wait(headers: list[str]) -> bool:
    """Return whether one of the ``Prefer`` headers says ``respond-async`` (RFC 7240)."""
    preferences = [one for header in headers for one in header.split(",")]
    return any(one.split(";")[0].strip().lower() == "respond-async" for one in preferences)
