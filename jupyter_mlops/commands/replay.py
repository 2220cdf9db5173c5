"""One notebook run from top to bottom in a clean kernel."""

from __future__ import annotations

import os
import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_mlops.commands.kernels import private_kernel
from jupyter_mlops.config import REPLAY_VARIABLE
from jupyter_mlops.document.cells import shorten
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.progress import Task
from jupyter_mlops.text import visible

_MAY_RAISE = "raises-exception"
_OWN_KERNEL = "python3"
_SESSION_NAME = "JPY_SESSION_NAME"
_LOOK_SECONDS = 0.1
_ERROR_WIDTH = 200
_ERROR_LETTERS = 800


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: ``error`` says in one line why it did not reach its end, and ``cell`` where.

    ``ran`` counts the cells that ran to their end. Where ``is_tried`` is false it could not begin:
    its kernel is not installed.
    """

    ran: int
    error: str | None = None
    cell: CellPlace | None = None
    is_tried: bool = True


def count_cells(notebook: Any) -> int:
    """Return how many cells a run of ``notebook``, as nbformat reads it, runs."""
    return sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in notebook.cells)


def replay(
    notebook: Any, file: Path, cell_seconds: int | None, task: Task, *, is_named: bool = True
) -> Ended:
    """Run ``notebook`` in a new kernel, in the folder of ``file``.

    The kernel is that which the notebook names, this interpreter's for Python. It ends with the
    call, also with one that is interrupted. ``task`` is advanced by cells, from this thread. A
    notebook without code needs no kernel.

    Args:
        notebook: as nbformat reads it; its outputs are then those of the run.
        file: the notebook's file.
        cell_seconds: the longest that a cell may take, None for as long as it wants.
        task: told of each cell that has run.
        is_named: whether the kernel is told that it is that of ``file``.
    """
    if not count_cells(notebook):
        return Ended(0)
    spec = notebook.metadata.get("kernelspec")
    named = spec.get("name") if isinstance(spec, dict) else None
    with private_kernel(None if named in (None, _OWN_KERNEL) else str(named)) as manager:
        environment = {**os.environ, REPLAY_VARIABLE: "1", _SESSION_NAME: str(file)}
        if not is_named:
            del environment[_SESSION_NAME]
        run = _Run(notebook, file.parent, cell_seconds, manager, environment)
        run.start()
        try:
            while run.is_alive():
                run.join(_LOOK_SECONDS)
                run.tell(task)
            run.tell(task)
        except BaseException:
            run.cancel()
            raise
        return run.ended(str(named))


class _Run(threading.Thread):
    """A thread with an event loop of its own: the caller's thread may have one that runs."""

    def __init__(
        self,
        notebook: Any,
        folder: Path,
        cell_seconds: int | None,
        manager: Any,
        environment: dict[str, str],
    ) -> None:
        super().__init__(name="mlops-replay", daemon=True)
        import asyncio

        from nbclient import NotebookClient

        self._loop = asyncio.new_event_loop()
        self._client = NotebookClient(
            notebook,
            km=manager,
            resources={"metadata": {"path": str(folder)}},
            timeout=cell_seconds,
            extra_arguments=["--log-level=ERROR"],
            on_cell_execute=self._begin,
            on_cell_executed=self._end,
        )
        self._ran: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._count = 0
        self._cell: CellPlace | None = None
        self._error: BaseException | None = None
        self._execution = self._client.async_execute(cleanup_kc=True, env=environment)
        self._task = self._loop.create_task(self._execution)

    def run(self) -> None:
        try:
            self._loop.run_until_complete(self._task)
        except BaseException as error:  # told by ended
            self._error = error
        finally:
            self._loop.close()

    def tell(self, task: Task) -> None:
        """Advance ``task`` by the cells that have run since."""
        while not self._ran.empty():
            task.advance(self._ran.get())

    def cancel(self) -> None:
        """Kill the kernel, and return when it is gone."""
        self._client.shutdown_kernel = "immediate"
        if self.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.join()

    def ended(self, kernel: str) -> Ended:
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        error = self._error
        match error:
            case None:
                return Ended(self._count)
            case NoSuchKernel():
                wanted = shorten(visible(kernel[:_ERROR_LETTERS]), _ERROR_WIDTH)
                told = f"it wants the kernel {wanted}, which is not installed here"
                return Ended(0, told, is_tried=False)
            case CellExecutionError():
                told = f"{error.ename}: {error.evalue}" if error.evalue else str(error.ename)
            case CellTimeoutError():
                told = "it took longer than allowed"
            case DeadKernelError():
                told = "the kernel died"
            case _:
                told = f"{type(error).__name__}: {error}"
        lines = visible(told.strip()[:_ERROR_LETTERS], keep_lines=True).splitlines()
        first = shorten(lines[0], _ERROR_WIDTH) if lines else "it failed"
        return Ended(self._count, first, self._cell)

    def _begin(self, cell: Any, cell_index: int) -> None:
        self._cell = CellPlace(cell_index, cell.get("id"))

    def _end(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        may_raise = _MAY_RAISE in cell.metadata.get("tags", ())
        if may_raise or execute_reply["content"]["status"] == "ok":
            self._count += 1
            self._ran.put(1)
