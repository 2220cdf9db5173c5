"""A real kernel, driven over its channels as a front end drives it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from jupyter_mlops.commands.front_end import KernelFiles

_LIMIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Ran:
    """What a cell sent while it ran, up to its end."""

    messages: tuple[dict[str, Any], ...]

    def contents(self, kind: str) -> list[dict[str, Any]]:
        """Return the contents of all messages of one kind."""
        return [one["content"] for one in self.messages if one["msg_type"] == kind]

    @property
    def text(self) -> str:
        """What was printed, and the plain text of what was shown, errors included."""
        parts = [content["text"] for content in self.contents("stream")]
        for kind in ("display_data", "execute_result"):
            parts += [content["data"]["text/plain"] for content in self.contents(kind)]
        parts += ["\n".join(content["traceback"]) for content in self.contents("error")]
        return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel that runs, and the folder of its connection file."""

    files: KernelFiles
    _manager: KernelManager
    _client: BlockingKernelClient

    def run(
        self,
        code: str,
        on_comm: Callable[[dict[str, Any]], None] = lambda content: None,
        *,
        cell_id: str | None = None,
    ) -> Ran:
        """Run a cell; ``on_comm`` is called with what each comm opens with, while the cell runs.

        ``cell_id`` is told to the kernel as JupyterLab does it.
        """
        asked = self._ask(code, cell_id)
        messages: list[dict[str, Any]] = []
        while True:
            message = self._client.get_iopub_msg(timeout=_LIMIT_SECONDS)
            if message["parent_header"].get("msg_id") != asked:
                continue
            messages.append(message)
            if message["msg_type"] == "comm_open":
                on_comm(message["content"])
            if message["content"].get("execution_state") == "idle":
                return Ran(tuple(messages))

    def _ask(self, code: str, cell_id: str | None) -> str:
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        metadata = {"cellId": cell_id, "deletedCells": [], "recordTiming": False} if cell_id else {}
        message = self._client.session.msg("execute_request", content, metadata=metadata)
        self._client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def interrupt(self) -> None:
        """Do what the stop button does."""
        self._manager.interrupt_kernel()

    def shut_down(self) -> None:
        """Ask the kernel to end, as a front end does, and wait until it has."""
        self._manager.shutdown_kernel(now=False)


@contextmanager
def start_kernel(folder: Path, runtime: Path, **environ: str) -> Iterator[Kernel]:
    """Yield a kernel in ``folder`` whose connection file lies in ``runtime``, as Jupyter's do.

    It is talked to through sockets: a port might be taken before the kernel takes it.
    """
    files = KernelFiles(runtime, str(uuid.uuid4()))
    runtime.mkdir(mode=0o700, exist_ok=True)
    with TemporaryDirectory() as sockets:
        manager = KernelManager(
            connection_file=str(runtime / f"kernel-{files.kernel}.json"),
            transport="ipc",
            ip=f"{sockets}/kernel",
        )
        manager.start_kernel(cwd=str(folder), env={**os.environ, **environ})
        try:
            client = manager.blocking_client()
            client.start_channels()
            try:
                client.wait_for_ready(timeout=_LIMIT_SECONDS)
                yield Kernel(files, manager, client)
            finally:
                client.stop_channels()
        finally:
            manager.shutdown_kernel(now=True)
