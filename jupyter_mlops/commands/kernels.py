"""Kernels that nobody else can reach or get in the way of."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

_LONGEST_SOCKET_BYTES = 100
"""A few less than the name of a socket may have on macOS."""


@contextmanager
def private_kernel(name: str | None = None) -> Iterator[AsyncKernelManager]:
    """Yield the manager of a kernel of this interpreter, which is not started yet.

    With ``name`` it is the kernel that is installed under that name.
    It is talked to through sockets in a folder that only this user may enter. Ports of the machine
    are looked for before the kernel takes them, and on a busy machine another program takes one
    first; they serve only where sockets cannot have a name: on Windows, and in a temporary folder
    with a very long one.
    """
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    with tempfile.TemporaryDirectory(prefix="mlops-kernel-", ignore_cleanup_errors=True) as folder:
        # An empty list of folders leaves this interpreter, whatever a user has installed.
        specs = KernelSpecManager(kernel_dirs=[]) if name is None else KernelSpecManager()
        manager = AsyncKernelManager(
            kernel_name=name or "python3",
            kernel_spec_manager=specs,
            connection_file=os.fspath(Path(folder) / "kernel.json"),
        )
        socket = Path(folder) / "socket"
        if sys.platform != "win32" and len(os.fsencode(socket)) < _LONGEST_SOCKET_BYTES:
            manager.transport, manager.ip = "ipc", os.fspath(socket)
        yield manager
