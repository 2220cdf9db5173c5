"""The threads in which requests are worked on, so that the event loop waits for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from jupyter_mlops.errors import UnavailableError

T = TypeVar("T")


class Workers:
    """A bounded number of threads with a bounded number of requests that wait for one."""

    def __init__(self, threads: int, limit: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"mlops-{name}")
        self._limit = limit
        self._count = 0
        self._closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, from a thread. Called on the event loop.

        Work that was begun goes on when the caller is cancelled.

        Raises:
            UnavailableError: too much is waiting already, or the server is stopping.
        """
        if self._closed:
            raise UnavailableError("The server is stopping.", code="server-stopping")
        if self._count >= self._limit:
            raise UnavailableError(
                "The server has too much to do at the moment.",
                code="server-busy",
                hints=("Try again in a moment.",),
            )
        self._count += 1
        running = asyncio.get_running_loop().run_in_executor(self._pool, work)
        running.add_done_callback(self._ended)
        return await running

    def close(self) -> None:
        """Take no more work; what waits is dropped, what runs is not waited for."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ended(self, ended: asyncio.Future[T]) -> None:
        self._count -= 1
