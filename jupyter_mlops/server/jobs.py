"""Commands that change something, as jobs that can be waited for, looked at and cancelled."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from jupyter_mlops.clock import Clock
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.server.calls import Call, Outcome, run_call
from jupyter_mlops.server.cancelling import CancellableProgress
from jupyter_mlops.server.workers import Workers

State = Literal["running", "done", "failed", "cancelled"]

TICK_SECONDS = 0.25
"""How often a job that moved is told of."""
KEPT_SECONDS = 600
"""For how long a job that ended is known."""
KEPT_COUNT = 100
"""How many jobs that ended are known at most."""


class Job:
    """One call that runs in the background, or has run."""

    def __init__(self, call: Call, translate: Callable[[str], str]) -> None:
        self.id = secrets.token_hex(8)
        self.progress = CancellableProgress()
        self.outcome: Outcome | None = None
        self.announced = False
        self.ended_at_seconds: float | None = None
        self._call = call
        self._translate = translate

    @property
    def state(self) -> State:
        """Whether it runs, and how it ended."""
        if self.outcome is None:
            return "running"
        if self.outcome.error is not None:
            return "failed"
        return "cancelled" if self.outcome.result is None else "done"

    def describe(self) -> dict[str, Any]:
        """Return its fields without result and error, as events and lists have them."""
        shown = self.progress.look()
        return {
            "id": self.id,
            "command": self._call.command.name,
            "project": self._call.project,
            "state": self.state,
            "label": None if shown is None else self._translate(shown.label),
            "done": 0 if shown is None else shown.done,
            "total": None if shown is None else shown.total,
            "unit": None if shown is None else shown.unit,
        }

    def describe_whole(self) -> dict[str, Any]:
        """Return all its fields."""
        outcome = self.outcome or Outcome()
        error = outcome.error
        return {
            **self.describe(),
            "result": None if outcome.result is None else msgspec.Raw(outcome.result),
            "error": None if error is None else describe_error(error, self._translate),
        }


def describe_error(error: MlopsError, translate: Callable[[str], str]) -> dict[str, Any]:
    """Return an error as JSON has it, its sentence in the user's language where that has it."""
    return {
        "code": error.code,
        "message": translate(error.message),
        "hints": [translate(hint) for hint in error.hints],
    }


class Jobs:
    """The jobs of one server; all methods belong on the event loop.

    A job is listed and told of once it was announced: whoever got its result right away needs
    neither.
    """

    def __init__(
        self,
        workers: Workers,
        clock: Clock,
        tell: Callable[[dict[str, Any]], None],
        translate: Callable[[str], str],
    ) -> None:
        self._workers = workers
        self._clock = clock
        self._tell = tell
        self._translate = translate
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, call: Call) -> Job:
        """Begin a job."""
        job = Job(call, self._translate)
        self._jobs[job.id] = job
        self._tasks[job.id] = asyncio.create_task(self._run(job, call))
        return job

    async def wait(self, job: Job, seconds: float | None = None) -> bool:
        """Wait until ``job`` has ended, ``seconds`` at most; return whether it has."""
        task = self._tasks.get(job.id)
        if task is not None:
            await asyncio.wait({task}, timeout=seconds)
        return job.outcome is not None

    def announce(self, job: Job) -> None:
        """Let others know of ``job`` from now on."""
        job.announced = True
        self._tell(job.describe())

    def find(self, id: str) -> Job:
        """Return a job that was announced.

        Raises:
            NotFoundError: there is none, or it ended too long ago.
        """
        self._forget_old()
        job = self._jobs.get(id)
        if job is None or not job.announced:
            raise NotFoundError("There is no such job (any more).", code="unknown-job")
        return job

    def list(self) -> list[Job]:
        """Return the jobs that were announced, oldest first."""
        self._forget_old()
        return [job for job in self._jobs.values() if job.announced]

    @property
    def running_count(self) -> int:
        """How many jobs run."""
        return len(self._tasks)

    async def stop(self, seconds: float) -> None:
        """Ask all jobs to stop and wait for them, ``seconds`` at most."""
        for id in self._tasks:
            self._jobs[id].progress.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)

    async def _run(self, job: Job, call: Call) -> None:
        working = asyncio.create_task(self._work(job, call))
        told = None
        while not (await asyncio.wait({working}, timeout=TICK_SECONDS))[0]:
            now = job.describe()
            if job.announced and now != told:
                self._tell(now)
                told = now
        job.outcome = working.result()
        job.ended_at_seconds = self._clock.monotonic_seconds()
        del self._tasks[job.id]
        if job.announced:
            self._tell(job.describe())
        else:
            del self._jobs[job.id]
        self._forget_old()

    async def _work(self, job: Job, call: Call) -> Outcome:
        try:
            return await self._workers.run(lambda: run_call(call, job.progress))
        except MlopsError as error:
            return Outcome(error=error)

    def _forget_old(self) -> None:
        oldest_seconds = self._clock.monotonic_seconds() - KEPT_SECONDS
        ended = [job for job in self._jobs.values() if job.ended_at_seconds is not None]
        ended.sort(key=lambda job: job.ended_at_seconds or 0.0)
        for at, job in enumerate(ended):
            if (job.ended_at_seconds or 0.0) < oldest_seconds or at < len(ended) - KEPT_COUNT:
                del self._jobs[job.id]
