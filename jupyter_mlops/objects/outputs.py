"""Outputs of notebooks, kept under the hash of the stripped notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.records import iter_copies, read_place
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.writer import Writer


class _Head(msgspec.Struct):
    created_at: str


def write_outputs(writer: Writer, stripped_key: Hash, payload: bytes) -> None:
    """Add one notebook's outputs, which hold ``created_at``; older ones under the key stay."""
    writer.add_bytes(RecordKind.OUTPUTS, stripped_key, payload)


def read_outputs(
    store: Store,
    stripped_key: Hash,
    *,
    trashed: bool = True,
    pass_over: Callable[[IntegrityError], None] | None = None,
) -> bytes | None:
    """Return the newest outputs of the stripped notebook, None when there are none or were erased.

    Those in the trash are read where there are no others, unless ``trashed`` is False. The newest
    is that of the whole ones: ``pass_over`` is told of one that is not, which may be newer.

    Raises:
        IntegrityError: there are some and none is whole.
    """
    if stripped_key in store.erased:
        return None
    kind = RecordKind.OUTPUTS
    copies = list(iter_copies(store, kind, stripped_key, trashed=trashed, pass_over=pass_over))
    return max(copies, key=_created_at, default=None)


def replaced_outputs(store: Store, stripped_key: Hash) -> list[Place]:
    """Return where all outputs of the stripped notebook are but the newest.

    Raises:
        IntegrityError: some are not whole.
    """
    places = store.places(RecordKind.OUTPUTS, stripped_key)
    if len(places) < 2:
        return []
    newest = max(places, key=lambda place: _created_at(read_place(store, place, stripped_key)))
    return [place for place in places if place != newest]


def newest_outputs(store: Store, stripped_key: Hash, places: Sequence[Place]) -> Place | None:
    """Return which of ``places`` has the newest outputs; None where none of several is whole."""
    if len(places) == 1:
        return places[0]
    ages: dict[Place, str] = {}
    for place in places:
        with suppress(IntegrityError, FileNotFoundError):
            ages[place] = _created_at(read_place(store, place, stripped_key))
    return max(ages, key=ages.__getitem__, default=None)


def _created_at(payload: bytes) -> str:
    """Return the time in a payload; ISO 8601 in UTC sorts as text."""
    try:
        return msgspec.json.decode(payload, type=_Head).created_at
    except (ValueError, RecursionError) as error:
        raise IntegrityError(
            "Outputs of a notebook in the store are not readable.",
            code="content-damaged",
            hints=("jupyter mlops doctor",),
        ) from error
