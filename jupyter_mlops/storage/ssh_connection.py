"""One SSH connection for many threads, and what its failures mean."""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.storage import failures
from jupyter_mlops.storage.backend import CONNECT_SECONDS
from jupyter_mlops.storage.url import RemoteUrl

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from asyncio import Lock as AsyncLock

    from asyncssh import SFTPClient, SSHClientConnection

_ALIVE_SECONDS = 15
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Running:
    """The event loop, its thread, and who may connect in it."""

    loop: AbstractEventLoop
    thread: threading.Thread
    connecting: AsyncLock


class SshConnection:
    """Runs coroutines with an SFTP client, in an event loop of a thread of its own.

    It connects when it is first needed, and again after a connection was lost. Thread-safe.
    """

    def __init__(self, where: RemoteUrl) -> None:
        self._where = where
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._connected: tuple[SSHClientConnection, SFTPClient] | None = None

    def run(self, action: Callable[[SFTPClient], Awaitable[_T]], name: str, doing: str) -> _T:
        """Return what ``action`` returns; asyncssh's errors become ours."""
        import asyncio

        from asyncssh import Error

        running = self._started()
        acting = self._act(action, running.connecting)
        future = asyncio.run_coroutine_threadsafe(acting, running.loop)
        try:
            return future.result()
        except (Error, OSError, ValueError) as error:
            failure = translate(error, self._where, name, doing)
        except BaseException:
            future.cancel()
            raise
        raise failure

    def close(self) -> None:
        """End the connection and the thread; harmless when repeated."""
        import asyncio

        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return
        asyncio.run_coroutine_threadsafe(self._disconnect(), running.loop).result()
        running.loop.call_soon_threadsafe(running.loop.stop)
        running.thread.join()
        running.loop.close()

    def _started(self) -> _Running:
        import asyncio

        with self._lock:
            if self._running is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name="mlops-ssh", daemon=True)
                thread.start()
                self._running = _Running(loop, thread, asyncio.Lock())
            return self._running

    async def _act(
        self, action: Callable[[SFTPClient], Awaitable[_T]], connecting: AsyncLock
    ) -> _T:
        from asyncssh import ConnectionLost, SFTPConnectionLost, SFTPNoConnection

        client = await self._client(connecting)
        try:
            return await action(client)
        except (ConnectionLost, SFTPConnectionLost, SFTPNoConnection):
            if self._connected is not None and self._connected[1] is client:
                await self._disconnect()
            raise

    async def _client(self, connecting: AsyncLock) -> SFTPClient:
        async with connecting:
            if self._connected is None:
                connection = await self._connect()
                try:
                    self._connected = (connection, await connection.start_sftp_client())
                except BaseException:
                    connection.abort()
                    raise
            return self._connected[1]

    async def _connect(self) -> SSHClientConnection:
        import asyncssh

        config = Path("~/.ssh/config").expanduser()
        given: dict[str, object] = {}
        if self._where.port is not None:
            given["port"] = self._where.port
        if self._where.user is not None:
            given["username"] = self._where.user
        options = await asyncssh.SSHClientConnectionOptions.construct(
            None,
            config=[str(config)] if config.is_file() else None,
            host=self._where.host,
            connect_timeout=CONNECT_SECONDS,
            login_timeout=2 * CONNECT_SECONDS,
            keepalive_interval=_ALIVE_SECONDS,
            agent_forwarding=False,
            **given,
        )
        if options.known_hosts is None:  # a config that names no file of known hosts
            raise failures.host_key_unknown(self._where.text, _login(self._where))
        return await asyncssh.connect(self._where.host, options=options, config=None, **given)

    async def _disconnect(self) -> None:
        connected, self._connected = self._connected, None
        if connected is not None:
            connection, client = connected
            client.exit()
            connection.abort()
            with suppress(Exception):
                await connection.wait_closed()


def translate(error: Exception, where: RemoteUrl, name: str, doing: str) -> MlopsError:
    """Return what to raise for ``error``, met while ``doing`` something to the object ``name``."""
    import asyncssh

    place = where.text
    match error:
        case asyncssh.PermissionDenied():
            return failures.credentials_refused(
                place, f"Look at your keys and agent, until no question comes: {_login(where)}"
            )
        case asyncssh.HostKeyNotVerifiable():
            return failures.host_key_unknown(place, _login(where))
        case asyncssh.SFTPConnectionLost() | asyncssh.SFTPNoConnection():
            return failures.cut_short(place, name)
        case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath():
            return failures.object_missing(place, name)
        case asyncssh.SFTPPermissionDenied() | asyncssh.SFTPWriteProtect():
            return failures.access_refused(place, doing)
        case asyncssh.SFTPNoSpaceOnFilesystem() | asyncssh.SFTPQuotaExceeded():
            return failures.place_full(place)
        case asyncssh.SFTPError():
            return failures.remote_failed(place, f"it could not {doing}")
        case asyncssh.DisconnectError() | asyncssh.ChannelOpenError():
            return failures.host_unreachable(place, "the connection ended")
        case socket.gaierror():
            return failures.host_unknown(place, where.host)
        case ConnectionRefusedError():
            return failures.host_unreachable(place, "the connection is refused")
        case OSError():  # time-outs, too
            return failures.host_unreachable(place, "no connection comes about")
    return failures.remote_failed(place, "the configuration of SSH or a key cannot be read")


def _login(where: RemoteUrl) -> str:
    """Return the command that logs in by hand."""
    port = f" -p {where.port}" if where.port else ""
    user = f"{where.user}@" if where.user else ""
    return f"ssh{port} {user}{where.host}"
