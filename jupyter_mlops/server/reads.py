"""GETs under way: equal ones are answered by one reading, abandoned ones are stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.server.calls import Outcome
from jupyter_mlops.server.cancelling import CancellableProgress
from jupyter_mlops.server.workers import Workers

Reading = Callable[[CancellableProgress], Outcome]


class Reads:
    """Answers requests that read; all methods belong on the event loop.

    A request joins an equal one only while that has not begun to read: an answer is never older
    than its question. So at most two equal readings are under way, one after the other.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._newest: dict[Hashable, _Read] = {}
        self._running: set[_Read] = set()
        self._waiting_count = 0

    async def read(self, key: Hashable, reading: Reading) -> Outcome:
        """Return the outcome of ``reading``, or that of an equal one, which has the same ``key``.

        When every caller that waits for it is cancelled, the reading is asked to stop.
        """
        read = self._newest.get(key)
        if read is None or not read.may_be_joined:
            read = _Read(self._workers, reading, after=read)
            self._newest[key] = read
            self._running.add(read)
            read.task.add_done_callback(lambda task: self._forget(key, read))
        read.waiting += 1
        self._waiting_count += 1
        try:
            return await asyncio.shield(read.task)
        finally:
            read.waiting -= 1
            self._waiting_count -= 1
            if not read.waiting:
                read.progress.cancel()

    @property
    def waiting_count(self) -> int:
        """How many requests wait for an answer."""
        return self._waiting_count

    async def stop(self, seconds: float) -> None:
        """Ask all that is being read to stop, and wait for it ``seconds`` at most."""
        for read in self._running:
            read.progress.cancel()
        if self._running:
            await asyncio.wait({read.task for read in self._running}, timeout=seconds)

    def _forget(self, key: Hashable, read: _Read) -> None:
        self._running.discard(read)
        if self._newest.get(key) is read:
            del self._newest[key]


class _Read:
    def __init__(self, workers: Workers, reading: Reading, after: _Read | None) -> None:
        self.progress = CancellableProgress()
        self.waiting = 0
        self._begun = False
        before = None if after is None else after.task
        self.task: asyncio.Task[Outcome] = asyncio.create_task(self._run(workers, reading, before))

    @property
    def may_be_joined(self) -> bool:
        return not self._begun and not self.progress.cancelled

    async def _run(
        self, workers: Workers, reading: Reading, before: asyncio.Task[Outcome] | None
    ) -> Outcome:
        if before is not None:
            await asyncio.wait({before})
        if self.progress.cancelled:
            return Outcome()

        def work() -> Outcome:
            self._begun = True
            return reading(self.progress)

        try:
            return await workers.run(work)
        except MlopsError as error:
            return Outcome(error=error)
