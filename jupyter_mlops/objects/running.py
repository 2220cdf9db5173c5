"""Which commands are under way that may come to need what a garbage collection takes away.

Each has a temporary file in the store's folder ``running``, which nobody clears while its process
lives. A collection notes who was there when it moved packs to the trash, and deletes none of them
before all of these have ended: what they have found in the store and not named yet stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import clear_staging, iter_staged_names, open_staged
from jupyter_mlops.objects.store import Store

_FOLDER = "running"
_own: ContextVar[frozenset[str]] = ContextVar("own", default=frozenset())


@contextmanager
def running(store: Store) -> Iterator[None]:
    """Let every garbage collection know that a command is under way while the block runs.

    What commands left that were killed goes. Where the store cannot be written there is no such
    note; packs stay in the trash for days all the same.
    """
    with ExitStack() as stack:
        if store.local_folder.is_dir():
            with suppress(UnavailableError):
                clear_running(store)
                note = stack.enter_context(open_staged(store.local_folder / _FOLDER))
                token = _own.set(_own.get() | {note.path.name})
                stack.callback(_own.reset, token)
        yield


def list_running(store: Store) -> frozenset[str]:
    """Return names for the commands that are under way, each the name of no other one ever."""
    clear_running(store)
    return frozenset(iter_staged_names(store.local_folder / _FOLDER))


def list_others(store: Store) -> frozenset[str]:
    """Return what :func:`list_running` does, without the command that asks."""
    return list_running(store) - _own.get()


def clear_running(store: Store) -> int:
    """Remove what commands left that were killed; return how many those were."""
    return clear_staging(store.local_folder / _FOLDER)
