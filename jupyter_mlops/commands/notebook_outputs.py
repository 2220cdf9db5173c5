"""What is stripped from notebooks, kept in the store and found there again."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from jupyter_mlops.clock import Clock
from jupyter_mlops.errors import ConflictError, IntegrityError
from jupyter_mlops.formats.pack import MAX_PLAIN_BYTES, RecordKind
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.notebooks.outputs import (
    Removed,
    attach_outputs,
    decode_outputs,
    encode_outputs,
    same_outputs,
)
from jupyter_mlops.notebooks.strip import StripSettings, strip
from jupyter_mlops.objects.outputs import read_outputs, write_outputs
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.writer import Writer, open_writer
from jupyter_mlops.units import format_bytes

_LIMIT_BYTES = MAX_PLAIN_BYTES[RecordKind.OUTPUTS]


class OutputKeeper:
    """Keeps outputs under the hash of the stripped notebook; for one thread.

    What was kept is durable after :meth:`secure` or :meth:`publish`, which leaving the context
    without an error does too. The store is opened for writing by the first output that it does not
    have yet.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._stack = ExitStack()
        self._writer: Writer | None = None
        self._pending: set[Hash] = set()
        self._replaces = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.publish()
        finally:
            self._stack.close()

    def keep(self, stripped: bytes, removed: Removed) -> bool:
        """Keep what was removed to get ``stripped``, unless it is what the store has as newest.

        Return whether it is kept: where outputs of that notebook were erased, no others are.

        Raises:
            ConflictError: it is more than a record can hold (``outputs-too-big``).
            UnavailableError: the store cannot be written.
        """
        key = hash_bytes(stripped)
        if key in self._store.erased:
            return False
        payload = encode_outputs(removed, self._clock.now())
        if len(payload) > _LIMIT_BYTES:
            raise ConflictError(
                f"The notebook has {format_bytes(len(payload))} of outputs, and at most "
                f"{format_bytes(_LIMIT_BYTES)} can be kept; clear some of them in Jupyter.",
                code="outputs-too-big",
            )
        known = self._read(key, for_keeping=True)
        if known is not None and same_outputs(known, payload):
            return True
        if self._writer is None:
            self._writer = self._stack.enter_context(open_writer(self._store))
        write_outputs(self._writer, key, payload)
        self._pending.add(key)
        self._replaces |= known is not None
        return True

    def join(self, stripped: bytes, settings: StripSettings) -> bytes:
        """Return the notebook with the newest outputs kept for it, or as it is when there are none.

        Stripping what is returned gives ``stripped`` again, always.

        Raises:
            IntegrityError: the outputs that the store has are damaged.
            UnsupportedError: a newer version kept them.
        """
        payload = self._read(hash_bytes(stripped))
        if payload is None:
            return stripped
        joined = attach_outputs(stripped, decode_outputs(payload))
        return joined if strip(joined, settings).notebook == stripped else stripped

    def secure(self) -> None:
        """Make durable what was kept so far; :meth:`publish` names it in the index, all at once.

        Outputs that the index does not name are found as long as it names no older ones.

        Raises:
            UnavailableError: the disk did not take it.
        """
        if self._replaces:
            self.publish()
        elif self._writer is not None:
            self._writer.publish_packs()

    def publish(self) -> None:
        """Make durable what was kept so far, named in the index.

        Raises:
            UnavailableError: the disk did not take it.
        """
        writer, self._writer = self._writer, None
        self._pending.clear()
        self._replaces = False
        if writer is not None:
            writer.finish()
            self._stack.close()

    def _read(self, key: Hash, *, for_keeping: bool = False) -> bytes | None:
        """Return what is kept under ``key``; what cannot be relied on counts only for reading."""
        if key in self._pending:
            self.publish()
        try:
            return read_outputs(self._store, key, trashed=not for_keeping)
        except IntegrityError:
            if for_keeping:
                return None
            raise
