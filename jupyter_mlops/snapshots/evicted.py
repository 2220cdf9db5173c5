"""Chunks that the store has dropped because a remote holds them: the folder ``evicted``.

One file for each remote, its name that of the remote: the ids of the chunks, sorted. What has come
back since may still stand there.
"""

from __future__ import annotations

from collections.abc import Collection

from jupyter_mlops.files.durable import iter_names, remove, write_atomic
from jupyter_mlops.ids import HASH_BYTES, Hash
from jupyter_mlops.objects.store import Store

_FOLDER = "evicted"


def read_evicted(store: Store, remote: str) -> frozenset[Hash]:
    """Return the chunks that were dropped because ``remote`` holds them."""
    try:
        ids = (store.local_folder / _FOLDER / remote).read_bytes()
    except OSError:
        return frozenset()
    return frozenset(Hash(ids[at : at + HASH_BYTES]) for at in range(0, len(ids), HASH_BYTES))


def read_all_evicted(store: Store) -> frozenset[Hash]:
    """Return the chunks that were dropped because some remote holds them."""
    names = iter_names(store.local_folder / _FOLDER)
    return frozenset().union(*(read_evicted(store, name) for name in names))


def write_evicted(store: Store, remote: str, ids: Collection[Hash]) -> None:
    """Note which chunks are dropped because ``remote`` holds them; durable on return.

    Raises:
        UnavailableError: the store cannot be written.
    """
    file = store.local_folder / _FOLDER / remote
    if ids:
        write_atomic(file, b"".join(sorted(ids)))
    else:
        remove(file, durable=True)
