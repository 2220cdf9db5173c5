"""Single records of a remote, each verified, as many at once as may be in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from jupyter_mlops.errors import IntegrityError, NotFoundError
from jupyter_mlops.objects.check import RecordKey
from jupyter_mlops.objects.collect import take_record
from jupyter_mlops.objects.packing import Record, decode
from jupyter_mlops.objects.packs import stored_span
from jupyter_mlops.objects.records import Located
from jupyter_mlops.progress import Task
from jupyter_mlops.storage.backend import ByteRange
from jupyter_mlops.sync.listing import pack_object
from jupyter_mlops.sync.remote import TRANSFERS, Remote

_RUN_BYTES = 16 << 20

Run = Sequence[Located]
"""Records of one pack, in order."""


def iter_located(
    remote: Remote, items: Iterable[Located], task: Task | None = None
) -> Iterator[tuple[Located, Record]]:
    """Yield the records at these places that are what they should be, in the order of their packs.

    A pack in which one is not is noted on the remote.

    Args:
        remote: where they are.
        items: name and place of each.
        task: is told the bytes that were looked at.

    Raises:
        UnavailableError: the remote failed.
    """
    with ThreadPoolExecutor(TRANSFERS, thread_name_prefix="mlops-records") as pool:
        under_way: deque[tuple[Run, Future[list[tuple[Located, Record]]]]] = deque()
        runs = _split(sorted(items, key=lambda item: (item[1].pack, item[1].offset)))
        try:
            for run in runs:
                under_way.append((run, pool.submit(_read_run, remote, run)))
                if len(under_way) > TRANSFERS:
                    yield from _take(remote, *under_way.popleft(), task)
            while under_way:
                yield from _take(remote, *under_way.popleft(), task)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def read_records(remote: Remote, keys: Iterable[RecordKey]) -> dict[RecordKey, bytes]:
    """Return the plain bytes of records, each from whichever pack gives it, but for the trash.

    What the remote has nowhere whole is left out.

    Raises:
        UnavailableError: the remote failed.
    """
    found: dict[RecordKey, bytes] = {}
    left = set(keys)
    while left:
        places = {key: remote.find(*key) for key in left}
        items = [(key[1], place) for key, place in places.items() if place is not None]
        for _, record in iter_located(remote, items):
            found[record.kind, record.id] = decode(record)
        again = {key for key, place in places.items() if place is not None} - found.keys()
        left = {key for key in again if remote.find(*key) not in (None, places[key])}
    return found


def _take(
    remote: Remote,
    run: Run,
    future: Future[list[tuple[Located, Record]]],
    task: Task | None,
) -> Iterator[tuple[Located, Record]]:
    records = future.result()
    if len(records) < len(run):
        remote.note_damaged(run[0][1].pack, run[0][1].plain)
    if task is not None:
        task.advance(sum(place.stored_bytes for _, place in run))
    yield from records


def _split(items: Iterable[Located]) -> Iterator[Run]:
    run: list[Located] = []
    size_bytes = 0
    for item in items:
        if run and (item[1][:2] != run[0][1][:2] or size_bytes >= _RUN_BYTES):
            yield run
            run, size_bytes = [], 0
        run.append(item)
        size_bytes += item[1].stored_bytes
    if run:
        yield run


def _read_run(remote: Remote, run: Run) -> list[tuple[Located, Record]]:
    name = pack_object(run[0][1].pack, run[0][1].plain)
    try:
        spans = [ByteRange(*stored_span(place)) for _, place in run]
        read = remote.backend.read_ranges(name, spans)
    except NotFoundError:
        return []
    except IntegrityError:  # it is cut short, perhaps after some of them
        return [one for item in run for one in _read_run(remote, [item])] if run[1:] else []
    records = []
    for (id, place), stored in zip(run, read, strict=True):
        with suppress(IntegrityError):
            records.append(((id, place), take_record(stored, place, id, name)))
    return records
