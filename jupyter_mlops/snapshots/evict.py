"""Dropping what an alternate is verified to hold, at once, and taking it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_mlops.errors import ConflictError, UnavailableError
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.formats.index import Place
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.evict import (
    EvictionPlan,
    evict,
    holds_elsewhere,
    plan_eviction,
    take_back,
)
from jupyter_mlops.objects.packs import list_packs
from jupyter_mlops.objects.store import Store
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.needed import find_needed
from jupyter_mlops.snapshots.operations import EVICTED, Move, Operation, log_operation
from jupyter_mlops.snapshots.roots import find_roots

STORE = "store"
"""What the operation log calls content that alternates hold."""


def evict_content(
    handles: Handles, command: tuple[str, ...], *, dry_run: bool = False
) -> EvictionPlan:
    """Drop what alternates are verified to hold; return what that was.

    Args:
        handles: the project.
        command: the words typed, for the operation log.
        dry_run: only look.

    Raises:
        ConflictError: the clone has no alternate (``no-alternate``), or its store is shared
            (``store-shared``).
        IntegrityError: a record that is kept is damaged; nothing was dropped.
        UnavailableError: the store cannot be written.
    """
    require_own_store(handles)
    if not handles.store.alternates:
        raise ConflictError(
            "Nothing was evicted: this clone has no other store that could hold its content.",
            code="no-alternate",
            hints=(
                "jupyter mlops evict --remote NAME",
                "git config --add mlops.alternates /path/of/another/store",
            ),
        )
    if dry_run:
        return _plan(handles)
    clear_leftovers(handles)
    with own_store(handles) as own:
        plan = _plan(handles)
        evict(own, plan)
    if plan.freed_bytes:
        moved = {STORE: Move(None, EVICTED)}
        operation = Operation(command, handles.clock.now(), evicted=moved)
        log_operation(handles.git.state_dir, operation)
    return plan


def undo_eviction(handles: Handles, move: Move) -> None:
    """Make a move of evicted content: copy all that is needed back, or drop it again.

    Raises:
        UnavailableError: an alternate is not there, or the store cannot be written.
    """
    away = handles.store.unreachable_folders()
    if away:
        raise UnavailableError(
            f"Nothing was undone: the alternate {away[0]} is not there.",
            code="store-unreachable",
            hints=("jupyter mlops status",),
        )
    with own_store(handles) as own:
        if move.after == EVICTED:
            evict(own, _plan(handles))
            return
        needed = find_needed(handles, find_roots(handles, undo_since=handles.clock.now()))
        take_back(own, _others(handles), needed.ranks)


@contextmanager
def own_store(handles: Handles) -> Iterator[Store]:
    """Yield what the clone has without its alternates, while no other collection is at work."""
    with hold_lock(handles.store.folder / "collecting.lock"):
        yield Store(handles.store.folder)
    handles.store.reload()


def _plan(handles: Handles) -> EvictionPlan:
    own = Store(handles.store.folder)
    total = sum(pack.size_bytes for pack in list_packs(own.folder))
    with handles.progress.task("Looking at alternates", total) as task:
        now_seconds = int(handles.clock.now().timestamp())
        others = _others(handles)

        def is_held(place: Place, id: Hash) -> bool:
            return holds_elsewhere(own, others, place, id)

        return plan_eviction(own, is_held, now_seconds, task)


def _others(handles: Handles) -> list[Store]:
    return [Store(folder) for folder in handles.store.alternates]


def require_own_store(handles: Handles) -> None:
    """Let pass if no other clone needs what the store holds.

    Raises:
        ConflictError: it is shared (``store-shared``).
    """
    if handles.store.is_shared:
        raise ConflictError(
            f"Nothing was evicted: the store {handles.store.folder} is shared, and other clones"
            " need what it holds.",
            code="store-shared",
            hints=("git config --show-origin --get mlops.store",),
        )
