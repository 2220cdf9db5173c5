"""Single records out of the store, each verified, and runs of them by one read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from jupyter_mlops.errors import IntegrityError, MlopsError, NotFoundError
from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.manifest import EMPTY_TREE, EMPTY_TREE_HASH
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import Hash, format_hash
from jupyter_mlops.objects.erased import was_erased
from jupyter_mlops.objects.packs import PackFile, decode_place, decode_run, stored_span
from jupyter_mlops.objects.store import Store

RUN_BYTES = 2 << 20
_GAP_BYTES = 64 << 10

Located = tuple[Hash, Place]
"""A record's name and where it is."""


def has(store: Store, kind: RecordKind, id: Hash, *, trashed: bool = False) -> bool:
    """Return whether the store has that record; the empty folder's manifest needs none.

    What lies in the trash counts only with ``trashed``: it can be read and will be deleted.
    """
    return _is_empty_tree(kind, id) or locate(store, kind, id, trashed=trashed) is not None


def locate(store: Store, kind: RecordKind, id: Hash, *, trashed: bool) -> Place | None:
    """Return a place of a record, None where there is none; see :func:`has`."""
    place = store.locate(kind, id)
    if place is None and trashed:
        return next(iter(store.trashed_places(kind, id)), None)
    return place


def read_bytes(store: Store, kind: RecordKind, id: Hash) -> bytes:
    """Return the plain bytes of a record, verified, from the trash where it is only there.

    Raises:
        NotFoundError: the store lacks it (code ``content-missing``).
        IntegrityError: no copy of it is whole (code ``content-damaged``).
    """
    if _is_empty_tree(kind, id):
        return EMPTY_TREE
    found = next(iter_copies(store, kind, id), None)
    if found is None:
        raise missing_content(store, id)
    return found


def iter_copies(
    store: Store,
    kind: RecordKind,
    id: Hash,
    *,
    trashed: bool = True,
    pass_over: Callable[[IntegrityError], None] | None = None,
) -> Iterator[bytes]:
    """Yield the plain bytes of every whole record of that name; they differ only for OUTPUTS.

    What lies in the trash is read where nothing else is, unless ``trashed`` is False. When some
    are whole, ``pass_over`` is told of one that is not.

    Raises:
        IntegrityError: there are some and none is whole (code ``content-damaged``).
    """
    failure: IntegrityError | None = None
    whole = vanished = False
    places = store.places(kind, id) or (store.trashed_places(kind, id) if trashed else [])
    for place in places:
        try:
            content = read_place(store, place, id)
        except FileNotFoundError:
            vanished = True
            continue
        except IntegrityError as error:
            failure = error
            continue
        whole = True
        yield content
    if whole or (failure is None and not vanished):
        if failure is not None and pass_over is not None:
            pass_over(failure)
        return
    if vanished:  # a garbage collection has moved what it was in
        store.reload()
        yield from iter_copies(store, kind, id, trashed=trashed, pass_over=pass_over)
    elif store.distrust_index():
        yield from iter_copies(store, kind, id, trashed=trashed, pass_over=pass_over)
    else:
        raise damaged(id, failure) from failure


def locate_chunk(store: Store, id: Hash) -> Place:
    """Return where a chunk is, in the trash too.

    Raises:
        NotFoundError: the store lacks it (code ``content-missing``).
    """
    place = locate(store, RecordKind.CHUNK, id, trashed=True)
    if place is None:
        raise missing_content(store, id)
    return place


def split_runs(
    items: Iterable[Located], limit_bytes: int = RUN_BYTES
) -> Iterator[Sequence[Located]]:
    """Yield consecutive ``items`` that one read of about ``limit_bytes`` brings."""
    run: list[Located] = []
    start = end = 0
    for item in items:
        place = item[1]
        offset, length = stored_span(place)
        if run:
            last = run[-1][1]
            same = last.pack == place.pack and last.plain == place.plain
            close = end <= offset <= end + _GAP_BYTES
            if not (same and close and offset + length - start <= limit_bytes):
                yield run
                run = []
        if not run:
            start = offset
        run.append(item)
        end = offset + length
    if run:
        yield run


def read_run(store: Store, run: Sequence[Located]) -> list[bytes]:
    """Return the bytes of records that :func:`split_runs` put together, in order.

    Raises as :func:`read_bytes`.
    """
    first = run[0][1]
    offset, length = stored_span(run[-1][1])
    try:
        with PackFile(store.pack_path(first)) as pack:
            view = pack.read(first.offset, offset + length - first.offset)
            return decode_run(view, first.offset, run, pack.origin)
    except (IntegrityError, FileNotFoundError):
        # one by one, so that another copy, or a pack that came meanwhile, is found
        return [read_bytes(store, place.kind, id) for id, place in run]


def open_pack(store: Store, place: Place, id: Hash) -> PackFile:
    """Open the pack at ``place`` of a record, where a garbage collection may have moved it too.

    Raises:
        NotFoundError: it is nowhere (code ``content-missing``).
    """
    for path in store.pack_paths(place):
        with suppress(FileNotFoundError):
            return PackFile(path)
    store.reload()
    for run in store.trash():
        with suppress(FileNotFoundError):
            return PackFile(run.pack_path(place))
    raise missing_content(store, id)


def missing_content(store: Store, id: Hash) -> NotFoundError:
    """Return what to raise when the store lacks some content, or it was erased."""
    erasure = store.erased.find(id)
    if erasure is not None:
        return was_erased(id, erasure)
    return NotFoundError(
        f"The store on this machine lacks the content {format_hash(id)}{describe_away(store)}.",
        code="content-missing",
        hints=("jupyter mlops log", "jupyter mlops check"),
    )


def describe_away(store: Store) -> str:
    """Return the end of a sentence about missing content: which store is away that may have it."""
    away = store.unreachable_folders()
    names = ", ".join(map(str, away))
    return f"; out of reach, so that it may be there, is the store {names}" if away else ""


def damaged(id: Hash, failure: MlopsError | None = None) -> IntegrityError:
    """Return what to raise when no copy of some content is whole."""
    reason = f": {failure.message}" if failure is not None else "."
    return IntegrityError(
        f"The content {format_hash(id)} is damaged in the store{reason}",
        code="content-damaged",
        hints=("jupyter mlops repair",),
    )


def read_place(store: Store, place: Place, id: Hash) -> bytes:
    """Return the plain bytes of the record at one place, verified, wherever its pack lies.

    Raises:
        IntegrityError: they are damaged.
        FileNotFoundError: the pack is gone.
    """
    failure: Exception = FileNotFoundError(place.pack.hex())
    for path in store.pack_paths(place):
        try:
            return _read_at(path, place, id)
        except FileNotFoundError:
            continue
        except IntegrityError as error:
            failure = error
    raise failure


def _read_at(path: Path, place: Place, id: Hash) -> bytes:
    offset, length = stored_span(place)
    with PackFile(path) as pack:
        return decode_place(pack.read(offset, length), offset, place, id, pack.origin)


def _is_empty_tree(kind: RecordKind, id: Hash) -> bool:
    return kind is RecordKind.TREE and id == EMPTY_TREE_HASH
