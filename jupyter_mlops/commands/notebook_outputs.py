"""What is stripped from notebooks, kept in the store and found there again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from jupyter_mlops.clock import Clock
from jupyter_mlops.errors import ConflictError, IntegrityError
from jupyter_mlops.formats.pack import MAX_PLAIN_BYTES, RecordKind
from jupyter_mlops.git.config import ALLOW_SECRETS
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.notebooks.canonical import parse_notebook
from jupyter_mlops.notebooks.kept import (
    ALLOWING_TAG,
    DEFAULT_RULES,
    KeepRules,
    LeftOut,
    select_kept,
)
from jupyter_mlops.notebooks.outputs import (
    CARRIED_AT,
    Removed,
    attach_outputs,
    decode_outputs,
    encode_outputs,
    find_removed,
    same_outputs,
)
from jupyter_mlops.notebooks.strip import StripSettings, strip
from jupyter_mlops.objects.outputs import read_outputs, write_outputs
from jupyter_mlops.objects.recent import RecentOutputs
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.writer import Writer, open_writer
from jupyter_mlops.reports.findings import name_cell
from jupyter_mlops.units import format_bytes

_NAMED = 5
_LIMIT_BYTES = MAX_PLAIN_BYTES[RecordKind.OUTPUTS]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Whether the store has the outputs of a notebook now, but for those that were left out."""

    done: bool
    left_out: tuple[LeftOut, ...] = ()


class OutputKeeper:
    """Keeps outputs under the hash of the stripped notebook; for one thread.

    What was kept is durable after :meth:`secure` or :meth:`publish`, which leaving the context
    without an error does too. The store is opened for writing by the first output that it does not
    have yet.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: KeepRules = DEFAULT_RULES,
        recent: RecentOutputs | None = None,
    ) -> None:
        self._store = store
        self._recent = recent
        self._rules = rules
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
                if self._recent is not None:
                    self._recent.write()
        finally:
            self._stack.close()

    def keep(self, stripped: bytes, removed: Removed, path: str | None = None) -> Keeping:
        """Keep what was removed to get ``stripped``, unless it is what the store has as newest.

        Left out is what the rules keep out; where outputs of a notebook were erased, no others are
        kept. ``path`` is where in the project the notebook is, if it is.

        Raises:
            ConflictError: it is more than a record can hold (``outputs-too-big``).
            UnavailableError: the store cannot be written.
        """
        key = hash_bytes(stripped)
        if key in self._store.erased:
            return Keeping(done=False)
        known = self._read(key, for_keeping=True)
        moment = self._clock.now()
        payload = encode_outputs(removed, moment)
        if known is not None and same_outputs(known, payload):
            self._note(path, key)
            return Keeping(done=True)
        if known is not None and self._is_as_written(stripped, removed, path):
            return Keeping(done=True)  # nobody ran it: the known ones came after Git wrote it
        if known is None and self._is_carried(stripped, removed, path):
            moment = CARRIED_AT
        else:
            self._note(path, key)
        selected = select_kept(stripped, removed, self._rules, len(payload))
        if moment == CARRIED_AT or selected.left_out:
            payload = encode_outputs(selected.removed, moment)
        if len(payload) > _LIMIT_BYTES:
            raise ConflictError(
                f"The notebook has {format_bytes(len(payload))} of outputs, and at most "
                f"{format_bytes(_LIMIT_BYTES)} can be kept; clear some of them in Jupyter.",
                code="outputs-too-big",
            )
        kept = Keeping(done=True, left_out=selected.left_out)
        if known is not None and same_outputs(known, payload):
            return kept
        if self._writer is None:
            self._writer = self._stack.enter_context(open_writer(self._store))
        write_outputs(self._writer, key, payload)
        self._pending.add(key)
        self._replaces |= known is not None
        return kept

    def join(
        self,
        stripped: bytes,
        settings: StripSettings,
        path: str | None = None,
        pass_over: Callable[[IntegrityError], None] | None = None,
    ) -> bytes:
        """Return the notebook with the newest outputs kept for it, or as it is when there are none.

        Where none were ever kept for it, say after a merge, its cells get what they had last at
        ``path`` with the same source. ``pass_over`` is told of damaged ones that may be newer.

        Stripping what is returned gives ``stripped`` again, always.

        Raises:
            IntegrityError: the outputs that the store has are damaged.
            UnsupportedError: a newer version kept them.
        """
        key = hash_bytes(stripped)
        payload = self._read(key, pass_over=pass_over)
        if payload is not None:
            joined = attach_outputs(stripped, decode_outputs(payload))
        elif self._recent is not None and path is not None and key not in self._store.erased:
            joined = self._recent.attach(self._store, path, stripped)
        else:
            return stripped
        if joined == stripped or strip(joined, settings).notebook != stripped:
            return stripped
        if self._recent is not None and path is not None:
            self._recent.offer(path, key if payload is not None else None, joined)
        return joined

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

    def _is_as_written(self, stripped: bytes, removed: Removed, path: str | None) -> bool:
        if self._recent is None or path is None:
            return False
        return self._recent.is_as_written(path, attach_outputs(stripped, removed))

    def _is_carried(self, stripped: bytes, removed: Removed, path: str | None) -> bool:
        """Return whether a notebook's outputs are those that its cells had in other versions.

        Kept as new ones, they would count more than those of somebody who has run this version.
        """
        if self._recent is None or path is None:
            return False
        carried = self._recent.attach(self._store, path, stripped)
        if carried == stripped:
            return False
        return find_removed(parse_notebook(carried), parse_notebook(stripped)) == removed

    def _note(self, path: str | None, key: Hash) -> None:
        if self._recent is not None and path is not None:
            self._recent.note(path, key)

    def _read(
        self,
        key: Hash,
        *,
        for_keeping: bool = False,
        pass_over: Callable[[IntegrityError], None] | None = None,
    ) -> bytes | None:
        """Return what is kept under ``key``; what cannot be relied on counts only for reading."""
        if key in self._pending:
            self.publish()
        try:
            return read_outputs(self._store, key, trashed=not for_keeping, pass_over=pass_over)
        except IntegrityError:
            if for_keeping:
                return None
            raise


def describe_left_out(left_out: Iterable[LeftOut], limit_bytes: int) -> list[str]:
    """Return clauses, each to follow a notebook's name, about outputs that are not kept.

    They say which cells, and what to do; never what the outputs are.
    """
    big = [f"{_name(one)} ({format_bytes(one.size_bytes)})" for one in left_out if not one.secrets]
    secrets = [one for one in left_out if one.secrets]
    clauses = []
    if big:
        clauses.append(
            f"has outputs that are not kept, as they are larger than {format_bytes(limit_bytes)},"
            f" output_limit in mlops.toml: {_join(big)}"
        )
    if secrets:
        clauses.append(
            f"has outputs that are not kept, as they {describe_secrets(secrets)} (to keep them: tag"
            f" the cell {ALLOWING_TAG}, or git config {ALLOW_SECRETS} true)"
        )
    return clauses


def describe_secrets(left_out: Iterable[LeftOut]) -> str:
    """Return that some outputs look like secrets, which kinds, and in which cells."""
    return describe_kinds((_name(one), one.secrets) for one in left_out)


def describe_kinds(where: Iterable[tuple[str, Iterable[str]]]) -> str:
    """Return the same of any places, each with the kinds that it shows."""
    shown = [f"{', '.join(kinds)} in {place}" for place, kinds in where]
    return f"look like secrets: {_join(shown)}"


def _name(one: LeftOut) -> str:
    return name_cell(one.cell) if one.cell is not None else "the notebook's metadata"


def _join(words: list[str]) -> str:
    unique = list(dict.fromkeys(words))
    rest = len(unique) - _NAMED
    return "; ".join(unique[:_NAMED]) + (f"; and {rest} more" if rest > 0 else "")
