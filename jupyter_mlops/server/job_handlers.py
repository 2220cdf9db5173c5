"""Routes to the commands that run in the background."""

from __future__ import annotations

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mlops.server.handler import MlopsHandler, explained


class JobsHandler(MlopsHandler):
    """All jobs."""

    @web.authenticated
    @authorized
    @explained
    async def get(self) -> None:
        """Answer with the jobs that run and those that ended of late, without results."""
        await self.services.learn_language()
        jobs = [job.describe() for job in self.services.jobs.list()]
        self.answer(msgspec.json.encode({"jobs": jobs}))


class JobHandler(MlopsHandler):
    """One job."""

    @web.authenticated
    @authorized
    @explained
    async def get(self, id: str) -> None:
        """Answer with the job as it is now."""
        job = self.services.jobs.find(id)
        await self.services.learn_language()
        self.answer(msgspec.json.encode(job.describe_whole()))

    @web.authenticated
    @authorized
    @explained
    async def delete(self, id: str) -> None:
        """Ask the job to stop."""
        job = self.services.jobs.find(id)
        job.progress.cancel()
        await self.services.learn_language()
        self.answer(msgspec.json.encode(job.describe_whole()), 202)
