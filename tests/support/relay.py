"""A way through loopback that can be cut: what a network does to a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes connections on to a port; thread-safe.

    Attributes:
        budgets: after how many bytes each of the next connections is cut; the first one is for the
            next connection.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.budgets: list[int] = []
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()

    def serve(self) -> None:
        """Accept connections until the relay is closed."""
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target_port))
            for end in (
                near,
                far,
            ):  # as SSH has it at both ends: no small packet waits for an answer
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open += [near, far]
                budget = _Budget(self.budgets.pop(0) if self.budgets else None)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, sink, budget), daemon=True).start()

    def drop(self) -> None:
        """Cut every connection that there is; new ones come about."""
        with self._lock:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._open.clear()

    def close(self) -> None:
        """Cut every connection, and accept no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.drop()


@contextmanager
def open_relay(target_port: int) -> Iterator[Relay]:
    """Yield a relay to a port of loopback."""
    relay = Relay(target_port)
    thread = threading.Thread(target=relay.serve)
    thread.start()
    try:
        yield relay
    finally:
        relay.close()
        thread.join()


class _Budget:
    """How many bytes a connection may carry in both directions together; None: any number."""

    def __init__(self, size_bytes: int | None) -> None:
        self._left = size_bytes
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> int:
        """Return how many of these bytes may pass."""
        with self._lock:
            if self._left is None:
                return size_bytes
            passing = min(size_bytes, self._left)
            self._left -= passing
            return passing


def _pump(source: socket.socket, sink: socket.socket, budget: _Budget) -> None:
    with suppress(OSError):
        while part := source.recv(1 << 16):
            passing = budget.take(len(part))
            sink.sendall(part[:passing])
            if passing < len(part):
                source.shutdown(socket.SHUT_RDWR)
                break
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR if budget.take(1) else socket.SHUT_RDWR)
