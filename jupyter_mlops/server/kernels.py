"""Routes by which JupyterLab's side tells a kernel where its notebook is, and that it is saved."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mlops.commands.front_end import CLIENT_PATTERN, REQUEST_PATTERN, KernelFiles
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.server.handler import MlopsHandler, explained
from jupyter_mlops.server.places import resolve_inside

STATES = ("begun", "saved", "failed")


class _KernelHandler(MlopsHandler):
    async def _write(self, path: Path, kernel: str, content: dict[str, Any]) -> None:
        work = functools.partial(self.services.kernel_files.write, path, kernel, content)
        await self.services.lookers.run(work)
        self.set_status(204)
        self.finish()

    def _files_of(self, kernel: str) -> KernelFiles:
        """Return the files beside the kernel's connection file.

        Raises:
            NotFoundError: this server has no such kernel, or it runs elsewhere.
        """
        if kernel in self.kernel_manager:
            file = Path(self.kernel_manager.get_kernel(kernel).connection_file)
            if file.is_file():
                return KernelFiles(file.parent, kernel)
        raise NotFoundError("This server has no such kernel.", code="unknown-kernel")

    async def _resolve_path(self, body: dict[str, Any]) -> str:
        """Return the absolute path of the file that the body names.

        Raises:
            UsageError: it names none, or one that the server does not show.
        """
        path = body.get("path")
        if not isinstance(path, str) or not path:
            raise UsageError("The body needs a 'path'.", code="missing-argument")
        root = self.services.root
        found = await self.services.lookers.run(functools.partial(resolve_inside, root, root, path))
        return str(found)


class ClientHandler(_KernelHandler):
    """A client that has the notebook of a kernel open."""

    @web.authenticated
    @authorized
    @explained
    async def put(self, kernel: str, client: str) -> None:
        """Tell the kernel where its notebook is."""
        _check(CLIENT_PATTERN, client)
        content = {"path": await self._resolve_path(self.read_body())}
        await self._write(self._files_of(kernel).client(client), kernel, content)

    @web.authenticated
    @authorized
    @explained
    async def delete(self, kernel: str, client: str) -> None:
        """Tell the kernel that this client has its notebook open no more."""
        _check(CLIENT_PATTERN, client)
        path = self._files_of(kernel).client(client)
        await self.services.lookers.run(functools.partial(self.services.kernel_files.remove, path))
        self.set_status(204)
        self.finish()


class SaveHandler(_KernelHandler):
    """A request by a kernel to save its notebook."""

    @web.authenticated
    @authorized
    @explained
    async def post(self, kernel: str, request: str) -> None:
        """Tell the kernel how far saving is."""
        _check(REQUEST_PATTERN, request)
        body = self.read_body()
        state, why = body.get("state"), body.get("why")
        if state not in STATES:
            allowed = ", ".join(STATES)
            raise UsageError(f"'state' must be one of {allowed}.", code="bad-value")
        if why is not None and not isinstance(why, str):
            raise UsageError("'why' must be a text.", code="bad-value")
        content = {"path": await self._resolve_path(body), "state": state, "why": why}
        await self._write(self._files_of(kernel).save(request), kernel, content)


def _check(form: str, name: str) -> None:
    if not re.fullmatch(form, name):
        raise UsageError("The address holds a name of the wrong form.", code="bad-value")
